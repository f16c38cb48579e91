"""How much better the members of a confirmed front looked in the search than fresh seeds found them to be."""

from statistics import fmean

from search.sampling.estimates import read_estimates
from search.terminal.numbers import counted
from studies.confirmations import Confirmation
from studies.fingerprints import read_metric
from studies.storage import Store


def describe_optimism(store: Store, study_name: str) -> str | None:
    """Return a line on the members' accuracies in the search, and on their estimates, against those of fresh seeds.

    None without a confirmed front, and for balanced accuracy, which is not computed for fresh seeds. The members are
    those that did well with the fresh seeds, so the difference is underestimated.
    """
    confirmation = Confirmation.find(store.database, study_name)
    front = [] if confirmation is None else confirmation.front()
    if confirmation is None or not front or read_metric(store, study_name) is not None:
        return None
    fresh = {point.trial: point.val_accuracy for point in front}
    searched = {point.trial: point.val_accuracy for point in confirmation.contenders}
    estimates = read_estimates(store, study_name, list(fresh)).by_trial
    measured = fmean(searched[trial] - accuracy for trial, accuracy in fresh.items())
    line = (
        f"With fresh seeds, the validation accuracy of {counted(len(front), 'member')} is on average "
        f"{_compared(measured)} than the search measured"
    )
    if not estimates:
        return f"{line}."
    estimated = fmean(estimates[trial].accuracy - accuracy for trial, accuracy in fresh.items())
    return f"{line}, and {_compared(estimated)} than estimated."


def _compared(difference: float) -> str:
    return f"{100 * abs(difference):.2f} points {'lower' if difference >= 0 else 'higher'}"
