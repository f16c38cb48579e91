"""What commands print on stdout: tables for people, JSON for programs."""

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from search.defaults import DEFAULT_STORAGE
from search.runs.progress import format_accuracy, format_seconds, front_table
from search.terminal.output import print_json, print_table
from space.architecture import ArchitectureSpec, num_params, summarise
from space.errors import InputError
from space.layers import INPUT_SHAPE, Shape
from studies.confirmations import ConfirmedPoint, read_openings
from studies.pareto import FrontPoint
from studies.records import TRAINED_OUTCOMES, Outcome, count_outcomes, front_frame, read_front
from studies.slots import SlotState, TrialSlots, is_alive
from studies.storage import Store

if TYPE_CHECKING:
    from search.runs.config import RunConfig
    from search.runs.search import RunSummary

BYTES_PER_VALUE = 4
"""fp32"""


def best_of(front: Sequence[FrontPoint]) -> FrontPoint | None:
    """The highest val_accuracy; of equal ones the fewest parameters, then the earliest trial."""
    return max(front, key=lambda point: (point.val_accuracy, -point.num_params, -point.trial), default=None)


def print_run(
    summary: "RunSummary", config: "RunConfig", confirmed: Sequence[ConfirmedPoint] | None = None, *, as_json: bool
) -> None:
    """``confirmed`` is the front as a confirmation that followed found it; None: none did."""
    best = best_of(summary.front)
    counts = {outcome.value: summary.counts[outcome] for outcome in Outcome}
    if as_json:
        print_json(
            {
                "study": summary.study,
                "trained": summary.num_trained,
                **counts,
                "seconds": round(summary.seconds, 1),
                "best": best and asdict(best),
                "front": [asdict(point) for point in summary.front],
                **({} if confirmed is None else {"confirmed": [asdict(point) for point in confirmed]}),
            }
        )
        return
    where = "" if config.storage == DEFAULT_STORAGE else f" --storage {shlex.quote(config.storage)}"
    study = shlex.quote(summary.study)
    shown = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    print(f"{summary.study}: {summary.num_trained} trained ({shown}) in {format_seconds(summary.seconds)}")
    if best is not None:
        print()
        print_front(summary.front, as_json=False)
        print(
            f"\nBest: trial {best.trial}, {format_accuracy(best.val_accuracy)} of the validation images at "
            f"{best.num_params:,} parameters: {best.notation}"
        )
        print(f"Export it:       python -m search export --study {study}{where} --out {study}-best")
    if confirmed is not None:
        print("\nConfirmed, on the test set:\n")
        print_confirmed_front(confirmed, as_json=False)
        print()
    print(f"Open dashboard:  python -m search dashboard{where}")
    num_left = config.trials - summary.num_trained
    if num_left > 0:
        print(f"Go on:           the same command again trains the {num_left} trials that are left")
    else:
        print("Go on:           the same command with more --trials")


def print_status(store: Store, name: str, *, as_json: bool) -> None:
    from studies.locks import WorkerLocks

    trials = store.load_study(name).get_trials(deepcopy=False)
    counts = count_outcomes(trials)
    locks = WorkerLocks(store.lock_path)
    running = [slot for slot in TrialSlots(store.engine, name).read((SlotState.RUNNING,)) if is_alive(slot, locks)]
    best = best_of(read_front(store.engine, name))
    seconds = sum(trial.user_attrs.get("seconds", 0.0) for trial in trials)
    engines = sorted({_engine(trial.user_attrs["run"]) for trial in trials if "run" in trial.user_attrs})
    numbers: dict[str, int] = {
        "trained": sum(counts[outcome] for outcome in TRAINED_OUTCOMES),
        **{outcome.value: counts[outcome] for outcome in Outcome},
        "running": len(running),
    }
    openings = read_openings(store.engine, name)
    if as_json:
        print_json(
            {
                "study": name,
                **numbers,
                "best": best and asdict(best),
                "seconds": round(seconds, 1),
                "engines": engines,
                "test_openings": [
                    {"opened": opened.isoformat(), "num_models": num_models} for opened, num_models in openings
                ],
            }
        )
        return
    print(f"study      {name}")
    for label, number in numbers.items():
        print(f"{label:<10} {number}")
    if best is not None:
        accuracy = format_accuracy(best.val_accuracy)
        print(f"best       {accuracy} at {best.num_params:,} parameters (trial {best.trial}): {best.notation}")
    print(f"time       {format_seconds(seconds)} of training")
    print(f"engine     {', '.join(engines) or '-'}")
    if not openings:
        print("test set   not opened")
    for opened, num_models in openings:
        print(f"test set   opened {opened:%Y-%m-%d %H:%M} UTC for {num_models} models")


def print_front(front: Sequence[FrontPoint], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(point) for point in front])
    elif front:
        print_table(front_table(front))
    else:
        print("the front is empty: no trial is complete yet")


def print_confirmed_front(front: Sequence[ConfirmedPoint], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(point) for point in front])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("parameters", "test accuracy", "95 % interval", "on the front", "val accuracy", "trial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notation", overflow="fold")
    for point in front:
        table.add_row(
            f"{point.num_params:,}",
            format_accuracy(point.accuracy),
            f"{100 * point.low:.2f}-{100 * point.high:.2f} %",
            f"{100 * point.front_probability:.0f} %",
            format_accuracy(point.val_accuracy),
            str(point.trial),
            point.notation,
        )
    print_table(table)
    if front:
        print(
            f"\nMeans over {len(front[0].seeds)} seeds, last epoch, trained on all images outside the test set; "
            "members were chosen by validation accuracy."
        )


def write_front_csv(front: Sequence[FrontPoint] | Sequence[ConfirmedPoint], path: Path) -> None:
    if path.exists():
        raise InputError(f"--csv {path} exists already")
    try:
        front_frame(front).to_csv(path, index=False)
    except OSError as error:
        raise InputError(f"--csv {path} can't be written: {error.strerror or error}") from None


def print_count(architecture: ArchitectureSpec, *, as_json: bool) -> None:
    rows = summarise(architecture)
    total = num_params(architecture)
    macs = sum(row.num_macs for row in rows)
    sizes = [_num_values(INPUT_SHAPE), *(_num_values(row.output_shape) for row in rows)]
    memory = {
        "weights_bytes": total * BYTES_PER_VALUE,
        # Running one image needs a layer's input and output at a time; training keeps all of them.
        "inference_activation_bytes": max(a + b for a, b in itertools.pairwise(sizes)) * BYTES_PER_VALUE,
        "all_activation_bytes": sum(sizes) * BYTES_PER_VALUE,
    }
    if as_json:
        layers = [
            {
                "layer": row.layer.token,
                "output_shape": row.output_shape,
                "num_params": row.num_params,
                "share": row.num_params / total if total else 0.0,
                "receptive_field": row.receptive_field,
                "num_macs": row.num_macs,
            }
            for row in rows
        ]
        print_json({"notation": str(architecture), "num_params": total, "num_macs": macs, **memory, "layers": layers})
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("layer")
    for heading in ("output shape", "parameters", "share", "receptive field", "MACs"):
        table.add_column(heading, justify="right")
    for row in rows:
        share = f"{100 * row.num_params / total:.1f} %" if total else ""
        shape = "x".join(map(str, row.output_shape))
        field = f"{row.receptive_field}x{row.receptive_field}"
        table.add_row(row.layer.token, shape, f"{row.num_params:,}", share, field, f"{row.num_macs:,}")
    table.add_row("total", "", f"{total:,}", "100.0 %" if total else "", "", f"{macs:,}", style="bold")
    print_table(table)
    weights, at_most, all_kept = (format_kib(num_bytes) for num_bytes in memory.values())
    print(
        f"\nMemory for one image in fp32: weights {weights}, activations at most {at_most} at a time, {all_kept} in all"
    )


def _engine(run: dict[str, Any]) -> str:
    return f"{run['engine']} on {run['device']}"


def _num_values(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def format_kib(num_bytes: int) -> str:
    return f"{num_bytes / 1024:.1f} KiB"
