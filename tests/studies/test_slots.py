import signal
import socket
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from studies.leases import LEASE_SECONDS
from studies.locks import WorkerLocks
from studies.slots import (
    MAX_LOSSES,
    UNFINISHED,
    QueuedCandidate,
    Slot,
    SlotLostError,
    SlotState,
    State,
    TrialSlots,
    is_alive,
)
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import TRAINED, Outcome
from tests.stores import WORKER, change_slot, living_worker, make_search, restore_store, run_at_once, silence


@pytest.fixture
def slots(search: SearchStudy) -> TrialSlots:
    return search.slots


def claimed(slots: TrialSlots, total: int = 1_000, worker: int = WORKER) -> Slot:
    slot = slots.claim(total, worker)
    assert slot is not None
    return slot


def interrupted(slots: TrialSlots, trial_number: int) -> Slot:
    slot = slots.assign(claimed(slots), trial_number, 94)
    slots.interrupt(slot)
    return slot


def lose(slots: TrialSlots, slot: Slot) -> SlotState | None:
    """Take a slot back from its worker, as `repair` does when that is lost."""
    return slots.take_back(next(read for read in slots.read() if read.id == slot.id))


def state_of(slots: TrialSlots, slot: Slot) -> State:
    return next(other.state for other in slots.read() if other.id == slot.id)


def same(slot: Slot) -> Slot:
    """A slot without the time at which it was read, to compare it."""
    return replace(slot, silent_seconds=0.0)


# Claiming


def test_a_new_slot_has_its_owner_and_nothing_else_yet(slots: TrialSlots) -> None:
    before = time.time()
    slot = claimed(slots, worker=2**48)
    assert (slot.state, slot.num_attempts) == (SlotState.RUNNING, 1)
    assert (slot.trial_number, slot.seed_number, slot.num_params) == (None, None, None)
    assert (slot.worker, slot.host) == (2**48, socket.gethostname())
    assert before - 0.1 <= slot.heartbeat <= time.time() + 0.1, "the database has the clock of this machine"
    assert 0 <= slot.silent_seconds < 5
    assert [same(other) for other in slots.read()] == [same(slot)]


@pytest.mark.parametrize("total", [1, 3])
def test_no_more_than_the_total_can_be_claimed(slots: TrialSlots, total: int) -> None:
    for _ in range(total):
        claimed(slots, total)
    assert slots.claim(total, WORKER) is None
    assert len(slots.read()) == total


# (state that a slot was left in, whether its place is taken)
@pytest.mark.parametrize(
    ("state", "taken"),
    [
        (SlotState.RUNNING, True),
        (Outcome.COMPLETE, True),
        (Outcome.PRUNED, True),
        (Outcome.DIVERGED, True),
        (SlotState.INTERRUPTED, False),
        (SlotState.RELEASED, False),
    ],
)
def test_what_counts_towards_the_total(search: SearchStudy, state: SlotState, taken: bool) -> None:
    slots = search.slots
    change_slot(search, claimed(slots, 1), state=state)
    assert (slots.claim(1, WORKER) is None) == taken
    assert slots.claim(2, WORKER) is not None


def test_a_higher_total_lets_a_search_go_on(slots: TrialSlots) -> None:
    slots.end(claimed(slots, 1), Outcome.COMPLETE)
    assert slots.claim(1, WORKER) is None
    assert slots.claim(2, WORKER) is not None


def test_searches_in_one_store_count_apart(tmp_path: Path, slots: TrialSlots) -> None:
    other = make_search(tmp_path, "other").slots
    interrupted(slots, trial_number=7)
    slots.end(claimed(slots), Outcome.COMPLETE)
    assert claimed(other, 1).trial_number is None
    assert (slots.num_trained(), other.num_trained()) == (1, 0)
    assert (len(slots.read()), len(other.read())) == (1, 1)


def test_threads_claim_exactly_the_total(slots: TrialSlots) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda worker: slots.claim(20, worker), range(40)))
    ids = [slot.id for slot in found if slot is not None]
    assert len(ids) == len(set(ids)) == 20
    assert len(slots.read()) == 20


def test_processes_claim_exactly_the_total_and_no_interrupted_slot_twice(search: SearchStudy) -> None:
    num_interrupted, total = 5, 30
    for number in range(num_interrupted):  # together, so that none is claimed again here
        search.slots.assign(claimed(search.slots), number, 94)
    for slot in search.slots.read():
        search.slots.interrupt(slot)
    imports = "from studies.slots import TrialSlots\nfrom studies.storage import Store"
    program = (
        "slots = TrialSlots(Store.open(sys.argv[1]).database, sys.argv[2])\n"
        "while slot := slots.claim(int(sys.argv[3]), 1): print(slot.id, slot.num_attempts)"
    )
    printed = run_at_once(imports, program, search.store.url, search.name, str(total), num_processes=3)
    found = [tuple(map(int, line.split())) for text in printed for line in text.splitlines()]
    assert len({slot_id for slot_id, _ in found}) == len(found) == total
    assert Counter(attempts for _, attempts in found) == {1: total - num_interrupted, 2: num_interrupted}
    assert {slot.state for slot in search.slots.read()} == {SlotState.RUNNING}


# Assigning


def test_a_slot_is_seeded_by_its_first_trial(slots: TrialSlots) -> None:
    slot = slots.assign(claimed(slots), 4, 94)
    assert (slot.trial_number, slot.seed_number, slot.num_params) == (4, 4, 94)
    slots.interrupt(slot)
    # As where an earlier version trained an interrupted trial again under a new number.
    again = slots.assign(claimed(slots), 9, 94)
    assert (again.id, again.trial_number, again.seed_number) == (slot.id, 9, 4)
    assert [(other.trial_number, other.seed_number) for other in slots.read()] == [(9, 4)]


def test_trial_zero_is_a_trial(slots: TrialSlots) -> None:
    slot = interrupted(slots, 0)
    assert state_of(slots, slot) == SlotState.INTERRUPTED
    assert slots.assign(claimed(slots), 5, 94).seed_number == 0


# Giving up


def test_interrupted_slots_are_claimed_first_the_oldest_before_the_others(slots: TrialSlots) -> None:
    running = claimed(slots)
    first, second = (slots.assign(claimed(slots), number, 94) for number in (3, 5))
    slots.interrupt(second)
    slots.interrupt(first)
    found = [claimed(slots, worker=8) for _ in range(3)]
    assert [(slot.id, slot.trial_number, slot.seed_number) for slot in found[:2]] == [
        (first.id, 3, 3),
        (second.id, 5, 5),
    ]
    assert [slot.num_attempts for slot in found] == [2, 2, 1]
    assert {slot.worker for slot in found} == {8}
    assert found[2].id not in {running.id, first.id, second.id}


def test_an_interrupted_slot_stays_while_the_total_is_reached(slots: TrialSlots) -> None:
    first, second = claimed(slots), claimed(slots)
    slots.interrupt(slots.assign(first, 0, 94))
    slots.end(second, Outcome.COMPLETE)
    assert slots.claim(1, WORKER) is None
    assert claimed(slots, 2).id == first.id


def test_a_slot_without_a_trial_is_released(slots: TrialSlots) -> None:
    slot = claimed(slots)
    slots.interrupt(slot)
    assert [other.state for other in slots.read()] == [SlotState.RELEASED]
    assert claimed(slots, 1).id != slot.id


def test_a_slot_is_released_after_so_many_lost_workers(slots: TrialSlots) -> None:
    states = []
    for attempt in range(MAX_LOSSES):
        slot = claimed(slots, 1)
        slot = slots.assign(slot, 0, 94) if attempt == 0 else slot
        assert (slot.trial_number, slot.num_attempts, slot.num_losses) == (0, attempt + 1, attempt)
        states.append(lose(slots, slot))
    assert states == [SlotState.INTERRUPTED] * (MAX_LOSSES - 1) + [SlotState.RELEASED]
    fresh = claimed(slots, 1)
    assert (fresh.trial_number, fresh.seed_number, fresh.num_attempts) == (None, None, 1)


def test_stops_on_purpose_and_epochs_in_between_cost_no_trial_its_slot(slots: TrialSlots) -> None:
    slot = interrupted(slots, 0)
    for _ in range(3 * MAX_LOSSES):
        slots.interrupt(claimed(slots))
    for _ in range(3 * MAX_LOSSES):
        slot = claimed(slots)
        with slots.owning(slot, num_losses=0):  # as with each epoch
            pass
        assert lose(slots, slot) == SlotState.INTERRUPTED
    assert slots.read()[0].trial_number == 0


# Owning


CHANGES = {
    "assign": lambda slots, slot: slots.assign(slot, 0, 94),
    "reserve": lambda slots, slot: slots.reserve(slot, "key"),
    "end": lambda slots, slot: slots.end(slot, Outcome.COMPLETE),
    "interrupt": lambda slots, slot: slots.interrupt(slot),
    "own": lambda slots, slot: slots.owning(slot).__enter__(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_worker_that_lost_its_slot_can_change_nothing(slots: TrialSlots, name: str) -> None:
    lost = slots.assign(claimed(slots, worker=11), 0, 94)
    assert lose(slots, lost) == SlotState.INTERRUPTED
    before = [same(slot) for slot in slots.read()]
    with pytest.raises(SlotLostError):
        CHANGES[name](slots, lost)
    assert [same(slot) for slot in slots.read()] == before
    owner = claimed(slots, worker=12)
    before = [same(slot) for slot in slots.read()]
    with pytest.raises(SlotLostError):
        CHANGES[name](slots, lost)
    slots.renew(11)
    assert [same(slot) for slot in slots.read()] == before == [same(owner)]


def test_a_slot_whose_owner_moves_is_not_taken_back(search: SearchStudy) -> None:
    slot = search.slots.assign(claimed(search.slots), 0, 94)
    silence(search, slot)
    (silent,) = search.slots.read()
    search.slots.renew(WORKER)
    assert search.slots.take_back(silent) is None
    assert state_of(search.slots, slot) == SlotState.RUNNING


@pytest.mark.parametrize("state", TRAINED)
def test_a_trained_trial_keeps_its_slot(slots: TrialSlots, state: Outcome) -> None:
    slots.end(slots.assign(claimed(slots), 0, 94), state)
    assert slots.num_trained() == 1
    assert slots.claim(1, WORKER) is None


def test_slots_are_read_by_state(search: SearchStudy) -> None:
    slots = search.slots
    states = (*SlotState, *TRAINED)
    for slot, state in zip([claimed(slots) for _ in states], states, strict=True):
        change_slot(search, slot, state=state)
    for state in states:
        assert [slot.state for slot in slots.read((state,))] == [state]
    assert [slot.state for slot in slots.read(TRAINED)] == list(TRAINED)


# Signs of life


def test_a_renewal_renews_the_lease_alone(search: SearchStudy) -> None:
    slot = search.slots.assign(claimed(search.slots, worker=11), 3, 94)
    other = claimed(search.slots, worker=12)
    for silent in (slot, other):
        silence(search, silent, 30)
    assert all(30 <= read.silent_seconds < 35 for read in search.slots.read())
    search.slots.renew(11)
    renewed, untouched = search.slots.read()
    assert renewed.silent_seconds < 5
    assert untouched.silent_seconds >= 30
    assert same(renewed) == replace(same(slot), heartbeat=renewed.heartbeat)


def test_a_worker_of_this_machine_lives_while_its_process_does(search: SearchStudy) -> None:
    locks = WorkerLocks(search.store.lock_path)
    mine, others = claimed(search.slots, worker=11), claimed(search.slots, worker=12)
    with living_worker(search.store.lock_path, 11) as process:
        assert is_alive(mine, locks)
        assert not is_alive(others, locks)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not is_alive(mine, locks)


def test_a_worker_loses_its_slot_with_its_lease_wherever_it_is(search: SearchStudy) -> None:
    """A process that is stopped holds its lock."""
    slot = claimed(search.slots, worker=11)
    with living_worker(search.store.lock_path, 11):
        for host in (slot.host, "elsewhere"):
            for seconds, alive in ((0, True), (LEASE_SECONDS - 5, True), (LEASE_SECONDS + 1, False)):
                silence(search, slot, seconds)
                (read,) = search.slots.read()
                assert is_alive(replace(read, host=host), WorkerLocks(search.store.lock_path)) == alive


def test_a_lock_that_nobody_holds_here_says_nothing_of_a_worker_elsewhere(slots: TrialSlots) -> None:
    assert is_alive(replace(claimed(slots), host="elsewhere"), WorkerLocks(Path("no/such/file")))


# One slot for each candidate


@pytest.mark.parametrize(
    ("state", "is_taken"),
    [
        *((state, True) for state in UNFINISHED),
        (SlotState.RELEASED, False),
        *((outcome, True) for outcome in TRAINED),
    ],
)
def test_a_candidate_is_reserved_for_one_slot(search: SearchStudy, state: State, is_taken: bool) -> None:
    slots = search.slots
    first, second = claimed(slots), claimed(slots)
    assert slots.reserve(first, "key")
    assert slots.reserve(first, "key"), "its own reservation is none to mind"
    change_slot(search, first, state=state)
    assert slots.reserve(second, "another")
    assert slots.reserve(second, "key") == (not is_taken)


def test_of_processes_that_reserve_one_candidate_at_once_one_gets_it(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    program = (
        "slots = TrialSlots(Store.open(sys.argv[1]).database, sys.argv[2])\n"
        "slot = slots.claim(100, 1)\n"
        "print(slots.reserve(slot, 'key'))"
    )
    imports = "from studies.slots import TrialSlots\nfrom studies.storage import Store"
    printed = run_at_once(imports, program, search.store.url, search.name, num_processes=4)
    assert sorted(printed) == ["False\n"] * 3 + ["True\n"]


# The queue


def queued(*numbers: int) -> list[QueuedCandidate]:
    return [QueuedCandidate(f"key {number}", f"net {number}", {"width": number}) for number in numbers]


def test_new_slots_take_the_queue_in_its_order(search: SearchStudy) -> None:
    candidates = queued(3, 1, 2)
    assert search.slots.enqueue(candidates) == candidates
    assert search.slots.num_queued() == 3
    slots = [search.slots.claim(5, WORKER) for _ in range(5)]
    assert [slot and slot.queued for slot in slots] == [*candidates, None, None]
    assert search.slots.num_queued() == 0


def test_nothing_is_queued_twice(search: SearchStudy) -> None:
    assert search.slots.enqueue(queued(1, 2, 1)) == queued(1, 2)
    assert search.slots.enqueue(queued(1, 2)) == []
    search.slots.claim(5, WORKER)
    assert search.slots.enqueue(queued(1, 3)) == queued(3)
    assert search.slots.num_queued() == 2


def test_searches_in_one_store_have_queues_of_their_own(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    search.slots.enqueue(queued(1))
    assert other.slots.num_queued() == 0
    slot = other.slots.claim(5, WORKER)
    assert slot is not None
    assert slot.queued is None
    assert other.slots.enqueue(queued(1)) == queued(1)


def test_a_slot_handed_back_before_its_trial_began_puts_its_candidate_back(search: SearchStudy) -> None:
    search.slots.enqueue(queued(1, 2))
    for _ in range(MAX_LOSSES + 1):
        slot = search.slots.claim(5, WORKER)
        assert slot is not None
        assert slot.queued == queued(1)[0]
        search.slots.interrupt(slot)
    assert search.slots.num_queued() == 2


def test_a_slot_keeps_its_candidate_once_its_trial_began_and_is_given_up_with_it(search: SearchStudy) -> None:
    search.slots.enqueue(queued(1))
    for attempt in range(MAX_LOSSES):
        slot = search.slots.claim(5, WORKER)
        assert slot is not None
        assert (slot.queued is None) == (attempt > 0)  # later it is an interrupted slot, of a trial
        assert search.slots.num_queued() == 0
        lose(search.slots, search.slots.assign(slot, attempt, 94))
    assert [slot.state for slot in search.slots.read()] == [SlotState.RELEASED]
    assert search.slots.num_queued() == 0
    assert search.slots.enqueue(queued(1)) == []


def test_processes_at_once_queue_each_candidate_once_and_take_each_once(search: SearchStudy) -> None:
    imports = "from studies.slots import QueuedCandidate, TrialSlots\nfrom studies.storage import Store"
    program = (
        "slots = TrialSlots(Store.open(sys.argv[1]).database, sys.argv[2])\n"
        "print(*(i for i in range(30) if slots.enqueue([QueuedCandidate(f'key {i}', f'net {i}', {'width': i})])))\n"
        "while slot := slots.claim(40, 1): print(slot.id, slot.queued and slot.queued.source)"
    )
    printed = run_at_once(imports, program, search.store.url, search.name, num_processes=3)
    lines = [text.splitlines() for text in printed]
    assert sorted(int(number) for first, *_ in lines for number in first.split()) == list(range(30))
    taken = [line.split(" ", 1) for _, *rest in lines for line in rest]
    assert len({slot_id for slot_id, _ in taken}) == len(taken) == 40
    # A process that was done sooner took from the queue what the others had queued so far, and a slot without.
    sources = [source for _, source in taken if source != "None"]
    assert sorted(sources) == sorted(f"net {i}" for i in range(30))


def test_a_store_of_before_there_were_queues_gets_one(tmp_path: Path) -> None:
    url = restore_store(tmp_path, schema=1)
    with closing(sqlite3.connect(tmp_path / "studies.db")) as connection:
        connection.execute("DROP TABLE queued_candidates")
    assert SearchStudy(Store.create(url), "digits-700").slots.enqueue(queued(1)) == queued(1)
