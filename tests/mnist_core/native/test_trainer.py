"""The native trainer against PyTorch: gradients, steps, augmentation; its dropout, and what its seed decides."""

import itertools
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters
from torch.optim.swa_utils import update_bn

from mnist_core.augmentation import augment, draw_augmentation
from mnist_core.engine import Engine
from mnist_core.model import Dropout, Network, build_model, seed_dropout
from mnist_core.native.compiler import DOUBLE_PRECISION, CompilerError, compile_trainer
from mnist_core.native.trainer import NativeTrainer, layer_specs
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
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
from tests.strategies import architectures, input_shapes

NET = "4s:br p 8s:br p 8v:br gap fc10+"
MEAN, STD = 0.13, 0.31


pytestmark = pytest.mark.usefixtures("one_thread")


# As on CPUs with AVX2 alone: shorter vectors, and half as many registers; and on those without AVX. What is tested is
# how the work is split among them, for which it need not be compiled as slowly as for speed.
_NARROWER = [("-mno-avx512f", "-O1"), ("-mno-avx", "-O1")] if platform.machine() == "x86_64" else []


@pytest.fixture(scope="session", params=[(), *_NARROWER], ids=str)
def double_library(request: pytest.FixtureRequest, native_engine: Engine) -> Path:
    assert native_engine.library is not None, "else the tests are skipped"
    return compile_trainer(DOUBLE_PRECISION, *request.param)


@pytest.fixture(scope="session")
def library(native_engine: Engine) -> Path:
    assert native_engine.library is not None
    return native_engine.library


# ---- Batches in double precision


def draw_images(
    count: int, num_classes: int, seed: int, shape: Shape = INPUT_SHAPE
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Random images with random labels."""
    generator = np.random.default_rng(seed)
    channels, height, width = shape
    images = generator.integers(0, 256, (count, height, width, channels), np.uint8)
    return images, generator.integers(0, num_classes, count)


def model_in_mid_training(architecture: ArchitectureSpec, images: NDArray[np.uint8], seed: int) -> Network:
    """In double precision, with nothing left at the value that it starts from."""
    model = build_model(architecture, seed=seed).double()
    seed_dropout(model, seed, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    norms = [module for module in model if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        # Running statistics are near those of the images, but not equal to them.
        for norm in norms:
            norm.momentum = 1.0
        model.train()(torch.from_numpy(normalised(images)))
        for norm in norms:
            norm.momentum = 0.1
            mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
            mean += variance.sqrt() * torch.empty_like(mean).uniform_(-1, 1, generator=generator)
            variance *= torch.empty_like(variance).uniform_(0.5, 2, generator=generator)
    return model


def normalised(images: NDArray[np.uint8], mean: float = MEAN, std: float = STD) -> NDArray[np.float64]:
    pixels: NDArray[np.float64] = (np.moveaxis(images, 3, 1) - 255 * mean) / (255 * std)
    return pixels


def flat_params(model: nn.Module) -> NDArray[Any]:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).numpy()


def flat_statistics(model: nn.Module) -> NDArray[Any]:
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    return np.concatenate([np.zeros(0), *(buffer.numpy() for buffer in buffers)])


def tolerance(model: nn.Module) -> float:
    """1e-10, and more where some channel's mean is large beside its variance: rounding is of the size of the mean."""
    ratios = [
        float((norm.get_buffer("running_mean").abs() / (norm.get_buffer("running_var") + norm.eps)).max())
        for norm in model.modules()
        if isinstance(norm, nn.BatchNorm2d)
    ]
    return 1e-10 * max([1.0, *(ratio / 100 for ratio in ratios)])


class KeptValues(nn.Module):
    """Dropout with the mask that the native trainer drew."""

    def __init__(self, trainer: NativeTrainer, layer: int, rate: float) -> None:
        super().__init__()
        self.trainer, self.layer, self.rate = trainer, layer, rate

    def forward(self, x: Tensor) -> Tensor:
        masks = [self.trainer.keep_mask(self.layer, image, x[0].numel()) for image in range(len(x))]
        return x * torch.from_numpy(np.stack(masks)).view(x.shape) / (1 - self.rate)


def with_masks_of(trainer: NativeTrainer, model: Network) -> nn.Sequential:
    layers = [layer for layer in model.architecture.layers if isinstance(layer, Conv | Linear)]
    dropping = (number for number, layer in enumerate(layers) if isinstance(layer, Conv) and layer.dropout)
    return nn.Sequential(
        *(
            KeptValues(trainer, next(dropping), module.rate) if isinstance(module, Dropout) else module
            for module in model
        )
    )


def assert_equals_pytorch(
    library: Path,
    model: Network,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    mean: float = MEAN,
    std: float = STD,
    label_smoothing: float = 0.0,
    class_weights: NDArray[np.float64] | None = None,
) -> None:
    """One batch: loss, gradient and running statistics; then loss and accuracy with these statistics."""
    params, statistics = flat_params(model), flat_statistics(model)
    trainer = NativeTrainer(library, model.architecture, batch_size=len(images), dropout_seed=5, dtype=np.float64)
    totals, gradient = trainer.differentiate(
        images,
        labels,
        params=params,
        statistics=statistics,
        mean=mean,
        std=std,
        config=TrainingConfig(label_smoothing=label_smoothing),
        class_weights=class_weights,
    )

    inputs, targets = torch.from_numpy(normalised(images, mean, std)), torch.from_numpy(labels)
    logits = with_masks_of(trainer, model).train()(inputs)
    losses = F.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction="none")
    weights = torch.ones(logits.shape[1]) if class_weights is None else torch.from_numpy(class_weights)
    loss = (losses * weights[targets]).mean()
    loss.backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).numpy()
    assert np.abs(gradient - expected).max() <= tolerance(model) * np.abs(expected).max() + 1e-15
    assert totals.loss / len(images) == pytest.approx(loss.item(), rel=1e-9, abs=1e-12)
    assert totals.num_right == int((logits.argmax(1) == targets).sum())
    np.testing.assert_allclose(statistics, flat_statistics(model), rtol=1e-10, atol=1e-12)
    assert np.array_equal(params, flat_params(model)), "nothing was trained"

    evaluated, predicted = trainer.evaluate(images, labels, params=params, statistics=statistics, mean=mean, std=std)
    with torch.no_grad():
        logits = model.eval()(inputs)
    expected_loss = F.cross_entropy(logits, targets).item()
    assert evaluated.loss / len(images) == pytest.approx(expected_loss, rel=1e-9, abs=1e-12)
    assert predicted.tolist() == logits.argmax(1).tolist()
    assert evaluated.num_right == int((predicted == labels).sum())


_pools = st.sampled_from([1, 1, 2, 2, 3, 4])
_dropouts = st.just(0.0) | st.floats(0.01, 0.6)
_heads = st.sampled_from([GlobalAveragePool(), Flatten()])
_linears = st.lists(st.builds(Linear, st.integers(1, 11), bias=st.booleans(), relu=st.booleans()), max_size=2)


@st.composite
def trainable_networks(draw: st.DrawFn) -> ArchitectureSpec:
    """Networks that the native trainer knows."""
    layers: list[Layer] = []
    shape = input_shape = draw(input_shapes)
    for _ in range(draw(st.integers(1, 4))):
        kernel = draw(st.sampled_from(KERNELS))
        conv = Conv(
            width=draw(st.integers(1, 9)),
            kernel=kernel,
            padding=draw(st.integers(max(0, (kernel - min(shape[1:]) + 1) // 2), kernel - 1)),
            bias=draw(st.booleans()),
            ops=draw(st.sampled_from(CONV_OPS)),
            dropout=draw(_dropouts),
            separable=kernel > 1 and draw(st.booleans()),
            stride=draw(st.sampled_from([1, 1, 2])),
        )
        layers.append(conv)
        shape = conv.output_shape(shape)
        pool = draw(_pools)
        if 1 < pool <= min(shape[1:]):
            layers.append(draw(st.sampled_from([MaxPool, AveragePool]))(pool))
            shape = layers[-1].output_shape(shape)
    return ArchitectureSpec((*layers, draw(_heads), *draw(_linears)), input_shape)


@given(
    architecture=trainable_networks(),
    batch_size=st.integers(2, 40),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    is_weighted=st.booleans(),
    seed=st.integers(0, 1_000_000),
)
# The widest blocks, every kernel, and a batch of a single vector.
@example(ArchitectureSpec.from_text("8k5s+:rb 8k1:r p 8s:br 8k5v:b p 4k5p4:brd0.2 gap fc10+"), 8, 0.1, False, 0)
@example(
    ArchitectureSpec.from_text("8s:br sep8s:br ap sep9k5s+:rb sep8k5p3:brd0.2 ap3 sep7v:b gap fc10+"), 19, 0.0, True, 0
)
@example(ArchitectureSpec.from_text("3x20x33 8s:br p sep8s:br ap 9k5s+:rb flat fc3+"), 19, 0.0, True, 0)
@example(
    ArchitectureSpec.from_text("3x20x33 8s/2+:br sep8k5p4/2:rbd0.2 9k5v/2+:rb 5k1/2:r gap fc3+"), 19, 0.0, False, 0
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_a_batch_equals_pytorchs(
    double_library: Path,
    architecture: ArchitectureSpec,
    batch_size: int,
    label_smoothing: float,
    is_weighted: bool,
    seed: int,
) -> None:
    images, labels = draw_images(batch_size, architecture.num_classes, seed, architecture.input_shape)
    model = model_in_mid_training(architecture, images, seed)
    weights = np.random.default_rng(seed).uniform(0, 3, architecture.num_classes) if is_weighted else None
    assert_equals_pytorch(double_library, model, images, labels, label_smoothing=label_smoothing, class_weights=weights)


# Of two levels of grey, so that many windows of a pool hold several largest values; and of one level, where all do.
@pytest.mark.parametrize("levels", [[0, 128], [128]])
@pytest.mark.parametrize(
    "text",
    [
        "5v p flat fc4",
        "5v:r p3 flat fc10+",
        "3s+:r p 5v:r p gap fc10+",
        "3k1 p4 6k5s+:r p3 flat fc10",
        "5k1:br p flat fc10+",
        "5k1:brd0.3 p4 flat fc10+",
        "5v:rb p3 flat fc10+",
        "6s+:rbd0.5 p flat fc10+",
    ],
)
def test_ties_in_max_pools_go_to_pytorchs_pixel(double_library: Path, text: str, levels: list[int]) -> None:
    generator = np.random.default_rng(7)
    images = generator.choice(np.array(levels, np.uint8), (19, 28, 28, 1))
    labels = generator.integers(0, 4, 19)
    model = build_model(ArchitectureSpec.from_text(text)).double()
    # Quarters and inputs of 0 and 1 make sums exact in any order, so that equal ones are equal in both.
    quarters = generator.integers(-4, 5, len(flat_params(model))) / 4
    vector_to_parameters(torch.from_numpy(quarters), model.parameters())
    assert_equals_pytorch(double_library, model, images, labels, mean=0.0, std=128 / 255)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_steps_equal_pytorchs(
    double_library: Path, nesterov: bool, clip_norm: float | None, weight_decay: float, label_smoothing: float
) -> None:
    images, labels = draw_images(20, 10, seed=2)
    model = model_in_mid_training(ArchitectureSpec.from_text(NET), images, seed=1)
    config = TrainingConfig(
        batch_size=4,
        nesterov=nesterov,
        clip_norm=clip_norm,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
    )
    params, statistics = flat_params(model), flat_statistics(model)
    velocity = np.zeros_like(params)
    trainer = NativeTrainer(double_library, model.architecture, batch_size=4, dropout_seed=0, dtype=np.float64)
    inputs = torch.from_numpy(normalised(images))
    optimizer = torch.optim.SGD(
        model.train().parameters(), lr=1.0, momentum=0.8, nesterov=nesterov, weight_decay=weight_decay
    )
    generator = np.random.default_rng(3)
    # Two epochs: the momentum buffer is kept.
    for _ in range(2):
        # Of 13 images, not of all; the last joins the third batch.
        order = generator.permutation(20)[:13]
        rates, momenta = generator.uniform(0.01, 0.1, 3), generator.uniform(0.5, 0.95, 3)
        totals = trainer.train(
            images,
            labels,
            order,
            None,
            rates,
            momenta,
            params=params,
            velocity=velocity,
            statistics=statistics,
            mean=MEAN,
            std=STD,
            config=config,
        )
        loss_sum, num_right = 0.0, 0
        for batch, rate, momentum in zip((order[:4], order[4:8], order[8:]), rates, momenta, strict=True):
            targets = torch.from_numpy(labels[batch])
            logits = model(inputs[torch.from_numpy(batch)])
            loss = F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm or np.inf)
            assert norm > 0.5, "clipping clips"
            optimizer.param_groups[0].update(lr=rate, momentum=momentum)
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            num_right += int((logits.argmax(1) == targets).sum())
        assert totals.loss == pytest.approx(loss_sum, rel=1e-10)
        assert totals.num_right == num_right
        np.testing.assert_allclose(params, flat_params(model), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(statistics, flat_statistics(model), rtol=1e-9, atol=1e-10)


# Batches of 4, of which the last takes what is left over, and one batch of all.
@pytest.mark.parametrize(("num_images", "batches"), [(12, (4, 8)), (13, (4, 8)), (3, ())])
@pytest.mark.parametrize("text", ["4s:brd0.3 p 8s+:rb p 8v:br gap fc10+", "5k5v:b p3 3s:rbd0.1 6k1:br flat fc10"])
def test_measured_statistics_equal_pytorchs(
    double_library: Path, text: str, num_images: int, batches: tuple[int, ...]
) -> None:
    images, labels = draw_images(20, 10, seed=2)
    model = model_in_mid_training(ArchitectureSpec.from_text(text), images, seed=1)
    params, statistics = flat_params(model), flat_statistics(model)
    trainer = NativeTrainer(double_library, model.architecture, batch_size=4, dtype=np.float64)
    order = np.random.default_rng(3).permutation(20)[:num_images]
    values: dict[str, Any] = {"params": params, "statistics": statistics, "mean": MEAN, "std": STD}
    count = trainer.measure_statistics(images, labels, order, **values, config=TrainingConfig(batch_size=4))
    assert count == len(batches) + 1
    without_dropout = nn.Sequential(*(module for module in model if not isinstance(module, Dropout)))
    inputs = torch.from_numpy(normalised(images))
    update_bn([inputs[torch.from_numpy(batch)] for batch in np.split(order, batches)], without_dropout)
    np.testing.assert_allclose(statistics, flat_statistics(model), rtol=1e-10, atol=1e-12)
    assert np.array_equal(params, flat_params(model)), "nothing was trained"


# ---- The networks it knows

_POOLS = (MaxPool, AveragePool)


@given(architectures())
def test_it_knows_every_network_but_three_kinds(architecture: ArchitectureSpec) -> None:
    layers = architecture.layers
    lacking = (
        any(isinstance(layer, Conv) and layer.dropout2d for layer in layers),
        not isinstance(layers[0], Conv),
        any(isinstance(a, _POOLS) and isinstance(b, _POOLS) for a, b in itertools.pairwise(layers)),
    )
    assert (layer_specs(architecture) is None) == any(lacking)


@pytest.mark.parametrize(
    "text",
    [
        "8s:brD0.1 gap fc10+",
        "8s:br ap p gap fc10+",
        "8s:br p 8v:brD0.1 gap",
        "p 8s:br gap",
        "8s:br p p3 gap fc10+",
        "gap fc10+",
        "flat fc10",
    ],
)
def test_networks_that_it_lacks(text: str) -> None:
    assert layer_specs(ArchitectureSpec.from_text(text)) is None


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_library_that_cannot_be_loaded_raises_that_alone(tmp_path: Path) -> None:
    (tmp_path / "trainer.so").write_text("no library")
    with pytest.raises(CompilerError, match=r"trainer\.so"):
        NativeTrainer(tmp_path / "trainer.so", ArchitectureSpec.from_text(NET), batch_size=2, dropout_seed=0)


# ---- Augmentation in single precision


@pytest.mark.parametrize("shape", [INPUT_SHAPE, (3, 20, 33), (2, 17, 5)])
def test_pixels_are_changed_as_pytorch_changes_them(library: Path, shape: Shape) -> None:
    count, (channels, height, width) = 60, shape
    images, labels = draw_images(count, channels * height * width, 3, shape)
    config = TrainingConfig(rotation=180, translation=0.6, scale=0.7, flip=0.5, shift=0.2, contrast=0.5, brightness=0.3)
    augmentation = draw_augmentation(config, count, shape[1:], np.random.default_rng(4))
    assert augmentation.transforms is not None
    # Neither moved nor turned; moved by whole pixels; out of sight; mirrored.
    augmentation.transforms[:4] = [
        *([[1, 0, 0], [0, 1, 0]], [[1, 0, 2 / width * 2], [0, 1, -6 / height]]),
        *([[1, 0, 3], [0, 1, 3]], [[-1, 0, 0], [0, 1, 0]]),
    ]
    changed = augment(torch.from_numpy(images), augmentation, MEAN, STD)
    # The logits of this network are the pixels, and the loss tells the pixel that is the label.
    layer = Conv(channels, kernel=1, padding=0, ops="")
    trainer = NativeTrainer(library, ArchitectureSpec((layer, Flatten()), shape), batch_size=2, dropout_seed=0)
    order = np.random.default_rng(5).permutation(count)
    for position, image in enumerate(order):
        own = augmentation.of(slice(image, image + 1))
        totals = trainer.train(
            images,
            labels,
            order[position : position + 1],
            own.transforms,
            np.zeros(1),
            np.zeros(1),
            params=np.eye(channels, dtype=np.float32).ravel(),
            velocity=np.zeros(channels**2, np.float32),
            statistics=np.zeros(0, np.float32),
            mean=MEAN,
            std=STD,
            config=TrainingConfig(),
            tones=own.tones,
        )
        expected = F.cross_entropy(changed[image].flatten(), torch.tensor(labels[image]))
        assert totals.loss == pytest.approx(float(expected), abs=2e-4)


# ---- Dropout


def draw_masks(
    library: Path, text: str, *, count: int = 64, seed: int = 0, batches: int = 1
) -> list[NDArray[np.bool_]]:
    """What the first layer's dropout kept in each of ``batches``, by image and value."""
    architecture = ArchitectureSpec.from_text(text)
    model = build_model(architecture)
    trainer = NativeTrainer(library, architecture, batch_size=count, dropout_seed=seed)
    images, labels = draw_images(count, architecture.num_classes, 0)
    shape = architecture.layers[0].output_shape(INPUT_SHAPE)
    masks = []
    for _ in range(batches):
        trainer.differentiate(
            images,
            labels,
            params=flat_params(model),
            statistics=np.zeros(0, np.float32),
            mean=MEAN,
            std=STD,
            config=TrainingConfig(),
        )
        values = [trainer.keep_mask(0, image, int(np.prod(shape))) for image in range(count)]
        masks.append(np.stack(values).reshape(count, *shape).astype(bool))
    return masks


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.9])
def test_dropout_zeroes_its_share(library: Path, rate: float) -> None:
    zeroed = ~draw_masks(library, f"16s:rd{rate} gap fc10")[0]
    # Four standard deviations of the share.
    assert zeroed.mean() == pytest.approx(rate, abs=4 * (rate * (1 - rate) / zeroed.size) ** 0.5)
    # No image, channel or pixel is favoured: six deviations of a group's share.
    for kept_axis in range(4):
        shares = zeroed.mean(axis=tuple(axis for axis in range(4) if axis != kept_axis))
        size = zeroed.size / zeroed.shape[kept_axis]
        assert np.abs(shares - rate).max() < 6 * (rate * (1 - rate) / size) ** 0.5


def test_dropouts_values_are_independent(library: Path) -> None:
    first, second = draw_masks(library, "16s:rd0.5 gap fc10", batches=2)
    pairs = [(first, second)]
    # Neighbouring images, channels, rows and columns.
    for axis, distance in itertools.product(range(4), (1, 2, 8)):
        end = first.shape[axis]
        pairs.append((first.take(range(end - distance), axis), first.take(range(distance, end), axis)))
    for a, b in pairs:
        assert (a == b).mean() == pytest.approx(0.5, abs=5 * 0.5 / a.size**0.5)


def test_dropouts_seed_decides_its_masks(library: Path) -> None:
    text = "3s:rd0.5 gap fc10"
    first, second = draw_masks(library, text, count=5, seed=1, batches=2)
    assert not np.array_equal(first, second), "each step has a mask of its own"
    assert np.array_equal(draw_masks(library, text, count=5, seed=1)[0], first)
    other = draw_masks(library, text, count=5, seed=2)[0]
    assert (other == first).mean() == pytest.approx(0.5, abs=0.05)


def test_each_layer_draws_masks_of_its_own(library: Path) -> None:
    architecture = ArchitectureSpec.from_text("4s:rd0.5 4s:rd0.5 gap fc10")
    trainer = NativeTrainer(library, architecture, batch_size=9, dropout_seed=0)
    trainer.differentiate(
        *draw_images(9, 10, 0),
        params=flat_params(build_model(architecture)),
        statistics=np.zeros(0, np.float32),
        mean=MEAN,
        std=STD,
        config=TrainingConfig(),
    )
    first, second = (np.stack([trainer.keep_mask(layer, image, 4 * 28 * 28) for image in range(9)]) for layer in (0, 1))
    assert (first == second).mean() == pytest.approx(0.5, abs=0.02)


# ---- Numbers that are not finite


@pytest.mark.parametrize("text", ["4s:r p 5v+:r gap fc10+", "4s:br p 5v:rb p3 gap fc10", "3s+:rb p4 flat fc5+:r fc10+"])
def test_a_weight_that_is_no_number_reaches_the_loss(library: Path, text: str) -> None:
    model = build_model(ArchitectureSpec.from_text(text))
    images, labels = draw_images(3, 10, seed=0)
    trainer = NativeTrainer(library, model.architecture, batch_size=3, dropout_seed=0)
    for index in range(0, len(flat_params(model)), 7):
        params = flat_params(model)
        params[index] = np.nan
        batch: dict[str, Any] = {"params": params, "mean": MEAN, "std": STD}
        batch["statistics"] = flat_statistics(model).astype(np.float32)
        evaluated, _ = trainer.evaluate(images, labels, **batch)
        differentiated, _ = trainer.differentiate(images, labels, **batch, config=TrainingConfig())
        assert np.isnan([evaluated.loss, differentiated.loss]).all(), f"parameter {index}"
