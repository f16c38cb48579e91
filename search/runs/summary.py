"""The result of one call of a search, and how it is printed."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from search.defaults import DEFAULT_STORAGE, METRIC_NAMES
from search.reports.fronts import estimated_row, front_row, print_confirmed_front, print_front
from search.runs.config import RunConfig
from search.sampling.estimate import Estimates
from search.terminal.numbers import format_accuracy, format_seconds
from search.terminal.output import print_json
from space.errors import without_password
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint, most_accurate
from studies.trials import Outcome


@dataclass(frozen=True)
class RunSummary:
    """The result of one call of a search."""

    study: str
    counts: Counter[Outcome]
    num_trained: int
    front: list[FrontPoint]
    estimates: Estimates
    """Of the front's points."""
    seconds: float
    interrupted: bool
    timed_out: bool
    members: Sequence[ConfirmedPoint] = ()
    """The study's front, if it was confirmed before this call."""


def print_run(
    summary: RunSummary, config: RunConfig, confirmed: Sequence[ConfirmedPoint] | None = None, *, as_json: bool
) -> None:
    """Print the result; ``confirmed`` is the front of a confirmation that followed, or None."""
    best = most_accurate(summary.front)
    counts = {outcome.value: summary.counts[outcome] for outcome in Outcome}
    if as_json:
        print_json(
            {
                "study": summary.study,
                "trained": summary.num_trained,
                **counts,
                "seconds": round(summary.seconds, 1),
                "best": best and front_row(best),
                "front": [estimated_row(point, summary.estimates) for point in summary.front],
                **({} if confirmed is None else {"confirmed": [front_row(point) for point in confirmed]}),
            }
        )
        return
    where = "" if config.storage == DEFAULT_STORAGE else f" --storage {shlex.quote(without_password(config.storage))}"
    study = shlex.quote(summary.study)
    shown = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    print(f"{summary.study}: {summary.num_trained} trained ({shown}) in {format_seconds(summary.seconds)}")
    if best is not None:
        print()
        is_balanced = config.metric != METRIC_NAMES[0]
        print_front(summary.front, summary.estimates, as_json=False, is_balanced=is_balanced)
        what = "balanced accuracy on the validation images" if is_balanced else "of the validation images"
        print(
            f"\nBest: trial {best.trial}, {format_accuracy(best.val_accuracy)} {what} at "
            f"{best.num_params:,} parameters: {best.notation}"
        )
    if confirmed is not None:
        print("\nConfirmed, on the test set:\n")
        print_confirmed_front(confirmed, as_json=False)
        print()
    if best is not None:
        out = shlex.quote(f"{summary.study.replace('/', '-')}-best")
        which = _what_export_takes(summary, confirmed or summary.members, best)
        print(f"Export it:       python -m search export --study {study}{where} --out {out}{which}")
    print(f"Open dashboard:  python -m search dashboard{where}")
    num_left = config.trials - summary.num_trained
    if num_left > 0:
        left = "trial that is left" if num_left == 1 else f"{num_left} trials that are left"
        print(f"Continue:        the same command again trains the {left}")
    else:
        print("Continue:        the same command with more --trials")


def _what_export_takes(summary: RunSummary, members: Sequence[ConfirmedPoint], best: FrontPoint) -> str:
    """Return a comment for a shell if `export` takes another trial than the most accurate one.

    It does as `search.models.selection.select_trial`, without reading the store.
    """
    if members:
        chosen, why = most_accurate([point.front_point for point in members]), "the best of the confirmed front"
    else:
        chosen, why = most_accurate(summary.estimates.applied_to(summary.front)), "whose estimate is the highest"
    return "" if chosen is None or chosen.trial == best.trial else f"    # takes trial {chosen.trial}, {why}"
