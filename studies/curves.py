"""The study of a search's learning curves, whose trials have the numbers of the search's own."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import String, and_, cast, func, select
from sqlalchemy.engine import Engine

from space.results import EpochResult
from studies.consistency import check_num_epochs
from studies.frozen_trials import CHUNK, read_frozen_trials
from studies.records import read_epochs
from studies.tables import optuna_attributes, optuna_trials
from studies.trials import TRAINED, CurveAttributes, attributes_of, outcome_of

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


def ended_ids(database: Engine, study: Study, number: int, *, after_id: int) -> list[int]:
    """Return the ids of a search's trials from ``number`` on, up to the first that has not ended.

    Trials with ids up to ``after_id`` are known to have lower numbers.
    """
    trial = optuna_trials.c
    mine = (trial.study_id == study._study_id, trial.trial_id > after_id, trial.number >= number)
    query = select(trial.trial_id, trial.state).where(*mine).order_by(trial.trial_id)
    with database.connect() as connection:
        # A search enqueues nothing in Optuna's way, so what another program left waiting will never be trained.
        return [
            row.trial_id
            for row in takewhile(lambda row: row.state != TrialState.RUNNING.name, connection.execute(query))
        ]


def new_curves(database: Engine, study: Study, ids: Sequence[int]) -> Iterator[tuple[int, FrozenTrial]]:
    """Yield, with the id of each trial that has ended, what the curves study holds of it."""
    for first in range(0, len(ids), CHUNK):
        chunk = read_frozen_trials(database, study._study_id, ids[first : first + CHUNK])
        trained = [trial.number for trial in chunk if outcome_of(trial) in TRAINED]
        epochs = read_epochs(database, study.study_name, trained)
        for trial in chunk:
            if trial.number in epochs:
                check_num_epochs(database, study.study_name, trial, epochs[trial.number])
            yield trial._trial_id, _curve_of(trial, epochs.get(trial.number, ()))


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
