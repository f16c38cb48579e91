"""Confirming a study's front: contenders are retrained until validation decides, then members are tested once.

Stage 1 trains the contenders with fresh seeds as the search did, and fixes the members by validation accuracy.
Stage 2 trains the members with a fixed list of seeds on all images outside the test set, and then opens the test set
(docs/confirmation.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from search.confirmation.contenders import (
    Contender,
    choose_contenders,
    class_weights,
    front_members,
    nearest_to_front,
    needing_seeds,
)
from search.confirmation.progress import ConfirmProgress
from search.confirmation.study_data import StudyRequest, load_study_data
from search.confirmation.workers import SeedTraining, SeedWorkers
from search.defaults import DEFAULT_CONFIRM_SEEDS, DEFAULT_CONTENDERS, MIN_CONFIRM_SEEDS
from search.sampling.estimates import MAX_LEARNT_FROM, read_estimates
from search.terminal.interrupts import raising_interrupts
from search.terminal.numbers import counted, format_accuracy, format_seconds
from search.workers.machine import COMPILING_LINE, MAX_SEEDS, Resources, find_engine
from search.workers.processes import default_workers
from space.errors import InputError
from studies.artifacts import StoredWeights, confirmed_file
from studies.confirmations import Confirmation, ConfirmedPoint, SeedResult, Seeds, Stage
from studies.intervals import effective_images
from studies.pareto import FrontPoint
from studies.storage import Store
from studies.trials import Outcome, candidate_of, complete_trial, front_point, outcome_of, read_trials

MAX_CONTENDERS = 1_000_000
"""Largest ``--top``, which catches typing errors."""
MAX_ESTIMATED = 100
"""Number of trials, nearest to the front by their measured accuracies, whose estimates choose the contenders of a study
that has more complete trials than the model learns from. As many others then teach it how many are unlucky."""


@dataclass(frozen=True, kw_only=True)
class ConfirmRequest(StudyRequest):
    """Options of a confirmation. Raises `InputError` with the option, the rule and the value if one is invalid."""

    num_seeds: int | None = None
    """Seeds of each member, and at most as many of each contender. None means as many as the confirmation has that
    goes on, or `DEFAULT_CONFIRM_SEEDS` for a new one."""
    top: int | None = None
    """Largest number of contenders. None means as many as the confirmation has that goes on, or `DEFAULT_CONTENDERS`
    for a new one."""
    anew: bool = False
    """Whether to choose contenders again from the trials completed by now."""

    def __post_init__(self) -> None:
        if self.num_seeds is not None and self.num_seeds < MIN_CONFIRM_SEEDS:
            raise InputError(
                f"--seeds must be at least {MIN_CONFIRM_SEEDS}, to estimate the seed's effect, not {self.num_seeds}"
            )
        if self.num_seeds is not None and self.num_seeds > MAX_SEEDS:
            raise InputError(f"--seeds must be at most {MAX_SEEDS:,}, not {self.num_seeds}")
        if self.top is not None and self.top < 1:
            raise InputError(f"--top must be at least 1, not {self.top}")
        if self.top is not None and self.top > MAX_CONTENDERS:
            raise InputError(f"--top must be at most {MAX_CONTENDERS:,}, not {self.top}")
        super().__post_init__()


def confirm_front(request: ConfirmRequest) -> list[ConfirmedPoint]:
    """Start or continue the confirmation of a study's front; returns the confirmed front.

    Raises `InputError` if the study has no completed trial, its confirmation was started with other options, another
    process is confirming, or its data are missing or different; `SearchFailedError` if workers are lost repeatedly.
    """
    store = Store.open(request.storage)
    study_name = store.resolve_study_name(request.study)
    with store.locks.confirming() as is_alone:
        if not is_alone:
            raise InputError(f"another process is confirming a front in {store.url}: wait for it")
        return _confirm(store, study_name, request)


def _confirm(store: Store, study_name: str, request: ConfirmRequest) -> list[ConfirmedPoint]:
    study = load_study_data(store, study_name, request.data_root)
    known = read_trials(store, store.load_study(study_name))
    complete = [front_point(trial) for trial in known if outcome_of(trial) == Outcome.COMPLETE]
    sizes = np.bincount(study.data.validation.labels).tolist()
    num_validation = effective_images(sizes, is_balanced=study.is_balanced)
    confirmation = _find_confirmation(store, study_name, request, complete, study.seed, num_validation)
    trials = {point.trial: complete_trial(store, study_name, point.trial) for point in confirmation.contenders}
    num_new = len(complete) - confirmation.num_complete
    with ConfirmProgress(quiet=request.quiet) as progress, raising_interrupts():
        if study.is_balanced:
            progress.line("members are chosen by balanced accuracy, the study's metric; test accuracies are plain ones")
        if num_new:
            progress.line(
                f"trials completed since the confirmation was started, not included: {num_new} (--anew considers all)"
            )
        device, engine = find_engine(request.device, request.engine, compiling=lambda: progress.line(COMPILING_LINE))
        num_workers = request.workers or default_workers(device)
        resources = Resources(study.dataset, study.data_root, len(study.data.train), device, engine)
        with SeedWorkers(num_workers, resources) as workers:
            weights = class_weights(study.data.validation.labels) if study.is_balanced else None
            run = _ConfirmRun(store, trials, confirmation, workers, num_workers, progress, weights)
            run.decide()
            run.measure()
    return confirmation.front()


def confirmation_seeds(study_seed: int, num_seeds: int) -> Seeds:
    """Return seeds that no trial of the study had; a longer list begins with the shorter one."""
    return {
        stage: tuple(
            int(np.random.SeedSequence(study_seed, spawn_key=(stage, number)).generate_state(1)[0])
            for number in range(num_seeds)
        )
        for stage in Stage
    }


def expected_seconds(front: Sequence[float], num_seeds: int, num_workers: int) -> float:
    """Estimate the time of a future confirmation from the training times of the front's points.

    Assumes that the front's points, but not more than there are contenders by default, are trained with all seeds in
    both stages, and as many others with the fewest.
    """
    trainings = min(len(front), DEFAULT_CONTENDERS) * (MIN_CONFIRM_SEEDS + 2 * num_seeds)
    return trainings * fmean(front) / max(1, num_workers) if front else 0.0


@dataclass(frozen=True)
class _ConfirmRun:
    store: Store
    trials: dict[int, FrozenTrial]
    confirmation: Confirmation
    workers: SeedWorkers
    num_workers: int
    progress: ConfirmProgress
    weights: NDArray[np.float64] | None
    """(N,) weights of the validation images by which members are chosen, if the study's metric is balanced accuracy."""

    def decide(self) -> None:
        """Train contenders until it is settled which are on the front, and store the decision."""
        confirmation = self.confirmation
        if confirmation.members is not None:
            return
        points, seeds = confirmation.contenders, confirmation.seeds[Stage.DECIDE]
        self.progress.line(f"stage 1: training {counted(len(points), 'contender')} to decide which are on the front")
        # Every call repeats all rounds, reusing trainings, so that an interruption makes no difference to the result.
        num_seeds = {point.trial: MIN_CONFIRM_SEEDS for point in points}
        while True:
            trained = [(point, seed) for point in points for seed in seeds[: num_seeds[point.trial]]]
            self._train([self._training(Stage.DECIDE, point, seed) for point, seed in trained])
            correct = confirmation.correct(Stage.DECIDE)
            contenders = [
                Contender(point.trial, point.num_params, self._weighted(correct[point.trial][: num_seeds[point.trial]]))
                for point in points
            ]
            needing = needing_seeds(contenders, len(seeds))
            if not needing:
                break
            for trial in needing:
                num_seeds[trial] += 1
        members = front_members(contenders)
        confirmation.freeze(members)
        numbers = f"trial{'' if len(members) == 1 else 's'} {', '.join(map(str, members))}"
        self.progress.line(f"the front has {counted(len(members), 'member')}, frozen: {numbers}")

    def _weighted(self, correct: NDArray[np.bool_]) -> NDArray[np.bool_] | NDArray[np.float64]:
        return correct if self.weights is None else correct * self.weights

    def measure(self) -> None:
        """Train the members on all images outside the test set, and test the models that were not tested yet."""
        members = self.confirmation.members
        assert members is not None
        trainings = [
            self._training(Stage.MEASURE, point, seed)
            for seed in self.confirmation.seeds[Stage.MEASURE]
            for point in members
        ]
        known = {(result.trial, result.seed): result for result in self.confirmation.read(Stage.MEASURE)}
        unknown = [
            training
            for training in trainings
            if (training.trial, training.seed) not in known or known[training.trial, training.seed].correct is None
        ]
        if not unknown:
            return
        self.progress.line(f"stage 2: measuring {counted(len(members), 'member')}")
        self._train(unknown)
        trained = {(result.trial, result.seed): result for result in self.confirmation.read(Stage.MEASURE)}
        unseen = []
        for training in unknown:
            stored = self._stored(trained[training.trial, training.seed])
            unseen.append(replace(training, weights=stored.path, weights_sha256=stored.sha256))
        self.confirmation.record_opening(len(unseen))
        self.progress.line(f"opening the test set to judge {counted(len(unseen), 'model')}")
        self.confirmation.write(
            replace(result, seconds=trained[result.trial, result.seed].seconds)
            for result in self.workers.measure(unseen)
        )

    def _train(self, trainings: Sequence[SeedTraining]) -> None:
        """Run those trainings that no earlier call has finished."""
        stage = trainings[0].stage
        finished = {
            (result.trial, result.seed)
            for result in self.confirmation.read(stage)
            if stage == Stage.DECIDE or self._stored(result).is_intact()
        }
        left = [training for training in trainings if (training.trial, training.seed) not in finished]
        if not left:
            return
        num_done = len(trainings) - len(left)
        self.progress.begin(f"stage {stage}", num_done, len(trainings))
        times: list[float] = []
        for result in self.workers.train(left):
            if stage == Stage.MEASURE:
                self.store.artifacts.keep(self._new_file(result.trial, result.seed))
            self.confirmation.write([result])
            num_done += 1
            times.append(result.seconds)
            self.progress.trained(
                _describe(result),
                num_done,
                len(trainings),
                (len(trainings) - num_done) * fmean(times) / self.num_workers,
            )

    def _stored(self, result: SeedResult) -> StoredWeights:
        """Return the model file of a training of stage 2."""
        name = confirmed_file(self.confirmation.study_name, result.trial, result.seed)
        return StoredWeights(self.store.artifacts.find(name), result.weights_sha256)

    def _training(self, stage: Stage, point: FrontPoint, seed: int) -> SeedTraining:
        # Written to the store's own folder, even if an earlier version kept the file elsewhere.
        path = self._new_file(point.trial, seed)
        return SeedTraining(stage, point.trial, candidate_of(self.trials[point.trial]), seed, path)

    def _new_file(self, trial: int, seed: int) -> Path:
        return self.store.artifacts.new_file(confirmed_file(self.confirmation.study_name, trial, seed))


def _find_confirmation(
    store: Store,
    study_name: str,
    request: ConfirmRequest,
    complete: Sequence[FrontPoint],
    seed: int,
    num_validation: int,
) -> Confirmation:
    """Return the confirmation that was started earlier, or start a new one."""
    begun = Confirmation.find(store.database, study_name)
    if begun is not None and not request.anew:
        _check_as_begun(begun, request)
        return begun
    if not complete:
        raise InputError(f"study {study_name!r} has no complete trial yet, so there is no front to confirm")
    top = request.top or DEFAULT_CONTENDERS
    contenders = _choose_contenders(store, study_name, complete, top, num_validation)
    if begun is not None:  # until now it is valid
        begun.discard()
    return Confirmation.begin(
        store.database,
        study_name,
        seeds=confirmation_seeds(seed, request.num_seeds or DEFAULT_CONFIRM_SEEDS),
        top=top,
        num_complete=len(complete),
        contenders=contenders,
    )


def _choose_contenders(
    store: Store, study_name: str, complete: Sequence[FrontPoint], top: int, num_validation: int
) -> list[FrontPoint]:
    estimates = None
    if len(complete) > MAX_LEARNT_FROM:
        complete = nearest_to_front(complete, max(MAX_ESTIMATED, top), num_validation=num_validation)
    if len(complete) <= MAX_LEARNT_FROM:
        estimates = read_estimates(store, study_name, [point.trial for point in complete]).by_trial
    return choose_contenders(complete, num_validation=num_validation, estimates=estimates, top=top)


def _check_as_begun(begun: Confirmation, request: ConfirmRequest) -> None:
    for option, now, was in (
        ("--seeds", request.num_seeds, len(begun.seeds[Stage.MEASURE])),
        ("--top", request.top, begun.top),
    ):
        if now is not None and now != was:
            how = f"without {option}" if was is None else f"with {option} {was}"
            raise InputError(
                f"the confirmation of {begun.study_name!r} was started {how}, not with {now}: omit it to continue, or "
                "start again with --anew"
            )


def _describe(result: SeedResult) -> str:
    accuracy = "" if result.correct is None else f"  {format_accuracy(float(result.correct.mean()))}"
    return f"trial {result.trial:<4}{accuracy}  {format_seconds(result.seconds):>6}"
