"""Search strategies to compare: what each trains next, and when it stops a training.

All reject candidates over the budget before training, at no cost, and train one candidate at a time.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState, create_trial

from benchmarks.strategy_study import FULL_SCHEDULE, Array, Params, StrategyStudy, Trial
from search.sampling.draws import SIZE_RANGE, STARTUP_TRIALS, draw_growing
from search.sampling.estimates import estimate_accuracies
from search.sampling.front_search import FrontSearch
from search.sampling.improvement import non_dominated
from search.sampling.observation import Observation, observe
from search.sampling.tpe import num_good_trials
from space.candidate import CandidateSpec

EXPLORE_EVERY, EXPLORE_SIZE_RANGE = 2, 1.6
"""Of the strategy `growing_and_tpe`."""


class Strategy(Protocol):
    def __call__(self, study: StrategyStudy) -> None:
        """Train candidates until the study is over."""
        ...


def random_in_full(study: StrategyStudy) -> None:
    """Random search: every candidate is trained to the end."""
    while not study.is_over:
        study.train(study.begin(*study.draw()), FULL_SCHEDULE)


def growing_in_full(study: StrategyStudy) -> None:
    """Random nets whose widths grow slowly, of random sizes on a log scale, each trained to the end."""
    while not study.is_over:
        study.train(study.begin(*_growing(study, SIZE_RANGE)), FULL_SCHEDULE)


def one_epoch_then_best(study: StrategyStudy) -> None:
    """One epoch for many random candidates with half of the epochs, then the best in full (arXiv:2307.15422)."""
    while study.share_spent < 1 / 2:
        study.train(study.begin(*study.draw()), 1)
    for trial in _by_rank(study.trials):
        if study.is_over:
            return
        study.train(trial, FULL_SCHEDULE)


def mo_asha(study: StrategyStudy) -> None:
    """Asynchronous successive halving by non-dominated rank (MO-ASHA, Schmucker et al., arXiv:2106.12639).

    Rungs end after 1, 3 and 9 epochs and the full schedule, so the reduction factor is 3. Ties within a rank are broken
    by the epsilon-net of that paper, in log size and log error.
    """
    rungs = (1, 3, 9, FULL_SCHEDULE)
    reached: list[list[Trial]] = [[] for _ in rungs]
    promoted: list[set[int]] = [set() for _ in rungs]
    while not study.is_over:
        for level in reversed(range(len(rungs) - 1)):
            best = _by_rank(reached[level])[: len(reached[level]) // 3]
            waiting = [trial for trial in best if id(trial) not in promoted[level]]
            if waiting:
                promoted[level].add(id(waiting[0]))
                study.train(waiting[0], rungs[level + 1])
                reached[level + 1].append(waiting[0])
                break
        else:
            trial = study.begin(*study.draw())
            study.train(trial, rungs[0])
            reached[0].append(trial)


def optuna_default(study: StrategyStudy) -> None:
    """Optuna's default sampler for several objectives, without pruning, which Optuna does not have for them."""
    tpe = _Tpe(study, TPESampler(seed=study.random.randrange(2**31)))
    while not study.is_over:
        params, candidate = tpe.ask()
        trial = study.begin(params, candidate)
        study.train(trial, FULL_SCHEDULE)
        tpe.tell(trial)


def growing_and_tpe(study: StrategyStudy) -> None:
    """Random growing nets and TPE by turns, with size-aware pruning."""
    sampler = TPESampler(
        multivariate=True,
        n_startup_trials=STARTUP_TRIALS,
        gamma=num_good_trials,
        seed=study.random.randrange(2**31),
    )
    tpe = _Tpe(study, sampler)
    while not study.is_over:
        num = len(study.trials)
        is_startup = num < STARTUP_TRIALS
        if is_startup or num % EXPLORE_EVERY == 0:
            params, candidate = _growing(study, SIZE_RANGE if is_startup else EXPLORE_SIZE_RANGE)
        else:
            params, candidate = tpe.ask()
        trial = study.begin(params, candidate)
        study.train(trial, FULL_SCHEDULE, stop=study.is_hopeless)
        tpe.tell(trial)


def front_search(study: StrategyStudy, *, is_pruning: bool = True) -> None:
    """The model of errors proposes what fills the front, with size-aware pruning or without."""
    search = FrontSearch(
        study.space,
        study.budget,
        epochs=FULL_SCHEDULE,
        num_validation=study.num_validation,
        generator=study.random,
    )
    study.judge = by_estimate
    while not study.is_over:
        found = search.propose(observations(study))
        stop = study.is_hopeless if is_pruning else None
        study.train(study.begin(found.params, found.candidate), FULL_SCHEDULE, stop=stop)


STRATEGIES: dict[str, Strategy] = {
    "random in full": random_in_full,
    "growing in full": growing_in_full,
    "one epoch, then best": one_epoch_then_best,
    "MO-ASHA": mo_asha,
    "Optuna's default": optuna_default,
    "growing and TPE": growing_and_tpe,
    "front search": front_search,
    "front search, unpruned": partial(front_search, is_pruning=False),
}


def by_estimate(study: StrategyStudy, trials: Sequence[Trial]) -> Array:
    """Return the log errors that the model of errors expects of trials, as `front` and `export` show and use them."""
    candidates = [trial.candidate for trial in trials]
    estimates = estimate_accuracies(observations(study), candidates, num_validation=study.num_validation)
    return np.log([1 - estimate.accuracy for estimate in estimates])


def observations(study: StrategyStudy) -> list[Observation]:
    """Return what the trials show to the model of errors, as in a search."""
    return observe(
        ((trial.params, trial.candidate, trial.curve) for trial in study.trials),
        num_epochs=FULL_SCHEDULE,
        num_validation=study.num_validation,
    )


class _Tpe:
    """An Optuna study that a sampler learns from. Candidates over the budget are told with their violation."""

    def __init__(self, study: StrategyStudy, sampler: BaseSampler) -> None:
        self._simulated = study
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        self._distributions: dict[str, BaseDistribution] = {}

    def ask(self) -> tuple[Params, CandidateSpec]:
        budget = self._simulated.budget
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                asked = self._study.ask()
                candidate = self._simulated.space.suggest_candidate(asked, epochs=FULL_SCHEDULE)
                self._distributions = asked.distributions
                self._study.tell(asked, state=TrialState.FAIL)
            if candidate.num_params <= budget:
                return asked.params, candidate
            self._add(asked.params, TrialState.PRUNED, {"budget": candidate.num_params / budget - 1})

    def tell(self, trial: Trial) -> None:
        if not self._distributions:
            self.ask()
        if trial.is_complete:
            self._add(
                trial.params, TrialState.COMPLETE, {"budget": -1.0}, [1 - trial.error, trial.candidate.num_params]
            )
        else:
            self._add(trial.params, TrialState.PRUNED, {"budget": -1.0})

    def _add(
        self, params: Params, state: TrialState, constraints: dict[str, float], values: list[float] | None = None
    ) -> None:
        self._study.add_trial(
            create_trial(
                state=state,
                values=values,
                params=dict(params),
                distributions=self._distributions,
                constraints=constraints,
            )
        )


def _growing(study: StrategyStudy, size_range: float) -> tuple[Params, CandidateSpec]:
    drawn = draw_growing(study.space, study.budget, study.random, size_range=size_range, epochs=FULL_SCHEDULE)
    assert drawn is not None
    return drawn.params, drawn.candidate


def _by_rank(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials by the front that they are on: the first, that of the rest, and so on.

    Within a front the order is that of an epsilon-net: each is as far as possible from those before it.
    """
    rest = list(trials)
    ordered: list[Trial] = []
    while rest:
        points = np.log([[trial.candidate.num_params, trial.error] for trial in rest])
        chosen = non_dominated(points[:, 0], points[:, 1])
        front, points = [rest[i] for i in chosen], points[chosen]
        rest = [trial for i, trial in enumerate(rest) if i not in chosen]
        distance = np.full(len(front), np.inf)
        for _ in front:
            i = int(np.argmax(distance))
            ordered.append(front[i])
            distance = np.minimum(distance, np.linalg.norm(points - points[i], axis=1))
            distance[i] = -np.inf
    return ordered
