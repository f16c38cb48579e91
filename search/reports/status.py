"""Printing the progress of a study."""

from dataclasses import asdict, dataclass

from search.reports.fronts import front_row
from search.terminal.numbers import counted, describe_footprint, format_accuracy, format_seconds
from search.terminal.output import print_json
from space.footprint import footprint_of
from studies.activity import read_activity
from studies.confirmations import Confirmation, read_openings
from studies.consistency import check_slots
from studies.fingerprints import read_limits, read_metric
from studies.pareto import FrontPoint, most_accurate
from studies.records import read_front
from studies.slots import TrialSlots
from studies.storage import Store
from studies.summaries import TrialSummaries, read_totals
from studies.trials import TRAINED, Outcome


def print_status(store: Store, name: str, *, as_json: bool) -> None:
    study = store.load_study(name)
    totals = read_totals(store, study)
    counts = totals.counts
    slots = TrialSlots(store.database, name)
    if any(slots.count(outcome) != counts[outcome] for outcome in TRAINED):
        check_slots(store, TrialSummaries(store, study))
    activity = read_activity(store, name)
    best = most_accurate(read_front(store.database, name))
    confirmed = _confirmed(store, name, best)
    numbers: dict[str, int] = {
        "trained": sum(counts[outcome] for outcome in TRAINED),
        **{outcome.value: counts[outcome] for outcome in Outcome},
        "running": len(activity.running),
        "interrupted": len(activity.interrupted),
    }
    openings = read_openings(store.database, name)
    metric, limits = read_metric(store, name), read_limits(store, name)
    if as_json:
        print_json(
            {
                "study": name,
                **numbers,
                **({"limits": limits.given} if limits else {}),
                "best": best and front_row(best),
                "confirmed": confirmed and asdict(confirmed),
                "seconds": round(totals.seconds, 1),
                "engines": totals.engines,
                **({} if metric is None else {"metric": metric}),
                "test_openings": [
                    {"opened": opened.isoformat(), "num_models": num_models} for opened, num_models in openings
                ],
            }
        )
        return
    print(f"study       {name}")
    if limits:
        print(f"limits      {limits}")
    for label, number in numbers.items():
        print(f"{label:<11} {number}")
    if best is not None:
        accuracy = format_accuracy(best.val_accuracy)
        print(f"best        {accuracy} at {best.num_params:,} parameters (trial {best.trial}): {best.notation}")
        if taken := footprint_of(best.notation):
            print(f"on device   {describe_footprint(taken)}, as C with integers without code and stack")
    if confirmed is not None:
        print(f"confirmed   {_describe(confirmed)}")
    if metric is not None:
        print(f"metric      {metric}")
    print(f"time        {format_seconds(totals.seconds)} of training")
    print(f"engine      {', '.join(totals.engines) or '-'}")
    if not openings:
        print("test set    not opened")
    for opened, num_models in openings:
        print(f"test set    opened {opened:%Y-%m-%d %H:%M} UTC for {counted(num_models, 'model')}")


@dataclass(frozen=True)
class _Confirmed:
    """What a finished confirmation says of the most accurate trial of the search."""

    members: list[int]
    """Trials of the confirmed front, fewest parameters first."""
    best: int
    """The member that `export` chooses: the most accurate by the validation accuracy of the confirmation."""
    best_of_search: str
    """``member``, ``left out`` if other seeds did not bear it out, or ``not measured`` if it was not a contender."""


def _confirmed(store: Store, name: str, best: FrontPoint | None) -> _Confirmed | None:
    confirmation = Confirmation.find(store.database, name)
    front = [] if confirmation is None else confirmation.front()
    if confirmation is None or not front or best is None:
        return None
    members = [point.trial for point in front]
    if best.trial in members:
        of_search = "member"
    elif best.trial in [point.trial for point in confirmation.contenders]:
        of_search = "left out"
    else:
        of_search = "not measured"
    chosen = most_accurate(point.front_point for point in front)
    assert chosen is not None
    return _Confirmed(members, chosen.trial, of_search)


def _describe(confirmed: _Confirmed) -> str:
    front = f"{counted(len(confirmed.members), 'member')}, the most accurate is trial {confirmed.best}"
    return (
        front
        + {
            "member": "",
            "left out": "; the best above is not one of them: with other seeds it was not on the front",
            "not measured": "; the best above is not one of them: it was no contender ('confirm --anew' considers all)",
        }[confirmed.best_of_search]
    )
