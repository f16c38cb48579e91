"""Printing the progress of a study."""

from dataclasses import asdict
from typing import Any

from search.terminal.numbers import counted, format_accuracy, format_seconds
from search.terminal.output import print_json
from studies.confirmations import read_openings
from studies.locks import WorkerLocks
from studies.pareto import most_accurate
from studies.records import read_front
from studies.slots import SlotState, TrialSlots, is_alive
from studies.storage import Store
from studies.trials import TRAINED, Outcome, attributes_of, count_outcomes


def print_status(store: Store, name: str, *, as_json: bool) -> None:
    trials = store.load_study(name).get_trials(deepcopy=False)
    counts = count_outcomes(trials)
    locks = WorkerLocks(store.lock_path)
    running = [slot for slot in TrialSlots(store.database, name).read((SlotState.RUNNING,)) if is_alive(slot, locks)]
    best = most_accurate(read_front(store.database, name))
    attributes = [attributes_of(trial) for trial in trials]
    seconds = sum(found.get("seconds", 0.0) for found in attributes)
    engines = sorted({_engine(found["run"]) for found in attributes if "run" in found})
    numbers: dict[str, int] = {
        "trained": sum(counts[outcome] for outcome in TRAINED),
        **{outcome.value: counts[outcome] for outcome in Outcome},
        "running": len(running),
    }
    openings = read_openings(store.database, name)
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
    print(f"study       {name}")
    for label, number in numbers.items():
        print(f"{label:<11} {number}")
    if best is not None:
        accuracy = format_accuracy(best.val_accuracy)
        print(f"best        {accuracy} at {best.num_params:,} parameters (trial {best.trial}): {best.notation}")
    print(f"time        {format_seconds(seconds)} of training")
    print(f"engine      {', '.join(engines) or '-'}")
    if not openings:
        print("test set    not opened")
    for opened, num_models in openings:
        print(f"test set    opened {opened:%Y-%m-%d %H:%M} UTC for {counted(num_models, 'model')}")


def _engine(run: dict[str, Any]) -> str:
    return f"{run['engine']} on {run['device']}"
