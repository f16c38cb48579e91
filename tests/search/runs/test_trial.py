import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from mnist_core.checkpoint import Checkpoint, load_checkpoint, restore_model
from mnist_core.engine import Engine
from mnist_core.evaluation import evaluate
from mnist_core.model import build_model
from mnist_core.plan import EpochPlan, plan_epoch
from mnist_core.training import DivergedError
from search.runs.pruning import MIN_RIVALS, WARM_UP_EPOCHS
from search.runs.trial import MAX_DIVERGED, trial_seed
from search.sampling.draws import STARTUP_TRIALS
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
from space.errors import SearchFailedError
from space.results import EpochResult
from studies.confusions import MAX_MISTAKES, read_confusions
from studies.failures import StoreUnreachableError
from studies.intervals import effective_images
from studies.locks import WorkerLocks
from studies.pareto import FrontPoint
from studies.records import read_epochs, read_front
from studies.rivals import TrialCurve
from studies.slots import MAX_LOSSES, Slot, SlotLostError, SlotState, State
from studies.study import SearchStudy
from studies.trials import Outcome, candidate_of, outcome_of
from tests.runners import (
    TrialRunner,
    digits_of_a_rare_class,
    few_digits,
    make_runner,
    only_one_candidate,
    run_all,
    small_space,
    stop_after,
)
from tests.stores import WORKER, change_slot, reopen, silence, summaries_of, train_one

ABSURD = {"max_lr": (1e12, 1e12), "weight_decay": (1e12, 1e12)}  # weights grow by 1e24 a step


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than a search has with nets that are hard to draw."""
    monkeypatch.setattr("search.sampling.draws.MAX_DRAWS", 300)


def trials_of(runner: TrialRunner) -> list[FrozenTrial]:
    """As another process would read them."""
    return reopen(runner.search).study.trials


def weights_of(search: SearchStudy, number: int) -> Checkpoint:
    return load_checkpoint(search.store.artifacts.find(search.study.trials[number].user_attrs["weights"]))


def slot_states(runner: TrialRunner) -> list[State]:
    return [slot.state for slot in runner.search.slots.read()]


# A trial from its slot to its outcome


def test_a_complete_trial_leaves_all_its_traces(tmp_path: Path, engine: Engine) -> None:
    runner = make_runner(tmp_path, trials=1, engine=engine)
    assert run_all(runner) == [Outcome.COMPLETE]
    search, data = reopen(runner.search), few_digits()
    (trial,) = search.study.trials
    candidate = candidate_of(trial)
    curve = read_epochs(search.store.database, search.name, [0])[0]
    assert [result.epoch for result in curve] == [1, 2]
    assert trial.state == TrialState.COMPLETE
    assert trial.values == [curve[-1].val_accuracy, candidate.num_params]
    attributes = trial.user_attrs
    assert attributes["outcome"] == "complete"
    assert attributes["seed"] == trial_seed(0, 0)
    assert attributes["num_params"] == candidate.num_params <= runner.config.budget
    assert attributes["notation"] == str(candidate.architecture)
    assert attributes["run"] == runner.config.recorded("cpu", engine.name)
    assert attributes["seconds"] == pytest.approx(sum(result.seconds for result in curve))
    assert runner.config.space.suggest_candidate(FixedParams(trial), epochs=2) == candidate

    confusion = read_confusions(search.store.database, search.name, [0])[0]
    counts = np.array(confusion.counts)
    assert counts.sum(1).tolist() == np.bincount(data.validation.labels).tolist()
    assert np.trace(counts) / counts.sum() == curve[-1].val_accuracy
    assert len(confusion.mistakes) == min(MAX_MISTAKES, counts.sum() - np.trace(counts))
    assert all(data.validation.labels[image] == label != said for image, label, said in confusion.mistakes)

    (slot,) = search.slots.read()
    assert (slot.state, slot.trial_number, slot.num_params) == (Outcome.COMPLETE, 0, candidate.num_params)
    assert read_front(search.store.database, search.name) == [
        FrontPoint(0, candidate.num_params, curve[-1].val_accuracy, str(candidate.architecture))
    ]
    assert [trial.user_attrs["trial"] for trial in search.curves.trials] == [0]

    (artifact,) = get_all_artifact_meta(trial, storage=search.store.storage)
    assert artifact.artifact_id == attributes["weights"]
    assert artifact.filename == "trial-0.safetensors"
    checkpoint = weights_of(search, 0)
    assert (checkpoint.candidate, checkpoint.trial, checkpoint.seed) == (candidate, 0, attributes["seed"])
    assert (checkpoint.mean, checkpoint.std, checkpoint.dataset_sha256) == (data.mean, data.std, data.sha256)
    images, labels = torch.tensor(data.validation.images), torch.tensor(data.validation.labels)
    measured = evaluate(restore_model(checkpoint), images, labels, mean=data.mean, std=data.std)
    assert checkpoint.val_accuracy == curve[-1].val_accuracy == pytest.approx(measured.accuracy, abs=1 / len(labels))


class FixedParams:
    """Suggests what a trial had."""

    def __init__(self, trial: FrozenTrial) -> None:
        self._params = trial.params

    def suggest_int(self, name: str, *_: Any, **__: Any) -> int:
        return int(self._params[name])

    def suggest_float(self, name: str, *_: Any, **__: Any) -> float:
        return float(self._params[name])

    def suggest_categorical(self, name: str, *_: Any, **__: Any) -> Any:
        return self._params[name]


def test_a_trial_records_the_engine_that_trained_it(
    tmp_path: Path, native_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_core.engine.layer_specs", lambda _: None)  # no layer is known to the native trainer
    runner = make_runner(tmp_path, trials=1, epochs=1, engine=native_engine)
    assert run_all(runner) == [Outcome.COMPLETE]
    assert trials_of(runner)[0].user_attrs["run"]["engine"] == "torch"


def test_no_more_trials_are_trained_than_asked_for(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=3, epochs=1)
    assert run_all(runner) == [Outcome.COMPLETE] * 3
    assert run_all(runner) == []
    assert len(trials_of(runner)) == 3


def test_trials_have_seeds_of_their_own() -> None:
    seeds = {trial_seed(study, number) for study in range(5) for number in range(100)}
    assert len(seeds) == 500


# Pruning


def add_rivals(runner: TrialRunner, width: int) -> None:
    """Complete trials that no net of this study can compete with, as small as a net of that width."""
    for _ in range(MIN_RIVALS):
        train_one(runner.search, width, [0.999] * runner.config.epochs)


def test_a_hopeless_trial_is_pruned_as_soon_as_may_be(tmp_path: Path) -> None:
    epochs = WARM_UP_EPOCHS + 2
    runner = make_runner(tmp_path, pruner="size-aware", epochs=epochs, trials=MIN_RIVALS + 1)
    add_rivals(runner, 1)
    assert run_all(runner) == [Outcome.PRUNED]
    search = reopen(runner.search)
    trial = search.study.trials[-1]
    assert (trial.state, trial.values) == (TrialState.PRUNED, None)
    assert trial.user_attrs["outcome"] == "pruned"
    assert trial.user_attrs["reason"] == f"pruned after epoch {WARM_UP_EPOCHS}"
    assert trial.user_attrs["num_epochs"] == WARM_UP_EPOCHS
    assert len(read_epochs(search.store.database, search.name, [trial.number])[trial.number]) == WARM_UP_EPOCHS
    assert slot_states(runner)[-1] == Outcome.PRUNED
    assert "weights" not in trial.user_attrs
    assert search.curves.trials[-1].state == TrialState.PRUNED
    assert trial.number not in {point.trial for point in read_front(search.store.database, search.name)}


@pytest.mark.parametrize(("pruner", "rival_width"), [("none", 1), ("size-aware", 100)])
def test_no_trial_is_pruned_without_a_pruner_or_by_bigger_rivals(tmp_path: Path, pruner: str, rival_width: int) -> None:
    runner = make_runner(tmp_path, pruner=pruner, epochs=WARM_UP_EPOCHS + 1, trials=MIN_RIVALS + 1)
    add_rivals(runner, rival_width)
    assert run_all(runner) == [Outcome.COMPLETE]


@pytest.mark.parametrize("sampler", ["front", "tpe"])
def test_a_sampler_goes_on_after_pruned_trials(tmp_path: Path, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.runs.trial.should_prune", lambda *_, **__: True)
    monkeypatch.setattr("search.runs.trial.WARM_UP_EPOCHS", 1)
    runner = make_runner(tmp_path, sampler=sampler, pruner="size-aware", trials=STARTUP_TRIALS + 2)
    assert run_all(runner) == [Outcome.PRUNED] * (STARTUP_TRIALS + 2)


# Divergence


def test_a_diverged_trial_counts_and_has_no_weights(tmp_path: Path, engine: Engine) -> None:
    runner = make_runner(tmp_path, engine=engine, space=small_space(**ABSURD), trials=1)
    assert run_all(runner) == [Outcome.DIVERGED]
    (trial,) = trials_of(runner)
    assert (trial.state, trial.values) == (TrialState.PRUNED, None)
    assert trial.user_attrs["outcome"] == "diverged"
    assert "loss was nan in epoch 1" in trial.user_attrs["reason"]
    assert "weights" not in trial.user_attrs
    assert slot_states(runner) == [Outcome.DIVERGED]
    assert run_all(runner) == []


def test_a_search_ends_when_all_trials_diverge(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, space=small_space(**ABSURD), trials=1_000, epochs=1)
    assert run_all(runner, MAX_DIVERGED - 1) == [Outcome.DIVERGED] * (MAX_DIVERGED - 1)
    with pytest.raises(SearchFailedError) as caught:
        run_all(runner, 1)
    message = str(caught.value)
    assert message.startswith(f"{MAX_DIVERGED} trials in a row diverged, the last because the ")
    assert "lower max_lr with --space" in message
    assert summaries_of(runner.search).counts[Outcome.DIVERGED] == MAX_DIVERGED


def test_a_trained_trial_among_the_diverged_lets_the_search_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.runs.trial.MAX_DIVERGED", 3)
    runner = make_runner(tmp_path, space=small_space(**ABSURD), trials=1_000, epochs=1)
    run_all(runner, 2)
    train_one(runner.search, 1, [0.5])
    assert run_all(runner, 2) == [Outcome.DIVERGED] * 2
    with pytest.raises(SearchFailedError):
        run_all(runner, 1)


# The budget


def test_candidates_over_the_budget_are_never_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.draws.draw_growing", lambda *_, **__: None)  # so all are TPE's own
    space = small_space(width=(2, 60))
    budget = 800
    built = []

    def build(architecture: ArchitectureSpec, *, seed: int) -> nn.Sequential:
        model = build_model(architecture, seed=seed)
        built.append(sum(parameter.numel() for parameter in model.parameters()))
        assert built[-1] <= budget
        return model

    monkeypatch.setattr("search.workers.training.build_model", build)
    runner = make_runner(tmp_path, sampler="tpe", space=space, budget=budget, epochs=1, trials=4)
    assert run_all(runner) == [Outcome.COMPLETE] * 4
    trials = trials_of(runner)
    rejected = [trial for trial in trials if outcome_of(trial) == Outcome.REJECTED]
    assert len(built) == 4
    assert len(rejected) == len(trials) - 4 > 0
    for trial in rejected:
        size = trial.user_attrs["num_params"]
        assert size > budget
        assert trial.constraints == {"budget": pytest.approx(size / budget - 1)}
        assert trial.user_attrs["reason"] == f"{size:,} parameters are over the budget of {budget:,}"


def test_exactly_the_budget_is_within_it(tmp_path: Path) -> None:
    space = only_one_candidate()
    smallest = build_model(space.smallest)
    budget = sum(parameter.numel() for parameter in smallest.parameters())
    runner = make_runner(tmp_path, space=space, budget=budget, trials=1, epochs=1, study="exact")
    assert run_all(runner) == [Outcome.COMPLETE]
    (trial,) = trials_of(runner)
    assert trial.user_attrs["num_params"] == budget
    assert trial.constraints == {"budget": 0.0}


# Duplicates


@pytest.mark.parametrize("sampler", ["front", "tpe", "random"])
def test_equal_candidates_are_trained_once(tmp_path: Path, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.proposals.MAX_REJECTIONS", 40)
    space = only_one_candidate(batch_size_choices=(16, 20, 32))
    runner = make_runner(tmp_path, space=space, budget=200, sampler=sampler, epochs=1, trials=4)
    assert run_all(runner, 3) == [Outcome.COMPLETE] * 3
    with pytest.raises(SearchFailedError, match=r"or equal to trained ones|all have been trained or"):
        run_all(runner)
    trials = trials_of(runner)
    trained = {trial.number: trial for trial in trials if outcome_of(trial) == Outcome.COMPLETE}
    duplicates = [trial for trial in trials if outcome_of(trial) == Outcome.DUPLICATE]
    assert len(trained) == 3
    assert len(trials) == 3 + len(duplicates)
    assert len(duplicates) >= (0 if sampler == "front" else 40)  # which knows what is taken
    for trial in duplicates:
        original = trained[trial.user_attrs["duplicate_of"]]
        assert (trial.values, trial.params) == (original.values, original.params)
    assert slot_states(runner)[:3] == [Outcome.COMPLETE] * 3
    assert {point.trial for point in read_front(runner.search.store.database, "tiny")} <= set(trained)
    assert {trial.number for trial in runner.search.curves.trials if trial.intermediate_values} == set(trained)
    assert len(list(runner.search.store.artifacts.folder.glob("*"))) == 3 + 2  # with the two files of locks


# Being stopped


def test_a_stop_in_mid_trial_hands_the_trial_back(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=3)
    assert run_all(stop_after(runner, 2), 1) == [None]  # one question before it asks, one after each epoch
    search = reopen(runner.search)
    (trial,) = search.study.trials
    assert trial.state == TrialState.RUNNING
    (slot,) = search.slots.read()
    assert (slot.state, slot.trial_number, slot.seed_number, slot.num_losses) == (SlotState.INTERRUPTED, 0, 0, 0)
    assert search.store.artifacts.checkpoints(search.name).keys() == {0}
    assert "weights" not in trial.user_attrs
    assert search.curves.trials == []
    assert read_front(search.store.database, search.name) == []


# How a trial of five epochs may be cut short after its second, as a function that a worker's runner is cut by.
CUTS: dict[str, Callable[[TrialRunner], None]] = {
    "a stop": lambda runner: check(run_all(stop_after(runner, 2), 1) == [None]),
    "a kill in the next epoch": lambda runner: kill_in(runner, "mnist_core.training.plan_epoch", 3),
    "a kill before the epoch is in the store": lambda runner: kill_in(runner, "studies.study.write_epoch", 2),
    "a kill before the checkpoint is written": lambda runner: kill_in(
        runner, "search.workers.training.save_training", 3
    ),
    "the loss of the checkpoint": lambda runner: lose_checkpoint(runner),
}


class Killed(BaseException):
    """In place of SIGKILL: nothing in the program catches it."""


def check(holds: bool) -> None:
    assert holds


def kill_in(runner: TrialRunner, name: str, call: int) -> None:
    """Kill the worker in the given call of a function, whose name says where it is looked up."""
    module, _, function = name.rpartition(".")
    real = getattr(importlib.import_module(module), function)
    calls = iter([real] * (call - 1))

    def killing(*arguments: Any, **options: Any) -> Any:
        function = next(calls, None)
        if function is None:
            raise Killed
        return function(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(name, killing)
        run_all(runner, 1)
    locks = WorkerLocks(runner.search.store.lock_path)
    assert reopen(runner.search).repair(locks) == [0]


def lose_checkpoint(runner: TrialRunner) -> None:
    CUTS["a stop"](runner)
    runner.search.store.artifacts.checkpoint(runner.search.name, 0).write_bytes(b"cut off by a power cut")


@pytest.mark.parametrize("cut", CUTS)
def test_an_interrupted_trial_ends_bit_for_bit_as_if_it_had_not_been(
    tmp_path: Path, engine: Engine, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_runner(tmp_path, study="whole", engine=engine, trials=1, epochs=4)
    run_all(whole)
    CUTS[cut](make_runner(tmp_path, study="cut", engine=engine, trials=1, epochs=4))
    # The next call, whose sampler would go another way.
    again = make_runner(tmp_path, study="cut", engine=engine, trials=1, epochs=4, sampler_seed=9)
    planned = []
    monkeypatch.setattr(
        "mnist_core.training.plan_epoch",
        lambda config, epoch, *rest, **more: planned.append(epoch) or plan_epoch(config, epoch, *rest, **more),
    )
    assert run_all(again) == [Outcome.COMPLETE]
    assert planned == ([1, 2, 3, 4] if cut == "the loss of the checkpoint" else [3, 4])

    (trial,), (expected,) = trials_of(again), trials_of(whole)
    assert (trial.state, trial.values, trial.params) == (expected.state, expected.values, expected.params)
    times = {"seconds", "weights", "weights_sha256"}
    assert {name: value for name, value in trial.user_attrs.items() if name not in times} == {
        name: value for name, value in expected.user_attrs.items() if name not in times
    }
    curves = [read_epochs(runner.search.store.database, runner.search.name, [0])[0] for runner in (whole, again)]
    assert [replace(result, seconds=0) for result in curves[0]] == [replace(result, seconds=0) for result in curves[1]]
    (slot,) = again.search.slots.read()
    assert (slot.state, slot.trial_number, slot.num_attempts) == (Outcome.COMPLETE, 0, 2)
    assert again.search.store.artifacts.checkpoints("cut") == {}
    weights = [weights_of(runner.search, 0).weights for runner in (whole, again)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name])


def test_a_trial_whose_training_is_over_is_only_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker died after the last epoch, or could not write to the store."""
    runner = make_runner(tmp_path, trials=1, epochs=2)
    kill_in(runner, "search.runs.trial.save_checkpoint", 1)
    assert runner.search.store.artifacts.checkpoints("tiny").keys() == {0}
    monkeypatch.setattr("mnist_core.training.plan_epoch", lambda *_, **__: pytest.fail("it trained"))
    assert run_all(make_runner(tmp_path, trials=1, epochs=2)) == [Outcome.COMPLETE]
    (trial,) = trials_of(runner)
    assert trial.values == [trial.user_attrs["val_accuracy"], trial.user_attrs["num_params"]]
    assert weights_of(reopen(runner.search), 0).val_accuracy == trial.user_attrs["val_accuracy"]


def test_the_pruner_is_asked_again_about_the_last_stored_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"pruner": "size-aware", "epochs": WARM_UP_EPOCHS + 2, "trials": 1}
    asked: list[int] = []

    def answer(trial: TrialCurve, *_: object, **__: object) -> bool:
        asked.append(len(trial))
        return len(asked) > 1

    runner = make_runner(tmp_path, **settings)
    monkeypatch.setattr("search.runs.trial.should_prune", answer)
    assert run_all(stop_after(runner, WARM_UP_EPOCHS), 1) == [None]
    assert run_all(make_runner(tmp_path, **settings)) == [Outcome.PRUNED]
    assert asked == [WARM_UP_EPOCHS] * 2, "nothing asks before pruning can begin"
    (trial,) = trials_of(runner)
    assert trial.user_attrs["reason"] == f"pruned after epoch {WARM_UP_EPOCHS}"
    assert trial.user_attrs["num_epochs"] == WARM_UP_EPOCHS


def test_a_worker_that_lost_its_slot_writes_nothing_and_goes_on_with_another(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=2, epochs=3)
    search, others = runner.search, []

    def lose_the_slot() -> bool:
        (slot,) = search.slots.read((SlotState.RUNNING,))
        if slot.trial_number == 0 and not others:  # after the first epoch
            silence(search, slot)
            reopen(search).repair(WorkerLocks(search.store.lock_path))
            others.append(search.slots.claim(2, WORKER + 1))
        return False

    slow = replace(runner, trainer=replace(runner.trainer, should_stop=lose_the_slot))
    slot = search.slots.claim(2, WORKER)
    assert slot is not None
    with pytest.raises(SlotLostError):
        slow.run(slot)
    assert read_epochs(search.store.database, search.name, [0])[0][-1].epoch == 1
    assert runner.run(others[0]) == Outcome.COMPLETE
    assert [trial.state for trial in trials_of(runner)] == [TrialState.COMPLETE]
    assert run_all(runner) == [Outcome.COMPLETE]


def test_a_slot_that_is_lost_before_its_trial_begins_leaves_a_failed_one(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1)
    slot = runner.search.slots.claim(1, WORKER)
    assert slot is not None
    suggestion = runner.proposals.find(slot)
    assert suggestion is not None
    silence(runner.search, slot)
    runner.search.repair(WorkerLocks(runner.search.store.lock_path))
    with pytest.raises(SlotLostError):
        runner.trainer.train(suggestion, slot)
    assert [outcome_of(trial) for trial in trials_of(runner)] == [Outcome.FAILED]
    assert slot_states(runner) == [SlotState.RELEASED]


def test_a_slot_of_a_trial_that_has_ended_is_only_closed(tmp_path: Path) -> None:
    """Its worker was lost between the two."""
    runner = make_runner(tmp_path, trials=1)
    assert run_all(runner) == [Outcome.COMPLETE]
    (slot,) = runner.search.slots.read()
    change_slot(runner.search, slot, state=SlotState.INTERRUPTED)
    assert run_all(runner) == [Outcome.COMPLETE]
    assert slot_states(runner) == [Outcome.COMPLETE]
    assert len(trials_of(runner)) == 1


def test_a_trial_that_an_earlier_version_interrupted_is_repeated(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=3)
    assert run_all(stop_after(runner, 2), 1) == [None]
    runner.search.tell_failed(0, "interrupted after epoch 2")
    assert run_all(runner) == [Outcome.COMPLETE]
    first, second = trials_of(runner)
    assert (first.params, first.user_attrs["seed"]) == (second.params, second.user_attrs["seed"])
    (slot,) = runner.search.slots.read()
    assert (slot.state, slot.trial_number, slot.seed_number) == (Outcome.COMPLETE, 1, 0)


def test_a_stop_in_the_last_epoch_lets_the_trial_end(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=2)
    assert run_all(stop_after(runner, 2), 1) == [Outcome.COMPLETE]


def test_a_stop_before_a_trial_begins_leaves_none(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1)
    assert run_all(stop_after(runner, 0), 1) == [None]
    assert trials_of(runner) == []
    assert slot_states(runner) == [SlotState.RELEASED]


def test_a_trial_stopped_time_and_again_is_not_given_up(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=MAX_LOSSES + 3)
    assert run_all(stop_after(runner, 1), 1) == [None]
    for _ in range(MAX_LOSSES + 1):
        assert run_all(stop_after(runner, 0), 1) == [None]
    assert run_all(runner) == [Outcome.COMPLETE]
    assert len(trials_of(runner)) == 1


def test_a_trial_that_loses_worker_after_worker_makes_room_for_another(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1)
    for _ in range(MAX_LOSSES):
        kill_in(runner, "mnist_core.training.plan_epoch", 1)
    assert slot_states(runner) == [SlotState.RELEASED]
    assert run_all(runner) == [Outcome.COMPLETE]
    first, second = trials_of(runner)
    assert outcome_of(first) == Outcome.FAILED
    assert first.params != second.params
    assert second.user_attrs["seed"] == trial_seed(0, 1) != first.user_attrs["seed"]


@pytest.mark.parametrize(("lost", "outcome"), [(3, Outcome.COMPLETE), (2, Outcome.DIVERGED)])
def test_an_epoch_that_a_server_missed_is_stored_when_the_trial_ends(
    lost: int, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is back by then, and no other epoch comes after it."""
    runner = make_runner(tmp_path, trials=1, epochs=3)
    store_epoch, plan = runner.search.store_epoch, plan_epoch

    def storing(slot: Slot, result: EpochResult, **options: Any) -> None:
        if result.epoch == lost:
            raise StoreUnreachableError("away")
        store_epoch(slot, result, **options)

    def planning(config: TrainingConfig, epoch: int, *arguments: Any, **options: Any) -> EpochPlan:
        if outcome == Outcome.DIVERGED and epoch == lost + 1:
            raise DivergedError(f"the loss of epoch {epoch} is not finite")
        return plan(config, epoch, *arguments, **options)

    monkeypatch.setattr(runner.search, "store_epoch", storing)
    monkeypatch.setattr("mnist_core.training.plan_epoch", planning)
    assert run_all(runner) == [outcome]
    (trial,) = trials_of(runner)
    (epochs,) = read_epochs(runner.search.store.database, runner.search.name, [0]).values()
    assert [result.epoch for result in epochs] == [*range(1, lost + 1)]
    assert trial.user_attrs["num_epochs"] == lost
    reopen(runner.search).repair(runner.search.store.locks)


def test_what_goes_wrong_in_a_trial_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.runs.trial.save_checkpoint", full_disk)
    runner = make_runner(tmp_path, trials=1)
    with pytest.raises(OSError, match="No space left"):
        run_all(runner)
    assert trials_of(runner)[0].state == TrialState.RUNNING  # for repair to take back
    assert slot_states(runner) == [SlotState.RUNNING]


def test_balanced_accuracy_counts_as_measured_on_fewer_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runners.few_digits", digits_of_a_rare_class)
    assert make_runner(tmp_path).trainer.num_validation == 30
    balanced = make_runner(tmp_path, metric="balanced-accuracy", study="balanced").trainer.num_validation
    assert balanced == effective_images([27, 3], is_balanced=True) == 11
