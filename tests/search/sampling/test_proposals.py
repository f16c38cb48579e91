"""What a worker trains next: within the budget and the limits, and new."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from torch import nn

from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.training import TrainingState
from search.sampling.draws import (
    MAX_REJECTIONS,
    STARTUP_TRIALS,
    SmallestSeen,
    draw_within_budget,
    too_many_rejections,
)
from search.sampling.observations import Observations
from search.sampling.proposals import sampler_seed
from search.sampling.tpe import BoundedTpe
from space.architecture import ArchitectureSpec, num_params
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import SearchFailedError
from space.footprint import footprint
from space.limits import DeviceLimits
from space.random_draw import RandomDraw
from space.results import EpochResult
from space.search_space import SearchSpace
from studies.trials import Outcome, outcome_of
from tests.runners import make_runner, only_one_candidate, run_all, small_space
from tests.stores import WORKER, results, summaries_of, train_one

DEFAULT = SearchSpace.default()


def random_sizes(space: SearchSpace, num: int = 1_000) -> list[int]:
    trial = RandomDraw(random.Random(0))
    return sorted(space.suggest_candidate(trial, epochs=15).num_params for _ in range(num))


@pytest.fixture
def _trained_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of training: an accuracy that grows with the number of parameters."""

    def train(
        model: nn.Module,
        data: Dataset,
        config: TrainingConfig,
        *,
        seed: int,
        device: str,
        engine: Engine,
        state: TrainingState,
    ) -> Iterator[EpochResult]:
        size = sum(parameter.numel() for parameter in model.parameters())
        for result in results(*[1 - (0.05 + config.label_smoothing) / size**0.5] * config.epochs):
            state.results.append(result)
            yield result

    monkeypatch.setattr("search.workers.training.train", train)


# Seeds


def test_samplers_differ_by_study_worker_and_trials_so_far() -> None:
    numbers = list(itertools.product((0, 1, 2**62), range(8), (0, 1, 100)))
    seeds = [sampler_seed(*given) for given in numbers]
    assert len(set(seeds)) == len(numbers)
    assert seeds == [sampler_seed(*given) for given in numbers]
    for seed in seeds:
        BoundedTpe(DEFAULT, 8_000, epochs=1, seed=seed)  # takes 32 bits only


# Within a search


@pytest.mark.usefixtures("_trained_at_once")
def test_random_sampling_stays_within_the_budget_and_counts_what_it_redrew(tmp_path: Path) -> None:
    space = small_space(width=(2, 60))
    budget = random_sizes(space)[100]
    runner = make_runner(tmp_path, space=space, budget=budget, sampler="random", trials=6)
    assert run_all(runner) == [Outcome.COMPLETE] * 6
    trials = runner.search.study.trials
    assert len(trials) == 6
    assert all(trial.user_attrs["num_params"] <= budget for trial in trials)
    replayed = random.Random(0)
    drawn = [draw_within_budget(space, budget, replayed, epochs=2) for _ in trials]
    num_over = [suggestion.attributes.get("num_redrawn", 0) for suggestion in drawn]
    assert [trial.user_attrs.get("num_redrawn", 0) for trial in trials] == num_over
    assert summaries_of(runner.search).counts[Outcome.REJECTED] == sum(num_over) > 0


@pytest.mark.usefixtures("_trained_at_once")
@pytest.mark.parametrize("sampler", ["front", "tpe"])
def test_the_first_trials_are_random_ones_of_many_sizes(tmp_path: Path, sampler: str) -> None:
    space = small_space(width=(2, 60))
    budget = random_sizes(space)[500]
    runner = make_runner(tmp_path, sampler=sampler, space=space, budget=budget, trials=STARTUP_TRIALS)
    run_all(runner)
    sizes = [trial.user_attrs["num_params"] for trial in runner.search.study.trials]
    assert len(sizes) == STARTUP_TRIALS
    assert max(sizes) <= budget
    assert sum(size <= budget / 2 for size in sizes) >= 2
    assert sum(size <= budget / 3 for size in sizes) >= 1


@pytest.mark.usefixtures("_trained_at_once")
def test_tpe_learns_to_stay_within_a_tight_budget(tmp_path: Path) -> None:
    space = small_space(width=(2, 60))
    sizes = random_sizes(space)
    budget = sizes[20]  # 98 % of random candidates are over it
    runner = make_runner(tmp_path, sampler="tpe", space=space, budget=budget, epochs=1, trials=25)
    run_all(runner)
    outcomes = [outcome_of(trial) for trial in runner.search.study.trials]
    assert outcomes[:STARTUP_TRIALS] == [Outcome.COMPLETE] * STARTUP_TRIALS
    asked = outcomes[STARTUP_TRIALS:]
    assert asked.count(Outcome.COMPLETE) >= 0.6 * len(asked)
    assert {outcome for outcome in asked if outcome != Outcome.COMPLETE} <= {Outcome.REJECTED}


@pytest.mark.usefixtures("_trained_at_once")
@pytest.mark.parametrize("sampler", ["front", "tpe", "random"])
def test_what_is_trained_is_within_all_limits_of_a_device(sampler: str, tmp_path: Path) -> None:
    nets = [DEFAULT.suggest_candidate(RandomDraw(random.Random(i)), epochs=1).architecture for i in range(300)]
    taken = [footprint(net) for net in nets]
    # Each is a limit that about a third of the nets within the budget are over.
    limits = DeviceLimits(
        *(sorted(sizes)[len(nets) // 2] for sizes in zip(*(astuple(found) for found in taken), strict=True))
    )
    budget = sorted(num_params(net) for net in nets)[len(nets) * 3 // 4]
    num = 25 if sampler == "tpe" else 13
    runner = make_runner(tmp_path, budget=budget, limits=limits, space=DEFAULT, epochs=1, trials=num, sampler=sampler)
    run_all(runner)
    trials = runner.search.study.trials
    over = [trial for trial in trials if outcome_of(trial) == Outcome.REJECTED]
    for trial in trials:
        found = footprint(ArchitectureSpec.from_text(trial.user_attrs["notation"]))
        is_over = trial.user_attrs["num_params"] > budget or any(
            size > limit for size, limit in zip(astuple(found), astuple(limits), strict=True)
        )
        assert is_over == (trial in over)
        assert set(trial.constraints) == {"budget", "max_flash", "max_ram", "max_macs"}
        assert is_over == any(excess > 0 for excess in trial.constraints.values())
    asked = trials[STARTUP_TRIALS:]
    assert sum(trial not in over for trial in asked) >= 0.6 * len(asked)
    if sampler == "tpe":
        assert over, "some candidate was over a limit, and stored"
        assert all(" over the " in trial.user_attrs["reason"] for trial in over)


@pytest.mark.usefixtures("_trained_at_once")
def test_tpe_finds_its_way_back_from_rejections_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.draws.draw_growing", lambda *_, **__: None)  # so the start is TPE's own
    space = small_space(width=(2, 60))
    runner = make_runner(tmp_path, sampler="tpe", space=space, budget=random_sizes(space)[20], epochs=1, trials=10)
    run_all(runner)
    outcomes = [outcome_of(trial) for trial in runner.search.study.trials]
    assert outcomes[:STARTUP_TRIALS].count(Outcome.REJECTED) >= STARTUP_TRIALS - 2
    asked = outcomes[STARTUP_TRIALS:]
    assert asked.count(Outcome.COMPLETE) >= 0.3 * len(asked)


@pytest.mark.usefixtures("_trained_at_once")
def test_front_search_stays_within_a_tight_budget(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, space=DEFAULT, budget=random_sizes(DEFAULT)[20], epochs=1, trials=14)
    assert run_all(runner) == [Outcome.COMPLETE] * 14
    assert len(runner.search.study.trials) == 14


@pytest.mark.usefixtures("_trained_at_once")
def test_front_search_learns_from_a_bounded_number_of_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.observations.MAX_OBSERVATIONS", 14)
    monkeypatch.setattr("search.sampling.observations.KEPT_OBSERVATIONS", 12)
    runner = make_runner(tmp_path, epochs=1, trials=16)
    observations = Observations(runner.search.store, runner.search.summaries, num_epochs=1, num_validation=300)
    numbers = []
    for _ in range(16):
        run_all(runner, 1)
        runner.search.summaries.update()
        numbers.append(len(observations.read()))
    assert numbers == [*range(1, 15), 12, 13]


def test_an_earlier_calls_candidates_are_not_repeated(tmp_path: Path) -> None:
    space = small_space()
    search = make_runner(tmp_path, space=space).search
    params = []
    for _ in range(2):
        trials = summaries_of(search)
        tpe = BoundedTpe(space, 500, epochs=2, seed=sampler_seed(0, 0, trials.num_trials))
        for _ in range(3):
            params.append(tuple(tpe.suggest(trials, is_first=False).params.values()))
        train_one(search, 4, [0.5])
    assert len(set(params)) == 6


# No candidate to be found


def test_the_message_tells_what_was_seen_and_what_to_do() -> None:
    message = str(too_many_rejections(1_000, SmallestSeen(12_345), num=MAX_REJECTIONS))
    assert message.startswith(f"{MAX_REJECTIONS:,} candidates in a row were over the budget of 1,000")
    assert "the smallest seen had 12,345 parameters" in message
    assert "raise --budget" in message
    assert "--space" in message


def test_the_message_tells_the_smallest_seen_in_each_limit() -> None:
    limits = DeviceLimits(max_ram=10, max_macs=20)
    smallest = SmallestSeen()
    wide, deep = (
        CandidateSpec(ArchitectureSpec.from_text(text)) for text in ("30s:br gap fc10", "2s:br 2s:br 2s:br gap fc10")
    )
    for candidate in (wide, deep):
        smallest.note(candidate, limits)
    ram_bytes = min(footprint(candidate.architecture).ram_bytes for candidate in (wide, deep))
    num_macs = min(footprint(candidate.architecture).num_macs for candidate in (wide, deep))
    assert ram_bytes == footprint(wide.architecture).ram_bytes, "one is the smallest in one limit"
    assert num_macs == footprint(deep.architecture).num_macs, "and the other in the other"
    message = str(too_many_rejections(1_000, smallest, limits, num=MAX_REJECTIONS))
    assert f"{min(wide.num_params, deep.num_params)} parameters, RAM of {ram_bytes} bytes, {num_macs:,} MACs" in message
    assert (
        "over the budget of 1,000 or a limit (RAM of at most 10 bytes, at most 20 MACs) or equal to trained" in message
    )
    assert "raise --budget or --max-ram or --max-macs, or widen" in message


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_that_finds_no_candidate_ends(tmp_path: Path, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("draws", "proposals"):
        monkeypatch.setattr(f"search.sampling.{module}.MAX_REJECTIONS", 10)
    monkeypatch.setattr("search.sampling.draws.MAX_DRAWS", 0)  # a growing net would be found
    # The budget of the smallest net, in a space where hardly any is so small.
    space = small_space(width=(2, 1_000))
    budget = num_params(space.smallest)
    runner = make_runner(tmp_path, space=space, budget=budget, sampler=sampler)
    slot = runner.search.slots.claim(1, WORKER)
    assert slot is not None
    with pytest.raises(SearchFailedError, match=f"10 candidates in a row were over the budget of {budget}") as caught:
        runner.run(slot)
    trials = runner.search.study.trials
    if sampler == "tpe":
        assert [outcome_of(trial) for trial in trials] == [Outcome.REJECTED] * 10
        smallest = min(trial.user_attrs["num_params"] for trial in trials)
        assert f"the smallest seen had {smallest:,} parameters" in str(caught.value)
    else:
        assert trials == []


def test_what_another_worker_trains_is_not_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.proposals.MAX_REJECTIONS", 10)
    space = only_one_candidate()
    one, other = (make_runner(tmp_path, space=space, budget=500, trials=2) for _ in range(2))
    slots = [runner.search.slots.claim(2, WORKER) for runner in (one, other)]
    assert slots[0] is not None
    assert slots[1] is not None
    found = one.proposals.find(slots[0])
    assert found is not None
    with pytest.raises(SearchFailedError, match="candidates in a row were over the budget of 500"):
        other.proposals.find(slots[1])
    assert one.trainer.train(found, slots[0]) == Outcome.COMPLETE
    # A slot that was given up before it trained makes room.
    other.search.slots.interrupt(slots[1])
    assert [slot.candidate_key for slot in one.search.slots.read((Outcome.COMPLETE,))] == [found.candidate.key]
