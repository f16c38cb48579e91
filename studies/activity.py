"""What a study is doing at this moment: its trials that have begun and not ended."""

from dataclasses import dataclass

from space.errors import InputError
from studies.locks import CONFIRMING
from studies.slots import UNFINISHED, Slot, SlotState, TrialSlots, is_alive
from studies.storage import Store


@dataclass(frozen=True)
class Activity:
    """The trials of a study that have begun and not ended."""

    running: list[Slot]
    """Those whose worker is alive at this moment, or has a place for a trial that is about to begin."""
    interrupted: list[Slot]
    """Those that wait for a worker to go on with them."""


def check_idle(store: Store, name: str) -> None:
    """Raise `InputError` while the study is searched, or a front of its store is confirmed."""
    if read_activity(store, name).running:
        raise InputError(f"study {name!r} is being searched: end that call first")
    if store.locks.is_held(CONFIRMING):
        raise InputError(f"a front of {store.url} is being confirmed: end that call first")


def read_activity(store: Store, name: str) -> Activity:
    unfinished = TrialSlots(store.database, name).read(UNFINISHED)
    running = [slot for slot in unfinished if slot.state == SlotState.RUNNING and is_alive(slot, store.locks)]
    begun = [slot for slot in unfinished if slot.trial_number is not None]
    return Activity(
        running=running,
        interrupted=[slot for slot in begun if slot not in running],
    )
