"""Reading whole trials from Optuna's tables, some or all of a study's, in a fraction of the time that Optuna takes."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.engine import Connection, Engine

from studies.tables import (
    optuna_attributes,
    optuna_params,
    optuna_system_attributes,
    optuna_trials,
    optuna_values,
)

CHUNK = 500
"""Number of trials that one query names."""
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def read_frozen_trials(database: Engine, study_id: int, ids: Sequence[int] | None = None) -> list[FrozenTrial]:
    """Return the trials of a study with two objectives, or those of them with the given ids, by their numbers.

    They are what Optuna returns, without intermediate values, which no such trial has. Raises whatever their content
    makes Python raise if another program wrote it.
    """
    mine = optuna_trials.c.study_id == study_id
    with database.connect() as connection:
        if ids is None:
            return _read(connection, mine)
        chunks = [ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK)]
        found = [trial for chunk in chunks for trial in _read(connection, mine & optuna_trials.c.trial_id.in_(chunk))]
    return sorted(found, key=lambda trial: trial.number)


def _read(connection: Connection, which: ColumnElement[bool]) -> list[FrozenTrial]:
    params: dict[int, dict[str, Any]] = defaultdict(dict)
    distributions: dict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    values: dict[int, dict[int, float]] = defaultdict(dict)
    user, system = (
        _attributes(connection, _joined(table, which)) for table in (optuna_attributes, optuna_system_attributes)
    )
    query = _joined(optuna_params, which).order_by(optuna_params.c.param_id)
    for _, trial_id, name, value, text in connection.execute(query):
        distribution = _distribution(text)
        distributions[trial_id][name] = distribution
        params[trial_id][name] = distribution.to_external_repr(value)
    for trial_id, objective, value, kind in connection.execute(_joined(optuna_values, which)):
        values[trial_id][objective] = _INFINITE.get(kind, value)
    rows = connection.execute(select(optuna_trials).where(which).order_by(optuna_trials.c.trial_id))
    return [
        FrozenTrial(
            number=row.number,
            state=TrialState[row.state],
            value=None,
            values=[values[row.trial_id][objective] for objective in sorted(values[row.trial_id])] or None,
            datetime_start=_time(row.datetime_start),
            datetime_complete=_time(row.datetime_complete),
            params=params[row.trial_id],
            distributions=distributions[row.trial_id],
            user_attrs=user[row.trial_id],
            system_attrs=system[row.trial_id],
            intermediate_values={},
            trial_id=row.trial_id,
        )
        for row in rows
    ]


def _joined(table: Any, which: ColumnElement[bool]) -> Select[Any]:
    return select(table).join(optuna_trials, optuna_trials.c.trial_id == table.c.trial_id).where(which)


def _attributes(connection: Connection, query: Select[Any]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, text in connection.execute(query):
        found[trial_id][key] = json.loads(text)
    return found


@lru_cache(maxsize=1_000)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _time(stored: str | datetime | None) -> datetime | None:
    """SQLite stores times as text."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored
