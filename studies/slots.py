"""Slots, which make a search train exactly the requested number of trials over all its calls and workers.

A worker reserves a slot before it trains. Only a trial that was trained (complete, pruned or diverged) keeps its slot.
"""

import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import Connection, Engine, Row

from studies.damage import reading, shown
from studies.locks import WorkerLocks
from studies.tables import queued_candidates, searches, trial_slots
from studies.trials import TRAINED, Outcome

MAX_ATTEMPTS = 3
"""Number of times a trial is started before its slot goes to another candidate, as the trial may kill its workers."""

GRACE_SECONDS = 900
"""Time without a heartbeat after which a worker of another machine counts as lost."""


class SlotState(StrEnum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """The trial will be trained again, with the same parameters and seed."""
    RELEASED = "released"
    """The slot was given up and counts no trial."""


State = SlotState | Outcome
"""The state of a slot whose trial was trained is the trial's outcome."""


@dataclass(frozen=True, slots=True)
class QueuedCandidate:
    """A candidate to be trained before any that a sampler draws."""

    candidate_key: str
    source: str
    """Name of the known net that the candidate is near."""
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    id: int
    state: State
    trial_number: int | None
    """Number of the latest attempt's trial, which an interrupted slot trains again."""
    seed_number: int | None
    """Trial number of the first attempt, from which the seed is derived."""
    num_attempts: int
    num_params: int | None
    worker: int
    host: str
    heartbeat: float
    candidate_key: str | None = None
    """Key of the candidate that the slot is reserved for."""
    queued: QueuedCandidate | None = None
    """The candidate that `claim` took from the queue for this new slot."""


class TrialSlots:
    def __init__(self, database: Engine, study_name: str) -> None:
        self._database = database
        self._study_name = study_name

    def claim(self, total: int, worker: int) -> Slot | None:
        """Reserve a slot, or return None if ``total`` slots are already trained or reserved.

        Interrupted slots go first, then new ones, each with a queued candidate while there are any.
        """
        owner = {"worker": worker, "host": socket.gethostname(), "heartbeat": time.time()}
        with self._database.begin() as connection:
            touch_search(connection, self._study_name)
            if self._count(connection, (SlotState.RUNNING, *TRAINED)) >= total:
                return None
            interrupted = connection.scalar(
                select(func.min(trial_slots.c.id)).where(self._mine(), trial_slots.c.state == SlotState.INTERRUPTED)
            )
            queued = None
            if interrupted is not None:
                attempts = trial_slots.c.num_attempts + 1
                self._update(connection, interrupted, state=SlotState.RUNNING, num_attempts=attempts, **owner)
                slot_id = interrupted
            else:
                values = {"study_name": self._study_name, "state": SlotState.RUNNING, **owner}
                slot_id = connection.scalar(insert(trial_slots).values(values).returning(trial_slots.c.id))
                assert slot_id is not None
                queued = self._take_queued(connection, slot_id)
            slot = _slot(connection.execute(select(trial_slots).where(trial_slots.c.id == slot_id)).one())
        return replace(slot, queued=queued)

    def enqueue(self, candidates: Iterable[QueuedCandidate]) -> list[QueuedCandidate]:
        """Queue the candidates that were never queued before, and return them."""
        added = []
        with self._database.begin() as connection:
            touch_search(connection, self._study_name)
            mine = queued_candidates.c.study_name == self._study_name
            known = set(connection.scalars(select(queued_candidates.c.candidate_key).where(mine)))
            for candidate in candidates:
                if candidate.candidate_key not in known:
                    known.add(candidate.candidate_key)
                    values = {"study_name": self._study_name, **asdict(candidate)}
                    connection.execute(insert(queued_candidates).values(values))
                    added.append(candidate)
        return added

    def num_queued(self) -> int:
        """Count the queued candidates that no slot has taken, or whose slot was released before training began."""
        with self._database.connect() as connection:
            return len(connection.execute(self._waiting()).all())

    def reserve(self, slot: Slot, candidate_key: str) -> bool:
        """Reserve a candidate for a slot; returns False if another slot trains it, has trained it or will retry it.

        If two workers find the same candidate at the same time, only one of them gets it.
        """
        with self._database.begin() as connection:
            touch_search(connection, self._study_name)
            taken = (SlotState.RUNNING, SlotState.INTERRUPTED, *TRAINED)
            same = (self._mine(), trial_slots.c.candidate_key == candidate_key, trial_slots.c.id != slot.id)
            query = select(trial_slots.c.id).where(*same, trial_slots.c.state.in_(taken)).limit(1)
            if connection.scalar(query) is not None:
                return False
            self._update(connection, slot.id, candidate_key=candidate_key)
        return True

    def assign(self, slot: Slot, trial_number: int, num_params: int) -> Slot:
        """Record which trial is about to train in the slot; returns the slot with its trial and seed numbers."""
        seed_number = trial_number if slot.seed_number is None else slot.seed_number
        assigned = replace(slot, trial_number=trial_number, seed_number=seed_number, num_params=num_params)
        with self._database.begin() as connection:
            self._update(connection, slot.id, trial_number=trial_number, seed_number=seed_number, num_params=num_params)
        return assigned

    def beat(self, slot: Slot) -> None:
        with self._database.begin() as connection:
            self._update(connection, slot.id, heartbeat=time.time())

    def set_state(self, slot: Slot, state: State) -> None:
        with self._database.begin() as connection:
            self._update(connection, slot.id, state=state)

    def give_up(self, slot: Slot) -> SlotState:
        """Give up a slot whose trial did not finish; returns its new state, which says whether it will be retried."""
        started = slot.trial_number is not None
        state = SlotState.INTERRUPTED if started and slot.num_attempts < MAX_ATTEMPTS else SlotState.RELEASED
        self.set_state(slot, state)
        return state

    def read(self, states: Sequence[State] = (*SlotState, *TRAINED)) -> list[Slot]:
        with self._database.connect() as connection:
            rows = connection.execute(
                select(trial_slots).where(self._mine(), trial_slots.c.state.in_(states)).order_by(trial_slots.c.id)
            ).all()
        with reading(self._database, f"table trial_slots of study {self._study_name!r}"):
            return [_slot(row) for row in rows]

    def num_trained(self) -> int:
        with self._database.connect() as connection:
            return self._count(connection, TRAINED)

    def _take_queued(self, connection: Connection, slot_id: int) -> QueuedCandidate | None:
        row = self._first_waiting(connection)
        if row is None:
            return None
        taken = queued_candidates.c.id == row.id
        connection.execute(update(queued_candidates).where(taken).values(slot_id=slot_id))
        return QueuedCandidate(row.candidate_key, row.source, row.params)

    def _first_waiting(self, connection: Connection) -> Row[tuple[Any, ...]] | None:
        with reading(self._database, f"table queued_candidates of study {self._study_name!r}"):
            row = connection.execute(self._waiting().limit(1)).first()
            if row is not None and not isinstance(row.params, dict):
                raise ValueError(f"params is {shown(row.params)}")
            return row

    def _waiting(self) -> Select[tuple[Any, ...]]:
        # Releasing a slot that had no trial yet returns its candidate to the queue, without another write.
        handed_back = (trial_slots.c.state == SlotState.RELEASED) & trial_slots.c.trial_number.is_(None)
        return (
            select(queued_candidates)
            .outerjoin(trial_slots, trial_slots.c.id == queued_candidates.c.slot_id)
            .where(queued_candidates.c.study_name == self._study_name, trial_slots.c.id.is_(None) | handed_back)
            .order_by(queued_candidates.c.id)
        )

    def _count(self, connection: Connection, states: Sequence[State]) -> int:
        counted = select(func.count()).select_from(trial_slots)
        return connection.scalar(counted.where(self._mine(), trial_slots.c.state.in_(states))) or 0

    def _mine(self) -> ColumnElement[bool]:
        return trial_slots.c.study_name == self._study_name

    @staticmethod
    def _update(connection: Connection, slot_id: int, **values: object) -> None:
        connection.execute(update(trial_slots).where(trial_slots.c.id == slot_id).values(**values))


def touch_search(connection: Connection, study_name: str) -> None:
    """Exclude other transactions on the same search until this one ends: SQLite locks the file, others the row."""
    connection.execute(
        update(searches)
        .where(searches.c.study_name == study_name)
        .values(num_transactions=searches.c.num_transactions + 1)
    )


def is_alive(slot: Slot, locks: WorkerLocks) -> bool:
    """Return whether the worker that runs the slot is still alive, as far as this machine can tell."""
    if slot.host == socket.gethostname():
        return locks.is_held(slot.worker)
    return time.time() - slot.heartbeat < GRACE_SECONDS


def _slot(row: Row[tuple[object, ...]]) -> Slot:
    fields = {name: value for name, value in row._mapping.items() if name != "study_name"}
    for name in ("trial_number", "seed_number", "num_attempts", "num_params"):
        if not isinstance(fields[name], int | None):
            raise ValueError(f"{name} is {shown(fields[name])}")
    state = str(fields["state"])
    return Slot(**(fields | {"state": SlotState(state) if state in tuple(SlotState) else Outcome(state)}))
