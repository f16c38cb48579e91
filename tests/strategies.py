"""Hypothesis strategies for networks, candidates and search spaces that are valid by construction."""

from functools import cache

from hypothesis import strategies as st

from space.architecture import ArchitectureSpec
from space.candidate import CLASS_WEIGHTS, OPTIMIZERS, SCHEDULES, CandidateSpec, TrainingConfig
from space.layers import (
    CONV_OPS,
    INPUT_SHAPE,
    KERNELS,
    AveragePool,
    Conv,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    Shape,
)
from space.ranges import ArchitectureRanges, Stage, TrainingRanges
from space.search_space import SearchSpace

# Strategies that depend on the size of a map are made once for each size: making them in every draw is slow.


@cache
def _windows(side: int) -> st.SearchStrategy[tuple[int, int]]:
    """Kernels and paddings of convolutions that leave at least one pixel of a map whose shorter side is ``side``."""
    return st.sampled_from(
        [(kernel, padding) for kernel in KERNELS for padding in range(kernel) if side + 2 * padding - kernel + 1 >= 1]
    )


_dropouts = st.just((0.0, False)) | st.tuples(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), st.booleans())


@cache
def _body_layers(side: int) -> st.SearchStrategy[Conv | MaxPool | AveragePool]:
    convs = st.builds(
        lambda width, window, bias, ops, dropout, separable, stride: Conv(
            width, *window, bias, ops, *dropout, separable=separable and window[0] > 1, stride=stride
        ),
        st.integers(1, 12),
        _windows(side),
        st.booleans(),
        st.sampled_from(CONV_OPS),
        _dropouts,
        st.booleans(),
        st.sampled_from([1, 1, 2]),
    )
    pools = [kind(size) for kind in (MaxPool, AveragePool) for size in (2, 3) if size <= side]
    return convs | st.sampled_from(pools) if pools else convs


_depths = st.integers(0, 6)
_heads = st.sampled_from([GlobalAveragePool(), Flatten()])
_linears = st.lists(st.builds(Linear, st.integers(1, 12), bias=st.booleans(), relu=st.booleans()), max_size=2)


_sides = st.integers(1, 40)
input_shapes = st.just(INPUT_SHAPE) | st.tuples(st.integers(1, 4), _sides, _sides)


@st.composite
def architectures(draw: st.DrawFn, shapes: st.SearchStrategy[Shape] = input_shapes) -> ArchitectureSpec:
    layers: list[Layer] = []
    shape = input_shape = draw(shapes)
    for _ in range(draw(_depths)):
        layers.append(draw(_body_layers(min(shape[1:]))))
        shape = layers[-1].output_shape(shape)
    return ArchitectureSpec((*layers, draw(_heads), *draw(_linears)), input_shape)


def training_configs() -> st.SearchStrategy[TrainingConfig]:
    return st.builds(
        TrainingConfig,
        epochs=st.integers(1, 100),
        batch_size=st.integers(2, 2048),
        optimizer=st.sampled_from(OPTIMIZERS),
        schedule=st.sampled_from(SCHEDULES),
        max_lr=st.floats(1e-6, 10.0),
        pct_start=st.floats(0.0, 1.0),
        div_factor=st.floats(1.0, 1e3),
        final_div_factor=st.floats(1.0, 1e6),
        anneal=st.sampled_from(["cos", "linear"]),
        lr_factor=st.floats(0.01, 1.0),
        lr_step=st.integers(1, 20),
        lr_patience=st.integers(0, 20),
        plateau_on=st.sampled_from(["val_loss", "train_loss"]),
        momentum=st.floats(0.01, 0.99),
        peak_momentum=st.none() | st.floats(0.0, 0.99),
        nesterov=st.booleans(),
        weight_decay=st.floats(0.0, 0.1),
        label_smoothing=st.floats(0.0, 0.5),
        clip_norm=st.none() | st.floats(0.01, 10.0),
        rotation=st.floats(0.0, 180.0),
        translation=st.floats(0.0, 1.0),
        scale=st.floats(0.0, 0.99),
        class_weights=st.sampled_from(CLASS_WEIGHTS),
        flip=st.just(0.0) | st.floats(0.0, 1.0),
        shift=st.just(0.0) | st.floats(0.0, 1.0),
        brightness=st.just(0.0) | st.floats(0.0, 1.0),
        contrast=st.just(0.0) | st.floats(0.0, 0.99),
        plain_share=st.just(0.0) | st.floats(0.0, 1.0),
        plain_epochs=st.integers(0, 1),
        precise_batch_norm=st.booleans(),
        pixel_mean=st.none() | st.floats(-1.0, 1.0),
        pixel_std=st.none() | st.floats(0.01, 2.0),
        stop_accuracy=st.none() | st.floats(0.01, 1.0),
        patience=st.none() | st.integers(1, 20),
    )


def candidates() -> st.SearchStrategy[CandidateSpec]:
    return st.builds(CandidateSpec, architectures(), training_configs())


def _ranges(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(values, values).map(lambda pair: tuple(sorted(pair)))


def _some_of(choices: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(choices), min_size=1, unique=True).map(tuple)


@st.composite
def search_spaces(draw: st.DrawFn) -> SearchSpace:
    stages = []
    side = 28
    for _ in range(draw(st.integers(1, 3))):
        fewest = draw(st.integers(1, 2))
        most = draw(st.integers(fewest, 3))
        narrowest = draw(st.integers(1, 20))
        kernel = draw(st.sampled_from(KERNELS))
        left = side - most * (kernel - 1)
        # Without padding a stage must leave enough pixels for the pools and stages that may follow.
        padding = draw(st.sampled_from(["same", "valid"] if left >= 8 else ["same"]))
        side = (left if padding == "valid" else side) // 2
        stages.append(
            Stage(
                layers=(fewest, most),
                width=(narrowest, draw(st.integers(narrowest, 40))),
                kernel=kernel,
                padding=padding,
                unpadded=draw(st.integers(0, 2)) if left >= 8 else 0,
                convolution_choices=draw(_some_of(["plain", "separable"] if kernel > 1 else ["plain"])),
            )
        )
    return SearchSpace(
        stage=tuple(stages),
        architecture=ArchitectureRanges(
            dropout=draw(_ranges(st.integers(0, 99).map(lambda hundredths: hundredths / 100))),
            pool_choices=draw(_some_of(["max", "average"])),
        ),
        training=TrainingRanges(
            batch_size_choices=tuple(draw(st.lists(st.integers(2, 512), min_size=1, max_size=4, unique=True))),
            max_lr=draw(_ranges(st.floats(1e-5, 10.0))),
            weight_decay=draw(_ranges(st.floats(1e-8, 0.1))),
            label_smoothing=draw(_ranges(st.floats(0.0, 0.9))),
            # A strength so small that its products are subnormal could not be found again from them.
            augmentation=draw(_ranges(st.just(0.0) | st.floats(1e-3, 5.0))),
            plain_epochs=draw(st.integers(0, 3)),
            precise_batch_norm=draw(st.booleans()),
        ),
    )
