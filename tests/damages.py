"""Damages of a study store, and the line that each gives; ``python -m tests.damages --write`` makes a page of them.

The store is that of `tests.stores.restore_store`, migrated: a study of five trials, with a confirmed front of trials 2
and 0. Trial N has the id 2 N + 1 in Optuna's tables.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/damaged-stores.md"
STORE, STUDY = "sqlite:///studies.db", "digits-700"
RUN = f"run --dataset digits --budget 700 --trials 5 --epochs 5 --seed 3 --train-size 300 --study {STUDY}"
EXPORT, ANALYSE = "export --format safetensors --out best", "analyse 3 --out page"
REPORT = "report --out page.html"
THIRD = "export --trial 3 --format safetensors --out best"
EVERY = (
    *("status", "trials", "curves", "front", RUN, "confirm", EXPORT, "evaluate 0", "count 0", "analyse 0 --out page"),
    *(REPORT, "dashboard"),
)
"""A call of each command that reads a store."""


@dataclass(frozen=True)
class Damage:
    what: str
    how: str
    """Statements of SQL."""
    commands: tuple[str, ...]
    line: str
    """What the commands say, after ``error: ``."""
    exit_code: int = 1
    unharmed: tuple[str, ...] = ()
    """Commands that succeed nevertheless."""
    bytes_kept: int | None = None
    """Number of bytes after which the file is then cut off, if it is."""


def _damaged(problem: str) -> str:
    return f"{STORE} is damaged: {problem}; restore it from a copy"


def _attribute(key: str, value: str | None, problem: str, *, commands: tuple[str, ...] = ("trials",)) -> Damage:
    """A user attribute of trial 3 that is missing, or has another value."""
    rows = f"trial_user_attributes WHERE trial_id = 7 AND key = '{key}'"
    change = f"UPDATE trial_user_attributes SET value_json = '{value}' {rows.partition(' ')[2]}"
    return Damage(
        f"`{key}` of trial 3 is missing" if value is None else f"`{key}` of trial 3 is `{value}`",
        f"DELETE FROM {rows}" if value is None else change,
        (*commands, THIRD),
        _damaged(f"trial 3 of study '{STUDY}': {problem}"),
        unharmed=("front", "count 0"),
    )


def _missing(table: str, commands: tuple[str, ...] = ("status",)) -> Damage:
    line = _damaged(f"it has no table {table}")
    return Damage(f"no table `{table}`", f"DROP TABLE {table}", commands, line)


def _emptied(table: str, commands: tuple[str, ...], line: str, unharmed: tuple[str, ...] = ()) -> Damage:
    return Damage(f"table `{table}` is emptied", f"DELETE FROM {table}", commands, _damaged(line), unharmed=unharmed)


def _confirmation(what: str, how: str, problem: str) -> Damage:
    unharmed = ("front --json", "count 0")
    return Damage(what, how, ("front", "front --confirmed", "status", EXPORT), _damaged(problem), unharmed=unharmed)


_TRIAL, _RECORD = f"trial 3 of study '{STUDY}'", f"the confirmation of study '{STUDY}'"
_GONE = (
    f"study '{STUDY}' is gone from {STORE}: another program deleted or renamed it; there are none; "
    "'python -m search run' with its name begins it anew"
)
_MALFORMED = "database disk image is malformed"
_NUMBER, _WHOLE = "must be a number of at least 0, not", "must be a whole number of at least 0, not"
_KEYS = "a candidate has a list of layers under 'architecture' and settings under 'training'"

DAMAGES = (
    # User attributes of a trial.
    _attribute(
        "outcome", None, "it has no user attribute 'outcome'", commands=("status", "trials", RUN, "confirm", "count 3")
    ),
    _attribute(
        "outcome",
        '"finished"',
        "its user attribute 'outcome' must be one of complete, pruned, diverged, rejected, duplicate, failed, not "
        "'finished'",
    ),
    _attribute("outcome", '"pruned"', "its outcome is pruned, its state COMPLETE", commands=("status", RUN)),
    _attribute("outcome", '"duplicate"', "it has no user attribute 'duplicate_of'"),
    _attribute("notation", None, "it has no user attribute 'notation'", commands=("trials", "confirm", ANALYSE)),
    _attribute("notation", "7", "its user attribute 'notation' must be text, not 7"),
    _attribute(
        "notation", "gap", "its user attribute 'notation' is not JSON: 'gap'", commands=("trials", "confirm", REPORT)
    ),
    _attribute("num_params", None, "it has no user attribute 'num_params'", commands=("trials", "evaluate 3")),
    _attribute("num_params", '"586"', f"its user attribute 'num_params' {_WHOLE} '586'"),
    _attribute("num_params", "-5", f"its user attribute 'num_params' {_WHOLE} -5"),
    _attribute("num_params", "true", f"its user attribute 'num_params' {_WHOLE} True"),
    _attribute(
        "num_params",
        "585",
        "its objectives are [0.21666666666666667, 586.0], its user attributes say [0.21666666666666667, 585]",
    ),
    _attribute("candidate", None, "it has no user attribute 'candidate'", commands=("trials", "count 3")),
    _attribute("candidate", "[]", "its user attribute 'candidate' must be a JSON object, not []"),
    _attribute(
        "candidate", "{", "its user attribute 'candidate' is not JSON: '{'", commands=("trials", "count 3", REPORT)
    ),
    _attribute(
        "candidate", "{}", f"its candidate can't be used: {_KEYS}", commands=("count 3", "check 3 --max-params 700")
    ),
    _attribute(
        "candidate",
        '{"architecture": [{"kind": "lstm"}], "training": {}}',
        "its candidate can't be used: layer 1: "
        "kind must be one of conv, max_pool, average_pool, gap, flatten, linear, not 'lstm'",
        commands=("count 3",),
    ),
    _attribute("candidate_key", None, "it has no user attribute 'candidate_key'"),
    _attribute(
        "candidate_key",
        '"0123456789abcdef"',
        "its candidate has 586 parameters and the key 119138038dbd0ad4, not 586 and '0123456789abcdef'",
        commands=("count 3",),
    ),
    _attribute("seconds", None, "it has no user attribute 'seconds'", commands=("trials", RUN)),
    _attribute("seconds", '"long"', f"its user attribute 'seconds' {_NUMBER} 'long'"),
    _attribute("seconds", "NaN", f"its user attribute 'seconds' {_NUMBER} nan"),
    _attribute("seconds", "null", f"its user attribute 'seconds' {_NUMBER} None"),
    _attribute("seed", None, "it has no user attribute 'seed'"),
    _attribute("run", "{}", "its user attribute 'run' has no engine or device", commands=("status", ANALYSE)),
    _attribute("run", '"native"', "its user attribute 'run' must be a JSON object, not 'native'"),
    _attribute("num_epochs", "2.5", f"its user attribute 'num_epochs' {_WHOLE} 2.5"),
    _attribute("val_accuracy", None, "it has no user attribute 'val_accuracy'"),
    _attribute("weights", "12", "its user attribute 'weights' must be text, not 12"),
    Damage(
        "trial 3 is no duplicate and has a `duplicate_of`",
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (7, 'duplicate_of', '1')",
        ("trials", THIRD),
        _damaged(f"{_TRIAL}: it has a user attribute 'duplicate_of' and is no duplicate"),
        unharmed=("front", "count 0"),
    ),
    # Other content of Optuna's tables.
    Damage(
        "the objectives of trial 3 are missing",
        "DELETE FROM trial_values WHERE trial_id = 7",
        ("trials", "confirm", THIRD),
        _damaged(f"{_TRIAL}: it is complete and has the objectives None"),
        unharmed=("front", "count 0"),
    ),
    Damage(
        "the state of trial 3 is none that there is",
        "UPDATE trials SET state = 'DONE' WHERE trial_id = 7",
        ("status", RUN, THIRD),
        _damaged(
            f"{_TRIAL}: can't be read: 'DONE' is not among the defined enum values. Enum name: trialstate. Possible "
            "values: RUNNING, COMPLETE, PRUNED, ..., WAITING"
        ),
        unharmed=("front", "count 0"),
    ),
    Damage(
        "the start of trial 3 is no time",
        "UPDATE trials SET datetime_start = 'noon' WHERE trial_id = 7",
        ("trials", THIRD),
        _damaged(f"{_TRIAL}: can't be read: Invalid isoformat string: 'noon'"),
        unharmed=("front", "count 0"),
    ),
    Damage(
        "a distribution of trial 3 is not JSON",
        "UPDATE trial_params SET distribution_json = 'uniform' WHERE trial_id = 7",
        ("trials", THIRD),
        _damaged(f"{_TRIAL}: is not JSON: 'uniform'"),
        unharmed=("front", "count 0"),
    ),
    Damage(
        "trial 1 is deleted",
        "DELETE FROM trials WHERE trial_id = 3",
        ("status", RUN, "confirm"),
        _damaged(f"trial 1 of study '{STUDY}' is missing"),
        unharmed=("front", "count 0"),
    ),
    Damage(
        "the directions of the study are missing",
        "DELETE FROM study_directions",
        ("status", RUN, "confirm", EXPORT, "evaluate 0"),
        _damaged(f"the directions of study '{STUDY}' are not MAXIMIZE and MINIMIZE but none"),
        unharmed=("front",),
    ),
    _emptied(
        "trials",
        ("status", RUN),
        f"study '{STUDY}' has no trial 0, which table trial_slots has",
    ),
    Damage(
        "table `trial_user_attributes` is emptied",
        "DELETE FROM trial_user_attributes",
        ("status", RUN, "confirm", "evaluate 0"),
        _damaged(f"trial 0 of study '{STUDY}': it has no user attribute 'outcome'"),
    ),
    Damage(
        "the study is deleted", "DELETE FROM studies WHERE study_id = 1", ("status", "front", "confirm", EXPORT), _GONE
    ),
    Damage("table `studies` is emptied", "DELETE FROM studies", ("status", "count 0"), _GONE),
    # The file.
    Damage("the file is cut off", "", ("status", RUN, "count 0"), _damaged(_MALFORMED), bytes_kept=20_000),
    Damage(
        "the file is empty",
        "",
        ("status", "front", "confirm", EXPORT),
        f"{STORE} is not a study store of this program",
        exit_code=2,
        bytes_kept=0,
    ),
    # Tables that are missing, or hold less than Optuna's.
    *(_missing(table) for table in ("trials", "trial_values", "study_directions", "trial_intermediate_values")),
    _missing("trial_user_attributes", ("status", RUN, "confirm", EXPORT, "evaluate 0", "dashboard")),
    _missing("studies", EVERY),
    _missing("searches", EVERY),
    *(_missing(table) for table in ("confirmations", "test_openings", "queued_candidates", "version_info")),
    _missing("trial_slots", ("status", RUN)),
    _missing("epochs", ("status", "analyse 0 --out page")),
    _missing("pareto_front", ("front", RUN, EXPORT)),
    _emptied("alembic_version", ("status", RUN), "its table alembic_version is empty"),
    _emptied(
        "trial_slots",
        ("status", RUN),
        f"trial 0 of study '{STUDY}' is not in table trial_slots",
        unharmed=("front", EXPORT),
    ),
    _emptied(
        "pareto_front",
        ("status", "front", EXPORT),
        f"table pareto_front has no point of study '{STUDY}', of which trial 0 is complete",
        unharmed=(RUN, "front"),
    ),
    _emptied(
        "epochs",
        ("analyse 0 --out page",),
        f"table epochs has 0 of the 5 epochs of trial 0 of study '{STUDY}'",
        unharmed=("status", "front", RUN),
    ),
    # Content of our own tables.
    Damage(
        "trial 3 is in table `trial_slots` as pruned",
        "UPDATE trial_slots SET state = 'pruned' WHERE trial_number = 3",
        ("status", RUN),
        _damaged(f"{_TRIAL} is pruned in table trial_slots and complete in Optuna's tables"),
        unharmed=("front", "count 3"),
    ),
    Damage(
        "table `trial_slots` has a trial that is no number",
        "UPDATE trial_slots SET trial_number = 'three' WHERE trial_number = 3",
        (RUN,),
        _damaged(f"table trial_slots of study '{STUDY}' can't be read: trial_number is 'three'"),
        unharmed=("front", "count 3"),
    ),
    Damage(
        "table `trial_slots` has lost a column",
        "ALTER TABLE trial_slots DROP COLUMN num_attempts",
        ("status", RUN),
        _damaged("no such column: trial_slots.num_attempts"),
        unharmed=("front", "count 3"),
    ),
    Damage(
        "trial 2 has text for an accuracy on the front",
        "UPDATE pareto_front SET val_accuracy = 'high' WHERE trial_number = 2",
        ("status", "front", EXPORT),
        _damaged(
            f"trial 2 of study '{STUDY}' in table pareto_front can't be used: val_accuracy must be a finite number, "
            "not 'high'"
        ),
        unharmed=("count 2",),
    ),
    Damage(
        "the front has a trial that is not there",
        "UPDATE pareto_front SET trial_number = 99 WHERE trial_number = 0; DELETE FROM confirmations",
        (EXPORT,),
        _damaged(
            f"the front of study '{STUDY}' has trial 99, but study '{STUDY}' has no trial 99; its trials are numbered "
            "0 to 4"
        ),
        unharmed=("count 0",),
    ),
    Damage(
        "an epoch of trial 0 has text for a loss",
        "UPDATE epochs SET val_loss = 'low' WHERE trial_number = 0 AND epoch = 2",
        ("curves", "analyse 0 --out page"),
        _damaged(f"an epoch of trial 0 of study '{STUDY}' can't be used: val_loss must be a finite number, not 'low'"),
        unharmed=("status", "count 0"),
    ),
    Damage(
        "the settings of the study are not JSON",
        "UPDATE searches SET fingerprint = 'mnist'",
        (RUN, "confirm", "analyse 0 --out page"),
        _damaged(f"study '{STUDY}' in table searches is not JSON: 'mnist'"),
        unharmed=("status", "front"),
    ),
    Damage(
        "the budget of the study is text",
        "UPDATE searches SET fingerprint = json_set(fingerprint, '$.budget', 'small')",
        (RUN, "confirm"),
        _damaged(f"study '{STUDY}' in table searches can't be read: budget is 'small'"),
        unharmed=("status", "front"),
    ),
    Damage(
        "the seed of the study is missing",
        "UPDATE searches SET fingerprint = json_remove(fingerprint, '$.seed')",
        ("confirm",),
        _damaged(f"study '{STUDY}' in table searches has no 'seed'"),
        unharmed=("status", "count 0"),
    ),
    _confirmation(
        "the confirmation's contenders are not JSON",
        "UPDATE confirmations SET contenders = 'all'",
        f"{_RECORD} is not JSON: 'all'",
    ),
    _confirmation(
        "the confirmation's members are not its contenders",
        "UPDATE confirmations SET members = '[7]'",
        f"{_RECORD} can't be read: its members are [7], which are not all contenders",
    ),
    _confirmation(
        "the confirmation has no seeds of stage 2",
        "UPDATE confirmations SET seeds = json_remove(seeds, '$.2')",
        f"{_RECORD} can't be read: its seeds are {{'1': [2340540091, 1727626436]}}",
    ),
    _confirmation(
        "the images of a confirmed model are cut off",
        "UPDATE confirmation_trainings SET correct = substr(correct, 1, 10) WHERE id = 10",
        f"a training of stage 2 of study '{STUDY}' can't be read: 10 bytes can't be the bits of 300 images",
    ),
    _confirmation(
        "the trainings of stage 1 are deleted",
        "DELETE FROM confirmation_trainings WHERE stage = 1",
        f"table confirmation_trainings has nothing of stage 1 of trial 2 of study '{STUDY}', a member of the confirmed "
        "front",
    ),
    Damage(
        "an opening of the test set has no time",
        "UPDATE test_openings SET opened = 'once'",
        ("status",),
        _damaged(f"table test_openings of study '{STUDY}' can't be read: Invalid isoformat string: 'once'"),
        unharmed=("front", "count 0"),
    ),
)


_ABOUT = """\
# Damaged stores

A study store can be damaged: by a disk, by a copy that ended early, by SQL, or by another program, such as optuna-dashboard,
that deletes a study. A command that needs what is damaged ends with exit code 1 and one line, which names the store, the
trial and what is wrong. A command that does not need it works: with trial 3 damaged, `front` and `export --trial 0` do what
they always do. `run` and `confirm` need all trials, and refuse to go on from numbers that can't be right.

`run` mends by itself what follows from the trials: the stored front, and the study of learning curves. A study that was
deleted or renamed is named as gone, and its name can be used again: `run` then begins it anew and deletes what it left,
except for the record of its openings of the test set.

The table lists what the tests damage in a store of five trials, and how commands answer. "…" stands for the common beginning of
the errors; in full, the first is "sqlite:///studies.db is damaged: trial 3 of study 'digits-700': it has no user attribute
'outcome'; restore it from a copy". `python -m tests.damages --write` makes this page.

| damage | command | error |
|---|---|---|"""  # noqa: E501


def page() -> str:
    """The table as a page of the documentation."""
    lines = [_ABOUT]
    for damage in DAMAGES:
        commands = ", ".join(dict.fromkeys(f"`{_short(command)}`" for command in damage.commands))
        lines.append(f"| {damage.what} | {commands} | {_short_line(damage.line)} |")
    return "\n".join(lines) + "\n"


def _short_line(line: str) -> str:
    """The line without what is the same in most lines."""
    begin, end = _damaged("|").split("|")
    if not line.startswith(begin):
        return line
    return f"… {line.removeprefix(begin).removesuffix(end)}".replace(f" of study '{STUDY}'", "")


def _short(command: str) -> str:
    return "run" if command == RUN else command.replace(" --format safetensors", "").partition(" --out")[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8") if sys.argv[1:] == ["--write"] else print(page(), end="")
