"""The search for a front as a sampler for any Optuna study.

space = SearchSpace.default()
sampler = FrontSampler(space, budget=8_000, epochs=15, num_validation=10_000)
study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)

def objective(trial):
    candidate = space.suggest_candidate(trial, epochs=15)
    return train_and_validate(candidate), candidate.num_params

study.optimize(objective, n_trials=60)
"""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search.sampling.draws import smallest_params
from search.sampling.front_search import FrontSearch
from search.sampling.instructive import instructive_numbers
from search.sampling.observation import Observation, measurement_variance
from search.sampling.observations import MAX_OBSERVATIONS
from space.search_space import SearchSpace
from studies.pareto import FrontPoint


class FrontSampler(BaseSampler):
    """Proposes the candidates of a study whose values are accuracy, which is maximised, and number of parameters.

    It proposes nets within the budget alone. Parameters that the objective suggests beside those of the space are
    sampled at random.
    """

    def __init__(
        self, space: SearchSpace, budget: int, *, epochs: int, num_validation: int, seed: int | None = None
    ) -> None:
        """``epochs`` is the length of a training, which the objective gives `SearchSpace.suggest_candidate` too.

        ``num_validation`` is the number of images on which accuracies are measured, which says how exact they are.
        """
        generator = self._generator = random.Random(seed)
        self._space = space
        self._epochs = epochs
        self._num_validation = num_validation
        self._search = FrontSearch(space, budget, epochs=epochs, num_validation=num_validation, generator=generator)
        self._random = RandomSampler(seed)
        fixed = FixedTrial(smallest_params(space, generator, epochs=epochs))
        space.suggest_candidate(fixed, epochs=epochs)
        self._distributions = fixed.distributions

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if study.directions != [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]:
            raise ValueError("the study must maximize accuracy, its first value, and minimize num_params, its second")
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        # A trial that has just begun, such as this one, has no parameters yet.
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        sampled = [other for other in trials if other.params.keys() >= search_space.keys()]
        observations = [self._observe(other) for other in _most_instructive(sampled)]
        return self._search.propose(observations).params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        self._generator.seed()
        self._random.reseed_rng()

    def _observe(self, trial: FrozenTrial) -> Observation:
        params: Mapping[str, Any] = {name: trial.params[name] for name in self._distributions}
        candidate = self._space.suggest_candidate(FixedTrial(dict(params)), epochs=self._epochs)
        if trial.state == TrialState.RUNNING:
            return Observation(params, candidate, log_error=None)
        error = max(1 - trial.values[0], 0.5 / self._num_validation)
        return Observation(params, candidate, math.log(error), measurement_variance(error, self._num_validation))


def _most_instructive(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return those in training and, of the complete ones, as many as the model of errors has time for."""
    complete = [
        FrontPoint(trial.number, int(trial.values[1]), trial.values[0], "")
        for trial in trials
        if trial.state == TrialState.COMPLETE
    ]
    kept = instructive_numbers(complete, [point.trial for point in complete], MAX_OBSERVATIONS)
    return [trial for trial in trials if trial.state == TrialState.RUNNING or trial.number in kept]
