import random

from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, create_trial

from search.study_report.importance import MIN_TRIALS, measure_importances


def invented(number: int, *, seed: int = 0) -> list[FrozenTrial]:
    """The width decides the size, and with it most of the accuracy; the rate decides what is left; noise nothing."""
    generator = random.Random(seed)
    trials = []
    for _ in range(number):
        params = {name: generator.randint(1, 100) for name in ("noise", "rate", "width")}
        error = 0.5 * params["width"] ** -0.5 * (1 + 0.3 * abs(params["rate"] - 50) / 50)
        distributions = dict.fromkeys(params, IntDistribution(1, 100))
        trials.append(
            create_trial(values=[1 - error, 20 * params["width"]], params=params, distributions=distributions)
        )
    return trials


def test_what_decides_is_found_with_and_without_size() -> None:
    shares = {row["name"]: row for row in measure_importances(invented(400))}
    assert max(shares, key=lambda name: shares[name]["accuracy"]) == "width"
    assert max(shares, key=lambda name: shares[name]["beyond_size"]) == "rate"
    assert max(shares["noise"]["accuracy"], shares["noise"]["beyond_size"]) < 0.25
    for key in ("accuracy", "beyond_size"):
        assert abs(sum(row[key] for row in shares.values()) - 1) < 0.01


def test_nothing_is_said_of_few_trials_or_equal_ones() -> None:
    assert measure_importances(invented(MIN_TRIALS - 1)) == []
    trials = invented(MIN_TRIALS)
    for trial in trials:
        trial.values = [0.9, 100]
    assert measure_importances(trials) == []
