"""What pruning cost a study: a random sample of its pruned trials, trained to the end.

A pruned trial was lost to the front if it would have ended more accurate than every complete trial with at most as many
parameters. Each is trained anew with its own seed, so its first epochs are those that it had.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from search.confirmation.contenders import class_weights
from search.confirmation.progress import ConfirmProgress
from search.confirmation.study_data import StudyRequest, load_study_data
from search.confirmation.workers import SeedTraining, SeedWorkers
from search.reports.audits import Audit, AuditedTrial
from search.terminal.interrupts import raising_interrupts
from search.terminal.numbers import counted, format_accuracy
from search.workers.machine import COMPILING_LINE, Resources, find_engine
from search.workers.processes import default_workers
from space.errors import InputError
from studies.confirmations import Stage
from studies.pareto import FrontPoint
from studies.storage import Store
from studies.trials import TRAINED, Outcome, attributes_of, candidate_of, front_point, outcome_of, read_trials

MAX_SAMPLE = 1_000_000
"""Largest ``--sample``, which catches typing errors."""


@dataclass(frozen=True, kw_only=True)
class AuditRequest(StudyRequest):
    """Options of an audit. Raises `InputError` with the option, the rule and the value if one is invalid."""

    sample: int
    """Number of pruned trials that are trained to the end, or all of them if there are fewer."""
    seed: int = 0
    """Seed of the sample."""

    def __post_init__(self) -> None:
        if not 1 <= self.sample <= MAX_SAMPLE:
            raise InputError(f"--sample must be from 1 to {MAX_SAMPLE:,}, not {self.sample}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"--seed must be from 0 to 2^63 - 1, not {self.seed}")
        super().__post_init__()


def audit_pruning(request: AuditRequest) -> Audit:
    """Train a sample of a study's pruned trials to the end; the study stays as it is.

    Raises `InputError` if no trial was pruned or the study's data are missing or different, and `SearchFailedError` if
    workers are lost repeatedly.
    """
    store = Store.open_read_only(request.storage)
    study_name = store.resolve_study_name(request.study)
    trials = read_trials(store, store.load_study(study_name))
    pruned = [trial for trial in trials if outcome_of(trial) == Outcome.PRUNED]
    complete = [front_point(trial) for trial in trials if outcome_of(trial) == Outcome.COMPLETE]
    if not pruned:
        raise InputError(f"no trial of study {study_name!r} was pruned, so pruning cost nothing")
    study = load_study_data(store, study_name, request.data_root)
    sample = random.Random(request.seed).sample(pruned, min(request.sample, len(pruned)))
    weights = class_weights(study.data.validation.labels) if study.is_balanced else 1.0
    audited = []
    times: list[float] = []
    with (
        ConfirmProgress(quiet=request.quiet, interrupted="nothing of the audit was kept") as progress,
        raising_interrupts(),
    ):
        device, engine = find_engine(request.device, request.engine, compiling=lambda: progress.line(COMPILING_LINE))
        resources = Resources(study.dataset, study.data_root, len(study.data.train), device, engine)
        progress.line(f"training {counted(len(sample), 'pruned trial')} of {len(pruned):,} to the end")
        progress.begin("audit", 0, len(sample))
        by_number = {trial.number: trial for trial in sample}
        trainings = [
            SeedTraining(Stage.DECIDE, trial.number, candidate_of(trial), attributes_of(trial)["seed"], Path())
            for trial in sample
        ]
        num_workers = request.workers or default_workers(device)
        with SeedWorkers(num_workers, resources) as workers:
            for result in workers.train(trainings):
                assert result.correct is not None
                attributes = attributes_of(by_number[result.trial])
                num_params = attributes["num_params"]
                audited.append(
                    AuditedTrial(
                        result.trial,
                        num_params,
                        attributes["notation"],
                        attributes["num_epochs"],
                        float((result.correct * weights).mean()),
                        _best_within(complete, num_params),
                    )
                )
                what = f"trial {result.trial}: {format_accuracy(audited[-1].val_accuracy)}"
                times.append(result.seconds)
                seconds_left = fmean(times) * (len(sample) - len(audited)) / num_workers
                progress.trained(what, len(audited), len(sample), seconds_left)
    trained = [trial for trial in trials if outcome_of(trial) in TRAINED]
    return Audit(
        study=study_name,
        num_pruned=len(pruned),
        num_epochs_saved=sum(study.num_epochs - attributes_of(trial)["num_epochs"] for trial in pruned),
        num_epochs_trained=sum(attributes_of(trial)["num_epochs"] for trial in trained),
        trials=sorted(audited, key=lambda trial: (trial.num_params, trial.trial)),
    )


def _best_within(complete: Sequence[FrontPoint], num_params: int) -> float | None:
    return max((point.val_accuracy for point in complete if point.num_params <= num_params), default=None)
