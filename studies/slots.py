"""Slots, which make a search train exactly the requested number of trials over all its calls and workers.

A worker reserves a slot before it trains. Only a trial that was trained (complete, pruned or diverged) keeps its slot.
A worker owns its slot as long as it renews its lease, and writes about its trial only while it owns the slot.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import Connection, Engine, Row

from studies.damage import reading, shown
from studies.leases import LEASE_SECONDS, database_time
from studies.server_locks import StoreLocks
from studies.tables import queued_candidates, searches, trial_slots
from studies.trials import TRAINED, Outcome

MAX_LOSSES = 3
"""Number of workers that a trial may lose, without an epoch in between, before its slot goes to another candidate: the
trial may be what kills its workers."""


class SlotLostError(Exception):
    """The worker does not own the slot any more: it gave no sign of life for so long that its trial was taken back."""


class SlotState(StrEnum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """The trial waits for any worker that goes on with it, from its last finished epoch."""
    RELEASED = "released"
    """The slot was given up and counts no trial."""


UNFINISHED = (SlotState.RUNNING, SlotState.INTERRUPTED)
"""States of slots whose trial has begun, or may begin, and has not ended."""

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
    """Number of its trial; None until that has begun."""
    seed_number: int | None
    """Trial number from which the seed is derived. It differs from that of the trial only where an earlier version
    trained an interrupted trial again under a new number."""
    num_attempts: int
    """Number of times that a worker took the slot."""
    num_params: int | None
    worker: int
    """The owner, or the latest one."""
    host: str
    heartbeat: float
    """When the owner renewed its lease last, in Unix time by the clock of the database."""
    silent_seconds: float
    """Time from then to the moment at which the slot was read."""
    candidate_key: str | None = None
    """Key of the candidate that the slot is reserved for."""
    num_losses: int = 0
    """Number of workers that were lost with the trial since its last finished epoch."""
    queued: QueuedCandidate | None = None
    """The candidate that `claim` took from the queue for this new slot."""


class TrialSlots:
    def __init__(self, database: Engine, study_name: str, host: str | None = None) -> None:
        """``host`` is the name under which a worker of this machine claims slots (see `WorkerLocks.host`)."""
        self._database = database
        self._study_name = study_name
        self._host = host or socket.gethostname()

    def claim(self, total: int, worker: int) -> Slot | None:
        """Reserve a slot, or return None if ``total`` slots are already trained or reserved.

        Interrupted slots go first, then new ones, each with a queued candidate while there are any.
        """
        with self._database.begin() as connection:
            touch_search(connection, self._study_name)
            if self._count(connection, (SlotState.RUNNING, *TRAINED)) >= total:
                return None
            interrupted = connection.scalar(
                select(func.min(trial_slots.c.id)).where(self._mine(), trial_slots.c.state == SlotState.INTERRUPTED)
            )
            if interrupted is not None:
                return self._give(connection, interrupted, worker)
            values = {"study_name": self._study_name, "state": SlotState.RUNNING, **self._owner(worker)}
            slot_id = connection.scalar(insert(trial_slots).values(values).returning(trial_slots.c.id))
            assert slot_id is not None
            queued = self._take_queued(connection, slot_id)
            return replace(self._read_one(connection, slot_id), queued=queued)

    def has_room(self, total: int) -> bool:
        """Return whether `claim` would find a slot at this moment."""
        return self.count(SlotState.RUNNING, *TRAINED) < total

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
            taken = (*UNFINISHED, *TRAINED)
            same = (self._mine(), trial_slots.c.candidate_key == candidate_key, trial_slots.c.id != slot.id)
            query = select(trial_slots.c.id).where(*same, trial_slots.c.state.in_(taken)).limit(1)
            if connection.scalar(query) is not None:
                return False
            self._change(connection, slot, candidate_key=candidate_key, heartbeat=database_time())
        return True

    def assign(self, slot: Slot, trial_number: int, num_params: int) -> Slot:
        """Record which trial is about to train in the slot; returns the slot with its trial and seed numbers.

        Like everything that changes a slot for its owner, raises `SlotLostError` if it has another owner or none.
        """
        seed_number = trial_number if slot.seed_number is None else slot.seed_number
        changes = {"trial_number": trial_number, "seed_number": seed_number, "num_params": num_params}
        with self._database.begin() as connection:
            self._change(connection, slot, **changes, heartbeat=database_time())
        return replace(slot, trial_number=trial_number, seed_number=seed_number, num_params=num_params)

    @contextmanager
    def owning(self, slot: Slot, **changes: object) -> Iterator[Connection]:
        """Renew the lease in a transaction that is the owner's alone: nobody takes the slot before it ends."""
        with self._database.begin() as connection:
            self._change(connection, slot, heartbeat=database_time(), **changes)
            yield connection

    def renew(self, worker: int) -> None:
        """Renew the lease of whatever slot a worker owns."""
        mine = (self._mine(), trial_slots.c.state == SlotState.RUNNING, trial_slots.c.worker == worker)
        with self._database.begin() as connection:
            connection.execute(update(trial_slots).where(*mine).values(heartbeat=database_time()))

    def end(self, slot: Slot, outcome: Outcome) -> None:
        """Let the slot of a trial that was trained keep it."""
        with self._database.begin() as connection:
            self._change(connection, slot, state=outcome)

    def interrupt(self, slot: Slot) -> None:
        """Hand a slot back so that any worker goes on with its trial; one without a trial is released."""
        with self._database.begin() as connection:
            state = SlotState.RELEASED if slot.trial_number is None else SlotState.INTERRUPTED
            self._change(connection, slot, state=state)

    def hand_back(self, worker: int) -> None:
        """Hand back whatever slots a worker owns, which it does not know any more after the database was away."""
        mine = (self._mine(), trial_slots.c.state == SlotState.RUNNING, trial_slots.c.worker == worker)
        has_trial = trial_slots.c.trial_number.is_not(None)
        with self._database.begin() as connection:
            for state, which in ((SlotState.INTERRUPTED, has_trial), (SlotState.RELEASED, ~has_trial)):
                connection.execute(update(trial_slots).where(*mine, which).values(state=state))

    def take_back(self, slot: Slot) -> SlotState | None:
        """Take a slot from a worker that was lost; returns its new state, or None if the worker has moved since."""
        num_losses = slot.num_losses + 1
        may_go_on = slot.trial_number is not None and num_losses < MAX_LOSSES
        state = SlotState.INTERRUPTED if may_go_on else SlotState.RELEASED
        with self._database.begin() as connection:
            unmoved = trial_slots.c.heartbeat == slot.heartbeat
            changed = connection.execute(
                update(trial_slots).where(_owned(slot), unmoved).values(state=state, num_losses=num_losses)
            )
        return state if changed.rowcount else None

    def find_trained(self, candidate_key: str) -> int | None:
        """Return the number of the trial that trained a candidate, or None."""
        same = (self._mine(), trial_slots.c.candidate_key == candidate_key, trial_slots.c.state.in_(TRAINED))
        with self._database.connect() as connection:
            number: int | None = connection.scalar(select(func.min(trial_slots.c.trial_number)).where(*same))
        return number

    def read(self, states: Sequence[State] = (*SlotState, *TRAINED)) -> list[Slot]:
        with self._database.connect() as connection:
            rows = connection.execute(
                _SLOT.where(self._mine(), trial_slots.c.state.in_(states)).order_by(trial_slots.c.id)
            ).all()
        with reading(self._database, f"table trial_slots of study {self._study_name!r}"):
            return [_slot(row) for row in rows]

    def latest_trained(self, number: int) -> list[Outcome]:
        """Return the outcomes of the latest slots whose trials were trained, the latest first."""
        query = select(trial_slots.c.state).where(self._mine(), trial_slots.c.state.in_(TRAINED))
        with self._database.connect() as connection:
            states = connection.scalars(query.order_by(trial_slots.c.id.desc()).limit(number))
            return [Outcome(state) for state in states]

    def num_trained(self) -> int:
        return self.count(*TRAINED)

    def count(self, *states: State) -> int:
        with self._database.connect() as connection:
            return self._count(connection, states)

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

    def _owner(self, worker: int) -> dict[str, Any]:
        return {"worker": worker, "host": self._host, "heartbeat": database_time()}

    def _give(self, connection: Connection, slot_id: int, worker: int) -> Slot:
        """Make a worker the owner of a slot that has none."""
        changes = {"state": SlotState.RUNNING, "num_attempts": trial_slots.c.num_attempts + 1, **self._owner(worker)}
        connection.execute(update(trial_slots).where(trial_slots.c.id == slot_id).values(changes))
        return self._read_one(connection, slot_id)

    @staticmethod
    def _read_one(connection: Connection, slot_id: int) -> Slot:
        return _slot(connection.execute(_SLOT.where(trial_slots.c.id == slot_id)).one())

    @staticmethod
    def _change(connection: Connection, slot: Slot, **values: object) -> None:
        """Change a slot for its owner."""
        changed = connection.execute(update(trial_slots).where(_owned(slot)).values(**values))
        if changed.rowcount == 0:
            raise SlotLostError(f"slot {slot.id} is no longer that of worker {slot.worker}")


_SLOT = select(trial_slots, (database_time() - trial_slots.c.heartbeat).label("silent_seconds"))


def _owned(slot: Slot) -> ColumnElement[bool]:
    """Whether the worker that a slot was given to still owns it."""
    columns = trial_slots.c
    return (columns.id == slot.id) & (columns.worker == slot.worker) & (columns.state == SlotState.RUNNING)


def touch_search(connection: Connection, study_name: str) -> None:
    """Exclude other transactions on the same search until this one ends: SQLite locks the file, others the row."""
    connection.execute(
        update(searches)
        .where(searches.c.study_name == study_name)
        .values(num_transactions=searches.c.num_transactions + 1)
    )


def is_alive(slot: Slot, locks: StoreLocks) -> bool:
    """Return whether the worker that runs the slot still owns it.

    The lock of a worker of this machine tells its death at once; any worker loses its slot with its lease.
    """
    if slot.silent_seconds >= LEASE_SECONDS:
        return False
    return slot.host != locks.host or locks.is_held(slot.worker)


def _slot(row: Row[tuple[object, ...]]) -> Slot:
    fields = {name: value for name, value in row._mapping.items() if name != "study_name"}
    for name in ("trial_number", "seed_number", "num_attempts", "num_params", "num_losses"):
        if not isinstance(fields[name], int | None):
            raise ValueError(f"{name} is {shown(fields[name])}")
    state = str(fields["state"])
    return Slot(**(fields | {"state": SlotState(state) if state in tuple(SlotState) else Outcome(state)}))
