"""The command check: whether a net satisfies given rules."""

import difflib
from dataclasses import asdict

from search.models.names import find_architecture
from search.models.rules import REQUIREMENTS, check_max_params, check_rules
from search.terminal.output import print_json
from space.architecture import num_params
from space.errors import InputError
from space.image_kinds import ImageKind


def print_check(
    model: str,
    *,
    storage: str,
    study: str | None,
    max_params: int | None,
    require: str | None,
    as_json: bool,
    kind: ImageKind | None = None,
) -> bool:
    """Print each rule and what was found in the net, for images of a ``kind``; returns whether all rules hold.

    ``require`` is a comma-separated list. Raises `InputError` if no rule is given, one is unknown, or ``model`` is not
    a net.
    """
    if max_params is None and require is None:
        raise InputError(f"give a rule to check: --max-params N, or --require with some of {', '.join(REQUIREMENTS)}")
    check_max_params(max_params)
    required = [] if require is None else _parse_requirements(require)
    architecture = find_architecture(model, storage=storage, study=study, kind=kind)
    rules = check_rules(architecture, max_params=max_params, required=required)
    holds = all(rule.holds for rule in rules)
    if as_json:
        print_json(
            {
                "notation": str(architecture),
                "num_params": num_params(architecture),
                "holds": holds,
                "rules": [asdict(rule) for rule in rules],
            }
        )
        return holds
    for rule in rules:
        print(f"{rule.name}: {'holds' if rule.holds else 'broken'}, {rule.fact}")
    return holds


def _parse_requirements(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in REQUIREMENTS:
            close = difflib.get_close_matches(name.lower(), REQUIREMENTS, n=1, cutoff=0.3)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"--require takes {', '.join(REQUIREMENTS)}, separated by commas, not {name!r}{hint}")
    return list(dict.fromkeys(names))
