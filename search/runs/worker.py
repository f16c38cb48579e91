"""A worker process of a search, which trains one trial after another on one thread until no slot is left."""

import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING

from search.defaults import METRIC_NAMES
from search.runs.config import RunConfig
from search.workers.machine import Resources, prepare_process
from search.workers.processes import end_with_parent
from space.errors import SearchError

if TYPE_CHECKING:
    from mnist_core.data import Dataset
    from mnist_core.engine import Engine
    from search.runs.trial import TrialTrainer
    from search.sampling.proposals import Proposals
    from studies.failures import Outage
    from studies.slots import Slot
    from studies.study import SearchStudy, Suggestion
    from studies.trials import Outcome

stop_requested = threading.Event()


def work(config: RunConfig, worker: int, index: int, resources: Resources, failures: Connection) -> None:
    """Entry point of the process. Sends one line through ``failures`` if the search can't continue.

    SIGTERM ends it after the current epoch. Ctrl-C reaches the whole process group, so SIGINT is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _request_stop)
    end_with_parent()
    from studies.failures import store_failure

    try:
        _work(config, worker, index, resources)
    except (SearchError, OSError) as error:  # OSError: a full disk
        failures.send(str(error))
    except Exception as error:
        failure = store_failure(error)
        failures.send(failure or f"{type(error).__name__}: {error}")
        if failure is None:
            raise


def _work(config: RunConfig, worker: int, index: int, resources: Resources) -> None:
    from search.sampling.proposals import sampler_seed
    from studies.failures import Outage
    from studies.leases import renewing
    from studies.slots import SlotLostError
    from studies.storage import Store
    from studies.study import SearchStudy

    outage = Outage(config.storage)
    store = outage.until_reached(lambda: Store.open(config.storage))
    store.locks.hold(worker)
    search = outage.until_reached(lambda: SearchStudy(store, config.study_name))
    if not outage.until_reached(lambda: search.slots.has_room(config.trials)):
        return  # before torch is imported, which takes most of a worker's start and of its memory
    prepare_process()
    outage.until_reached(search.summaries.update)
    num_trials = search.summaries.num_trials
    proposals, trainer = prepare_trials(
        search,
        config,
        resources.load_data(),
        device=resources.device,
        engine=resources.engine,
        # Calls that join have the same indices; their workers must not propose the same candidates.
        seed=sampler_seed(config.seed, worker if config.joins else index, num_trials),
        should_stop=stop_requested.is_set,
        outage=outage,
    )
    try:
        with renewing(lambda: search.slots.renew(worker)):
            while not stop_requested.is_set():
                with outage.bridging():
                    if outage.is_on:  # a slot that was claimed while the server went away is not known here
                        search.slots.hand_back(worker)
                    if (slot := search.slots.claim(config.trials, worker)) is None:
                        break
                    with suppress(SlotLostError):  # another worker goes on with its trial
                        fill(slot, search, proposals, trainer)
    except KeyError:  # Optuna finds no record of the trial or the study
        store.load_study(config.study_name)
        raise


def fill(slot: "Slot", search: "SearchStudy", proposals: "Proposals", trainer: "TrialTrainer") -> "Outcome | None":
    """Train the trial of a slot to its end, a new one or one that was begun; returns None if it has not ended."""
    from studies.trials import Outcome, outcome_of

    trial = search.find_trial(slot)
    # Where an earlier version interrupted a trial, that has failed, and a new one repeats it.
    if trial is None or outcome_of(trial) == Outcome.FAILED:
        suggestion = proposals.find(slot)
        return None if suggestion is None else trainer.train(suggestion, slot)
    if (outcome := outcome_of(trial)) is not None:  # its worker was lost after it had ended the trial
        search.slots.end(slot, outcome)
        return outcome
    return trainer.go_on(trial, slot)


def prepare_trials(
    search: "SearchStudy",
    config: RunConfig,
    data: "Dataset",
    *,
    device: str,
    engine: "Engine",
    seed: int,
    should_stop: Callable[[], bool],
    outage: "Outage | None" = None,
) -> "tuple[Proposals, TrialTrainer]":
    """Create the objects that find and train the candidates of a worker.

    ``seed`` is the sampler's seed; ``should_stop`` is called before each candidate and after each epoch; ``outage``
    tells whether the server of the store is away.
    """
    import numpy as np

    from search.runs.trial import TrialTrainer
    from search.sampling.proposals import Proposals
    from studies.failures import Outage
    from studies.intervals import effective_images
    from studies.rivals import Rivals

    class_sizes = np.bincount(data.validation.labels).tolist()
    num_validation = effective_images(class_sizes, is_balanced=config.metric == METRIC_NAMES[1])
    sample = _make_sampler(search, config, num_validation, seed)
    proposals = Proposals(search, config.space, config.budget, config.epochs, sample, should_stop, config.limits)
    trainer = TrialTrainer(
        search=search,
        data=data,
        device=device,
        engine=engine,
        budget=config.budget,
        num_epochs=config.epochs,
        study_seed=config.seed,
        is_pruning=config.pruner != "none",
        metric=config.metric,
        num_validation=num_validation,
        recorded=config.recorded,
        should_stop=should_stop,
        rivals=Rivals(search),
        outage=outage or Outage(search.store.url),
        limits=config.limits,
    )
    return proposals, trainer


def _make_sampler(
    search: "SearchStudy", config: RunConfig, num_validation: int, seed: int
) -> "Callable[[bool], Suggestion]":
    """Return the sampler that a call names, as `Proposals` asks it; only what it needs is imported and made."""
    space, budget, epochs, limits = config.space, config.budget, config.epochs, config.limits
    if config.sampler == "tpe":
        from search.sampling.tpe import BoundedTpe

        tpe = BoundedTpe(space, budget, epochs=epochs, seed=seed, limits=limits)
        return lambda is_first: tpe.suggest(search.summaries, is_first=is_first)
    generator = random.Random(seed)
    if config.sampler == "random":
        from search.sampling.draws import draw_within_budget

        return lambda _: draw_within_budget(space, budget, generator, epochs=epochs, limits=limits)
    from search.sampling.front_search import FrontSearch
    from search.sampling.observations import Observations

    front = FrontSearch(space, budget, epochs=epochs, num_validation=num_validation, generator=generator, limits=limits)
    observations = Observations(search.store, search.summaries, num_epochs=epochs, num_validation=num_validation)
    trials = search.summaries
    return lambda _: front.propose(observations.read(), num_sampled=trials.num_trials - trials.num_warm_started)


def _request_stop(_signal: int, _frame: FrameType | None) -> None:
    stop_requested.set()
