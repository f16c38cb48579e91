"""Front search as a sampler of an Optuna study of someone's own."""

import math

import optuna
import pytest
from optuna.trial import Trial, TrialState

from search.sampling.front_sampler import FrontSampler
from search.sampling.front_search import FrontSearch
from search.sampling.observation import Observation
from search.sampling.observations import MAX_OBSERVATIONS
from space.search_space import SearchSpace
from studies.study import Suggestion

SPACE = SearchSpace.default()
BUDGET = 3_000


def sampler(seed: int = 0) -> FrontSampler:
    return FrontSampler(SPACE, BUDGET, epochs=2, num_validation=1_000, seed=seed)


def study(seed: int = 0) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler(seed))


def objective(trial: Trial) -> tuple[float, int]:
    candidate = SPACE.suggest_candidate(trial, epochs=2)
    trial.suggest_float("of its own", 0.0, 1.0)
    if trial.number == 3:
        raise optuna.TrialPruned
    return 1 - candidate.num_params**-0.5 * math.exp(
        abs(math.log(candidate.training.max_lr / 0.1))
    ), candidate.num_params


def test_it_samples_the_trials_of_a_study_within_the_budget() -> None:
    made = study()
    made.optimize(objective, n_trials=14)
    assert [trial.state for trial in made.trials].count(TrialState.COMPLETE) == 13
    assert all(trial.values[1] <= BUDGET for trial in made.trials if trial.values)
    assert all(0.0 <= trial.params["of its own"] <= 1.0 for trial in made.trials)
    assert len({tuple(sorted(trial.params.items())) for trial in made.trials}) == 14
    learning_rates = [abs(math.log(trial.params["max_lr"] / 0.1)) for trial in made.trials]
    assert sum(learning_rates[-4:]) / 4 < sum(learning_rates[:10]) / 10, "it learns what the error depends on"


def test_the_same_seed_samples_the_same_and_another_something_else() -> None:
    params = []
    for seed in (1, 1, 2):
        made = study(seed)
        made.optimize(objective, n_trials=2)
        params.append([trial.params for trial in made.trials])
    assert params[0] == params[1]
    assert params[0] != params[2]


def test_a_study_with_other_values_is_refused() -> None:
    made = optuna.create_study(sampler=sampler())
    with pytest.raises(ValueError, match="must maximize accuracy, its first value, and minimize num_params"):
        made.ask().suggest_float("x", 0.0, 1.0)


def test_sampling_can_go_on_in_another_process() -> None:
    first, second = sampler(), sampler()
    second.reseed_rng()
    params = []
    for one in (first, second):
        made = optuna.create_study(directions=["maximize", "minimize"], sampler=one)
        made.optimize(objective, n_trials=1)
        params.append(made.trials[0].params)
    assert params[0] != params[1]


def test_a_long_study_is_learnt_from_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many trials the model gets the best for their size and the latest, and all that are in training."""
    learnt_from: list[Observation] = []

    def propose(self: FrontSearch, observations: list[Observation]) -> Suggestion:
        learnt_from[:] = observations
        return original(self, observations)

    original = FrontSearch.propose
    made = study()
    made.optimize(objective, n_trials=1)
    monkeypatch.setattr(FrontSearch, "propose", propose)
    (first,) = made.trials
    made.add_trials(
        optuna.create_trial(
            params=first.params,
            distributions=first.distributions,
            values=[0.99 if number == 5 else 0.5 + number / 10_000, 2_000],
        )
        for number in range(1, MAX_OBSERVATIONS + 50)
    )
    for _ in range(2):  # the second is sampled while the first is in training
        SPACE.suggest_candidate(made.ask(), epochs=2)
    assert len(learnt_from) == MAX_OBSERVATIONS + 1
    errors = [math.exp(observation.log_error) for observation in learnt_from if observation.log_error is not None]
    assert min(errors) == pytest.approx(0.01)
