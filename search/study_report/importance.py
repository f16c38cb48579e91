"""How much each sampled setting mattered in a search, by PED-ANOVA."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, create_trial

MIN_TRIALS = 20
"""Complete trials below which nothing is said."""


def measure_importances(trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
    """Return each setting's share of importance, the most important first; empty for fewer than `MIN_TRIALS` trials.

    ``accuracy`` is the share in reaching the upper tenth of validation accuracies; ``beyond_size`` is that in reaching
    the upper tenth once what the number of parameters explains, a quadratic fit of the log error to the log size, is
    taken off. PED-ANOVA: Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces", IJCAI 2023. Trials are complete ones of one space.
    """
    if len(trials) < MIN_TRIALS:
        return []
    accuracies, sizes = np.array([trial.values for trial in trials]).T
    errors, log_sizes = np.log(np.maximum(1 - accuracies, 1e-5)), np.log(sizes)
    if np.ptp(errors) == 0:
        return []
    degree = min(2, len(np.unique(sizes)) - 1)
    beyond = np.polyval(np.polyfit(log_sizes, errors, degree), log_sizes) - errors
    shares = {"accuracy": _shares(trials, accuracies), "beyond_size": _shares(trials, beyond)}
    names = sorted(shares["accuracy"], key=lambda name: -shares["accuracy"][name])
    return [{"name": name, **{key: round(share[name], 4) for key, share in shares.items()}} for name in names]


def _shares(trials: Sequence[FrozenTrial], values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the evaluator is experimental
        study = optuna.create_study(direction="maximize")
        study.add_trials(
            [
                create_trial(value=float(value), params=trial.params, distributions=trial.distributions)
                for trial, value in zip(trials, values, strict=True)
            ]
        )
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(shares.get(name, 0.0)) for name in trials[0].distributions}
