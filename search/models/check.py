"""Whether a net keeps to rules: a number of parameters, and parts that it must have."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from search.models.names import resolve_architecture
from search.terminal.output import print_json
from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.layers import Conv, Flatten, GlobalAveragePool


@dataclass(frozen=True)
class Rule:
    """A rule as a net keeps to it or not."""

    name: str
    holds: bool
    fact: str
    """What was found in the net."""


def print_check(model: str, *, max_params: int | None, require: str | None, as_json: bool) -> bool:
    """Print each rule with what was found; returns whether all of them hold.

    ``require`` is a comma-separated list. Raises `InputError` for no rule, an unknown one, or what is no net.
    """
    if max_params is None and require is None:
        raise InputError(f"give a rule to check: --max-params N, or --require with some of {', '.join(REQUIREMENTS)}")
    if max_params is not None and max_params < 1:
        raise InputError(f"--max-params must be at least 1, not {max_params}")
    required = [] if require is None else _parse_requirements(require)
    architecture = resolve_architecture(model)
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


def check_rules(architecture: ArchitectureSpec, *, max_params: int | None, required: Sequence[str]) -> list[Rule]:
    """At most ``max_params`` parameters, then each of ``required``, which are names in `REQUIREMENTS`."""
    rules = []
    if max_params is not None:
        total = num_params(architecture)
        rules.append(Rule(f"at most {max_params:,} parameters", total <= max_params, f"{total:,}"))
    return rules + [REQUIREMENTS[name](architecture) for name in required]


def _parse_requirements(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in REQUIREMENTS:
            close = difflib.get_close_matches(name.lower(), REQUIREMENTS, n=1, cutoff=0.3)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"--require takes {', '.join(REQUIREMENTS)}, separated by commas, not {name!r}{hint}")
    return list(dict.fromkeys(names))


def _check_batch_norm(architecture: ArchitectureSpec) -> Rule:
    return _count_convolutions("batchnorm", architecture, lambda conv: conv.batch_norm)


def _check_dropout(architecture: ArchitectureSpec) -> Rule:
    return _count_convolutions("dropout", architecture, lambda conv: conv.dropout > 0)


def _count_convolutions(name: str, architecture: ArchitectureSpec, has: Callable[[Conv], bool]) -> Rule:
    """Holds where one convolution has it: the reference systems leave it out of bottlenecks and last layers."""
    convolutions = [layer for layer in architecture.layers if isinstance(layer, Conv)]
    num_having = sum(map(has, convolutions))
    return Rule(name, num_having > 0, f"after {num_having or 'none'} of {len(convolutions)} convolutions")


def _check_gap(architecture: ArchitectureSpec) -> Rule:
    for position, layer in enumerate(architecture.layers, start=1):
        if isinstance(layer, GlobalAveragePool | Flatten):
            return Rule(
                "gap", isinstance(layer, GlobalAveragePool), f"the head begins with '{layer.token}', layer {position}"
            )
    raise AssertionError("an architecture has a head")


REQUIREMENTS: dict[str, Callable[[ArchitectureSpec], Rule]] = {
    "batchnorm": _check_batch_norm,
    "dropout": _check_dropout,
    "gap": _check_gap,
}
"""What a net can be required to have, each at least once."""
