"""One call of a search, from its settings to its end."""

import time
from collections.abc import Callable

from mnist_core.data import find_data_again, find_data_root, hash_test_set, load_dataset
from mnist_core.engine import TORCH
from search.confirmation.confirm import ConfirmRequest, confirm_front, expected_seconds
from search.runs.config import RunConfig
from search.runs.joining import JoinRequest, record_call, settings_of
from search.runs.progress import Display, QuietDisplay, starting_line
from search.runs.resume import settle, settle_if_new
from search.runs.snapshot import RunningTrial, Snapshot
from search.runs.summary import RunSummary
from search.runs.supervisor import Supervisor
from search.runs.warm_start import queue_known_nets, read_known_nets
from search.runs.worker import work
from search.sampling.estimates import read_estimates
from search.terminal.output import print_warnings, say
from search.workers.data import describe_data
from search.workers.machine import Resources, find_engine
from search.workers.processes import default_workers
from search.workers.signals import StopRequest
from studies.confirmations import ConfirmedPoint, read_confirmed_front
from studies.failures import Outage
from studies.leases import RENEWAL_SECONDS
from studies.places import check_writable
from studies.records import read_epochs, read_front
from studies.sealed import write_sealed
from studies.slots import SlotState
from studies.storage import Store
from studies.study import SearchStudy
from studies.summaries import read_attributes

POLL_SECONDS = 1.0


def search_and_confirm(
    config: RunConfig,
    display: Display,
    *,
    confirm_seeds: int | None,
    quiet: bool,
    place_workers: Callable[..., None] | None = None,
) -> tuple[RunSummary, list[ConfirmedPoint] | None]:
    """Run `run_search`, then confirm the front if that is requested and the study has all its trials.

    ``confirm_seeds`` is passed to `ConfirmRequest`: None continues an earlier confirmation with its own number.
    """
    summary = run_search(config, display, place_workers=place_workers)
    ended_early = summary.interrupted or summary.timed_out
    if config.confirm_seeds is None or ended_early or summary.num_trained < config.trials:
        return summary, None
    request = ConfirmRequest(
        storage=config.storage,
        study=summary.study,
        num_seeds=confirm_seeds,
        data_root=config.data_root,
        device=config.device,
        engine=config.engine,
        workers=None if config.cluster else config.workers,
        quiet=quiet,
    )
    return summary, confirm_front(request)


def run_search(config: RunConfig, display: Display, *, place_workers: Callable[..., None] | None = None) -> RunSummary:
    """Train candidates until the study has ``config.trials`` trained trials, the time is up or a signal arrives.

    ``place_workers`` is what a process runs that lets a cluster train; without it, workers are started on this machine.
    Raises `InputError` for wrong input, before anything is written, `SearchFailedError` if the search can't continue,
    and KeyboardInterrupt on the second signal; everything recorded by then is kept.
    """
    started = time.monotonic()
    fits_space = config.uses_stored_space
    config = settle_if_new(config)
    check_writable(config.storage)
    usual = config.space.usual_training(config.epochs)
    known_nets = [] if config.warm_start is None else read_known_nets(config.warm_start, usual, storage=config.storage)
    if config.dataset_sha256 is None:
        data_root = find_data_root(config.dataset, config.data_root, tell=say)
    else:
        data_root = find_data_again(config.dataset, config.dataset_sha256, config.data_root, tell=say)
    data = load_dataset(config.dataset, data_root, train_size=config.train_size)
    print_warnings(data.warnings)
    config = settle(config.for_images(data, fits_space=fits_space), data)
    data_lines = [] if data.source is None else [*describe_data(data), config.augmentation]
    if place_workers is None:
        device, engine = find_engine(config.device, config.engine, compiling=display.compiling)
        num_workers = config.workers or default_workers(device)
    else:
        device, engine = config.device, TORCH  # nothing is trained here
        num_workers = 1  # the process that places them
    resources = Resources(config.dataset, data_root, config.train_size, device, engine)
    store = Store.create(config.storage)
    locks = store.locks
    search = SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), locks)
    if not config.joins:
        record_call(search, config)
    if data.source is not None:  # so that evaluate recognises the test images, which it must not judge by
        write_sealed(store.artifacts, data.sha256, hash_test_set(config.dataset, data_root))
    del data
    search.repair(locks)
    loss = None if place_workers is None else _lost_cluster(config)
    supervisor = Supervisor(place_workers or work, config, resources, loss=loss)
    lost = set[int]()
    stop, outage = StopRequest(), Outage(store.url)
    timed_out = ending = False
    num_trained = num_replaced = 0
    try:
        with stop.listening(), display:
            display.started(config, resources, search.slots.num_trained(), data_lines)
            display.warm_start(queue_known_nets(search, config, known_nets))
            while True:
                timed_out = config.timeout is not None and time.monotonic() - started > config.timeout
                if (stop.asked or timed_out) and not ending:
                    ending = True
                    display.stopping("interrupted" if stop.asked else "time is up")
                    supervisor.request_stop()
                if ending and supervisor.num_alive == 0:
                    break
                with outage.bridging():
                    num_trained_before, num_trained = num_trained, search.slots.num_trained()
                    if num_trained >= config.trials:
                        break
                    if num_trained > num_trained_before:
                        supervisor.note_progress()
                    # Without room, workers of other calls are at the trials that are left.
                    if supervisor.num_alive == 0 and search.slots.has_room(config.trials):
                        num_started = min(num_workers, config.trials - num_trained)
                        display.starting(starting_line(num_started, config.cluster))
                        supervisor.start(num_started)
                    # A worker that is seen lost twice had the time to renew its lease, if the whole machine was
                    # stopped; after the server was away, each needs time to do so.
                    lost_before, lost = lost, search.lost_slots(locks)
                    if (num_replaced or lost & lost_before) and not outage.ended_within(2 * RENEWAL_SECONDS):
                        display.worker_lost(search.repair(locks))
                        num_replaced = 0
                    display.update(take_snapshot(search, config, supervisor.num_alive, time.monotonic() - started))
                # Also while the server is away, since workers may be leaving.
                num_replaced += supervisor.wait(POLL_SECONDS)
            while supervisor.num_alive:
                supervisor.wait(POLL_SECONDS)
            with outage.bridging():
                display.update(take_snapshot(search, config, 0, time.monotonic() - started))
    finally:
        supervisor.kill()
        with outage.bridging():
            search.repair(locks)
    if stop.asked and outage.is_on:
        raise KeyboardInterrupt  # what the study has can't be shown
    search.summaries.update()
    front = read_front(store.database, search.name)
    return RunSummary(
        study=search.name,
        counts=search.summaries.counts,
        num_trained=search.slots.num_trained(),
        front=front,
        estimates=read_estimates(store, search.name, [point.trial for point in front]),
        seconds=time.monotonic() - started,
        interrupted=stop.asked,
        timed_out=timed_out,
        members=read_confirmed_front(store.database, search.name),
    )


def join_search(request: JoinRequest) -> None:
    """Train in a study, without a display, until it has its trials or a signal arrives; see `run_search`."""
    run_search(settings_of(request), QuietDisplay())


def take_snapshot(search: SearchStudy, config: RunConfig, num_workers: int, seconds: float) -> Snapshot:
    """Collect the current state of a study for a display."""
    database, summaries = search.store.database, search.summaries
    summaries.update()
    slots = search.slots.read((SlotState.RUNNING,))
    ids = {
        slot.trial_number: summaries.unfinished[slot.trial_number]
        for slot in slots
        if slot.trial_number in summaries.unfinished
    }
    curves = read_epochs(database, search.name, ids)
    attributes = read_attributes(search.store, search.name, list(ids.values()), "notation", "num_params")
    running = [
        RunningTrial(
            number=number,
            notation=attributes[trial_id].get("notation", ""),
            num_params=attributes[trial_id].get("num_params", 0),
            curve=[result.val_accuracy for result in curves[number]],
        )
        for number, trial_id in ids.items()
    ]
    front = read_front(database, search.name)
    return Snapshot(
        num_trials=config.trials,
        counts=summaries.counts,
        finished=summaries.ended,
        trained_seconds=summaries.trained_seconds,
        running=running,
        num_workers=max(num_workers, len(slots)),
        front=front,
        seconds=seconds,
        budget=config.budget,
        confirm_seconds=0.0
        if config.confirm_seeds is None
        else expected_seconds(
            summaries.seconds_of([point.trial for point in front]), config.confirm_seeds, num_workers
        ),
    )


def _lost_cluster(config: RunConfig) -> str:
    return (
        f"the Ray cluster {config.cluster} does not answer: nothing is lost, and the same command, or "
        "'python -m search worker', goes on with the study"
    )
