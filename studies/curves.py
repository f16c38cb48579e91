"""The study of a search's learning curves, whose trials have the numbers of the search's own."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import String, and_, cast, func, select
from sqlalchemy.engine import Engine

from space.results import EpochResult
from studies.consistency import check_num_epochs
from studies.records import read_epochs
from studies.tables import optuna_attributes, optuna_trials
from studies.trials import TRAINED, CurveAttributes, attributes_of, outcome_of

CHUNK = 500
"""Number of trials whose epochs are read at a time."""

# Through Optuna's own interface, every process would read all curves to find out how many there are.
_curve = and_(optuna_attributes.c.trial_id == optuna_trials.c.trial_id, optuna_attributes.c.key == "trial")


def are_in_order(database: Engine, curves: Study) -> bool:
    """Return whether each trial of a curves study has the number of the search's trial that it belongs to.

    In stores of earlier versions they have not: curves were added in the order in which trials ended.
    """
    is_equal = optuna_attributes.c.value_json == cast(optuna_trials.c.number, String)
    query = (
        select(func.count(optuna_trials.c.trial_id), func.count(optuna_attributes.c.trial_id))
        .select_from(optuna_trials.outerjoin(optuna_attributes, _curve & is_equal))
        .where(optuna_trials.c.study_id == curves._study_id)
    )
    with database.connect() as connection:
        num_trials, num_equal = connection.execute(query).one()
    return num_trials == num_equal


def next_number(database: Engine, curves: Study) -> int | None:
    """Return the number that the next curve gets, or None if the latest one has not the number of its trial."""
    query = (
        select(optuna_trials.c.number, optuna_attributes.c.value_json)
        .select_from(optuna_trials.outerjoin(optuna_attributes, _curve))
        .where(optuna_trials.c.study_id == curves._study_id)
        .order_by(optuna_trials.c.trial_id.desc())
        .limit(1)
    )
    with database.connect() as connection:
        latest = connection.execute(query).first()
    if latest is None:
        return 0
    number, trial = latest
    return number + 1 if trial == str(number) else None


def new_curves(database: Engine, study_name: str, trials: Sequence[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Yield what the curves study lacks, for the trials from the next number on, up to the first that has not ended."""
    ended = list(takewhile(_has_ended, trials))
    for first in range(0, len(ended), CHUNK):
        chunk = ended[first : first + CHUNK]
        trained = [trial.number for trial in chunk if outcome_of(trial) in TRAINED]
        epochs = read_epochs(database, study_name, trained)
        for trial in chunk:
            if trial.number in epochs:
                check_num_epochs(database, study_name, trial, epochs[trial.number])
            yield _curve_of(trial, epochs.get(trial.number, ()))


def _has_ended(trial: FrozenTrial) -> bool:
    # A search enqueues nothing in Optuna's way, so what another program left waiting will never be trained.
    return trial.state.is_finished() or trial.state == TrialState.WAITING


def _curve_of(trial: FrozenTrial, epochs: Sequence[EpochResult]) -> FrozenTrial:
    attributes = CurveAttributes(trial=trial.number, notation=attributes_of(trial).get("notation", ""))
    if epochs:
        # The dashboard draws a pruned trial's curve only if the trial has a value. The parameters are in the main
        # study: copies would be most of what is written here.
        curve = create_trial(
            state=trial.state,
            value=epochs[-1].val_accuracy,
            user_attrs=dict(attributes),
            intermediate_values={result.epoch: result.val_accuracy for result in epochs},
        )
    else:
        attributes["placeholder"] = f"no curve: {outcome_of(trial) or 'never trained'}"
        curve = create_trial(state=TrialState.FAIL, user_attrs=dict(attributes))
    if trial.datetime_complete is not None:
        curve.datetime_start, curve.datetime_complete = trial.datetime_start, trial.datetime_complete
    return curve
