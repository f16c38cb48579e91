"""Rules for nets: a limit on parameters, and parts that a net must have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from space.architecture import MAX_PARAMS, ArchitectureSpec, num_params
from space.errors import InputError
from space.layers import Conv, Flatten, GlobalAveragePool


@dataclass(frozen=True)
class Rule:
    """A rule and whether a net satisfies it."""

    name: str
    holds: bool
    fact: str
    """What the check found in the net."""


def check_max_params(max_params: int | None) -> None:
    """Raise `InputError` for a ``--max-params`` that no net can be compared with; None means no limit."""
    if max_params is not None and max_params < 1:
        raise InputError(f"--max-params must be at least 1, not {max_params}")
    if max_params is not None and max_params > MAX_PARAMS:
        raise InputError(f"--max-params must be at most {MAX_PARAMS:,}, not {max_params}")


def check_rules(architecture: ArchitectureSpec, *, max_params: int | None, required: Sequence[str]) -> list[Rule]:
    """Check for at most ``max_params`` parameters, then each of ``required``, which are names in `REQUIREMENTS`."""
    rules = []
    if max_params is not None:
        total = num_params(architecture)
        plural = "" if max_params == 1 else "s"
        rules.append(Rule(f"at most {max_params:,} parameter{plural}", total <= max_params, f"{total:,}"))
    return rules + [REQUIREMENTS[name](architecture) for name in required]


def _check_batch_norm(architecture: ArchitectureSpec) -> Rule:
    return _count_convolutions("batchnorm", architecture, lambda conv: conv.batch_norm)


def _check_dropout(architecture: ArchitectureSpec) -> Rule:
    return _count_convolutions("dropout", architecture, lambda conv: conv.dropout > 0)


def _count_convolutions(name: str, architecture: ArchitectureSpec, has: Callable[[Conv], bool]) -> Rule:
    """Require that at least one convolution has a part; reference systems omit it in bottlenecks and last layers."""
    convolutions = [layer for layer in architecture.layers if isinstance(layer, Conv)]
    num_having = sum(map(has, convolutions))
    plural = "" if len(convolutions) == 1 else "s"
    return Rule(name, num_having > 0, f"after {num_having or 'none'} of {len(convolutions)} convolution{plural}")


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
"""Parts that a net can be required to have, each at least once."""
