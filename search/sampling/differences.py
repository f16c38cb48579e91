"""Descriptions of how the candidate of a search space that is nearest to a known net differs from it."""

from collections.abc import Iterable, Iterator, Sequence

from space.candidate import CandidateSpec, TrainingConfig
from space.layers import AveragePool, Conv, MaxPool, Pool
from space.search_space import NATURAL_SETTINGS

SAMPLED_SETTINGS = (
    "epochs",
    "batch_size",
    "max_lr",
    "weight_decay",
    "label_smoothing",
    "rotation",
    "translation",
    "scale",
    *NATURAL_SETTINGS,
)
FIXED_SETTINGS = {
    "optimizer": ("optimizer", "momentum", "peak_momentum", "nesterov", "clip_norm"),
    "schedule": (
        *("schedule", "pct_start", "div_factor", "final_div_factor", "anneal"),
        *("lr_factor", "lr_step", "lr_patience", "plateau_on"),
    ),
    "class weights": ("class_weights",),
    "pixel scaling": ("pixel_mean", "pixel_std"),
    "stopping": ("stop_accuracy", "patience"),
    "unaugmented images": ("plain_share", "plain_epochs", "precise_batch_norm"),
}
"""Training settings that no space samples, by the words that messages use for them."""


def changes(
    known: CandidateSpec,
    nearest: CandidateSpec,
    convs: Sequence[tuple[Conv, Conv]],
    *,
    moved: bool,
    dropped: Sequence[Conv],
    num_added: int,
) -> Iterator[str]:
    """Describe the differences of the candidate from the known net; yields nothing if they are equal.

    ``convs`` are the convolutions kept, as they were and as they are; ``moved`` tells whether any of them has another
    number of pools before it.
    """
    if any(old.width != new.width for old, new in convs):
        yield f"widths {_list(old.width for old, _ in convs)} -> {_list(new.width for _, new in convs)}"
    if any(old.kernel != new.kernel for old, new in convs):
        yield f"kernels {_list(old.kernel for old, _ in convs)} -> {_list(new.kernel for _, new in convs)}"
    if dropped:
        yield f"without {_list(conv.token for conv in dropped)}"
    if num_added:
        yield f"{num_added} more convolution{'s' if num_added > 1 else ''}"
    old_pools, new_pools = (
        [layer.size for layer in candidate.architecture.layers if isinstance(layer, Pool)]
        for candidate in (known, nearest)
    )
    if len(old_pools) != len(new_pools):
        yield f"{len(new_pools)} pool{'' if len(new_pools) == 1 else 's'}, not {len(old_pools)}"
    elif moved:
        yield "pools at other places"
    old_kinds, new_kinds = (
        {type(layer) for layer in candidate.architecture.layers if isinstance(layer, Pool)}
        for candidate in (known, nearest)
    )
    if new_kinds and old_kinds - new_kinds:
        yield "average pools" if AveragePool in new_kinds else "max-pools"
    if set(old_pools) - {MaxPool().size}:
        yield "pools of 2x2"
    if any(old.stride != new.stride for old, new in convs):
        yield f"strides {_list(old.stride for old, _ in convs)} -> {_list(new.stride for _, new in convs)}"
    if any(old.separable != new.separable for old, new in convs):
        yield f"convolutions {_kinds(old for old, _ in convs)} -> {_kinds(new for _, new in convs)}"
    if any(old.ops == "rb" for old, _ in convs):
        yield "batch norm before ReLU"
    if any("b" not in old.ops for old, _ in convs):
        yield "batch norm"
    if any("r" not in old.ops for old, _ in convs):
        yield "ReLU"
    if any(old.padding != new.padding for old, new in convs):
        yield "padding"
    if any(old.bias for old, _ in convs):
        yield "no bias"
    if any(old.dropout != new.dropout for old, new in convs):
        rates = sorted({old.dropout for old, _ in convs})
        yield f"dropout {'/'.join(f'{rate:g}' for rate in rates)} -> {convs[0][1].dropout:g}"
    if any(old.dropout2d for old, _ in convs):
        yield "dropout of single values"
    old_head, new_head = (
        _list(layer.token for layer in candidate.architecture.layers if not isinstance(layer, Conv | Pool))
        for candidate in (known, nearest)
    )
    if old_head != new_head:
        yield f"head {old_head} -> {new_head}"
    yield from _training_changes(known.training, nearest.training)


def _training_changes(old: TrainingConfig, new: TrainingConfig) -> Iterator[str]:
    for name in SAMPLED_SETTINGS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name} {before:g} -> {after:g}"
    differing = [
        word
        for word, names in FIXED_SETTINGS.items()
        if any(getattr(old, name) != getattr(new, name) for name in names)
    ]
    if differing:
        *others, last = differing
        yield f"the search's own {', '.join(others)}{' and ' if others else ''}{last}"


def _list(values: Iterable[object]) -> str:
    return " ".join(map(str, values))


def _kinds(convs: Iterable[Conv]) -> str:
    return _list("separable" if conv.separable else "plain" for conv in convs)
