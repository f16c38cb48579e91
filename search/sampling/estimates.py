"""What accuracy the nets of a study have on average over seeds, as the model of errors judges them.

A single validation accuracy is partly luck, and the points of a front are those that had most of it. The posterior
mean of a model that was learnt from all trials, the unlucky ones too, is no more optimistic for a trial that was chosen
by its accuracy than for any other (Senn 2008, "A note concerning a selection 'paradox' of Dawid's", The American
Statistician 62).
"""

import math
from collections.abc import Sequence

import numpy as np

from search.sampling.error_model import ErrorModel
from search.sampling.estimate import Estimate, Estimates
from search.sampling.features import FeatureScale
from search.sampling.observation import Observation, measurement_variance, observe
from space.candidate import CandidateSpec
from space.errors import DamagedStoreError
from studies.confusions import read_class_sizes
from studies.fingerprints import read_fingerprint, read_metric
from studies.intervals import effective_images
from studies.storage import Store
from studies.trained import read_trained, trained_numbers
from studies.trials import Outcome

MIN_COMPLETE = 8
"""Number of complete trials below which there are no estimates: three are used up by the quadratic in the log size."""
MAX_LEARNT_FROM = 200
"""Largest number of trials that the model learns from, as its time grows with their third power."""


def read_estimates(store: Store, study_name: str, numbers: Sequence[int]) -> Estimates:
    """Return the estimates of complete trials, if the study's trials tell enough."""
    try:
        return _read_estimates(store, study_name, numbers)
    except DamagedStoreError as error:  # whoever reads the front should not fail because of it
        return Estimates(missing=str(error))


def _read_estimates(store: Store, study_name: str, numbers: Sequence[int]) -> Estimates:
    database = store.database
    outcomes = trained_numbers(database, study_name)
    num_complete = sum(outcome == Outcome.COMPLETE for outcome in outcomes.values())
    if num_complete < MIN_COMPLETE:
        return Estimates(missing=f"they need {MIN_COMPLETE} complete trials, and the study has {num_complete}")
    num_validation = _num_validation(store, study_name)
    if num_validation is None:
        return Estimates(missing="the trials are of a version that did not store the number of validation images")
    trained = read_trained(database, study_name, _learnt_from(list(outcomes), numbers))
    num_epochs = max(len(trial.curve) for trial in trained.values())
    observations = observe(
        (({}, trial.candidate, trial.curve) for trial in trained.values()),
        num_epochs=num_epochs,
        num_validation=num_validation,
    )
    candidates = [trained[number].candidate for number in numbers]
    estimates = estimate_accuracies(observations, candidates, num_validation=num_validation)
    return Estimates(dict(zip(numbers, estimates, strict=True)))


def _num_validation(store: Store, study_name: str) -> int | None:
    if sizes := read_class_sizes(store.database, study_name):
        return effective_images(sizes, is_balanced=read_metric(store, study_name) is not None)
    from mnist_core.data import validation_size  # which few studies need

    return validation_size((read_fingerprint(store, study_name) or {}).get("dataset", ""))


def _learnt_from(every: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Return the wanted trials and as many others as the model has time for, which their accuracies do not choose.

    In a long study that is every second of the others, or every third and so on. If only the best were taken, the model
    would not learn how many others were unlucky.
    """
    others = sorted(set(every) - set(wanted))
    num = max(0, MAX_LEARNT_FROM - len(wanted))
    step = max(1, math.ceil(len(others) / max(1, num)))
    return sorted({*wanted, *others[::step]}) if num else sorted(wanted)


def estimate_accuracies(
    observations: Sequence[Observation], candidates: Sequence[CandidateSpec], *, num_validation: int
) -> list[Estimate]:
    """Return the estimates of (N,) candidates after some observations, at least one of them with an error.

    ``num_validation`` is the number of images on which accuracies are measured.
    """
    known = [observation for observation in observations if observation.log_error is not None]
    scale = FeatureScale.of([observation.candidate for observation in known])
    model = ErrorModel(
        scale.scaled([observation.candidate for observation in known]),
        np.array([observation.log_error for observation in known]),
        np.array([observation.variance for observation in known]),
    )
    estimates = []
    for mean, std in zip(*model.predict(scale.scaled(candidates)), strict=True):
        # The model's mean is that of the logarithm, and errors are about log-normally distributed around it.
        noise = model.noise_factor**2 * measurement_variance(math.exp(mean), num_validation)
        error = math.exp(mean + (std**2 + noise) / 2)
        estimates.append(Estimate(max(0.0, 1 - error), error * math.sqrt(math.expm1(std**2))))
    return estimates
