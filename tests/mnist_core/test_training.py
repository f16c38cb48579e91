import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from mnist_core.augmentation import normalise
from mnist_core.data import Dataset, Split, load_dataset
from mnist_core.engine import TORCH, Engine
from mnist_core.evaluation import Evaluation, evaluate
from mnist_core.model import Dropout, Network, build_model, seed_dropout
from mnist_core.plan import plan_statistics
from mnist_core.schedule import one_cycle
from mnist_core.torch_session import TorchSession
from mnist_core.training import DivergedError, TrainingState, is_over, train
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
from space.results import EpochResult
from tests import stores

NET = "4s:br p 8s:br p 8v:br gap fc10+"
DROPOUT = "4s:brd0.1 p 8s:brd0.1 p 8v:br gap fc10+"
CHANNEL_DROPOUT = "4s:brd0.1 p 8s:brD0.1 p 8v:br gap fc10+"
"""The native trainer leaves it to PyTorch."""
NO_BATCH_NORM = "4s:r p 8v:r gap fc10+"
PLAIN = {"rotation": 0.0, "translation": 0.0, "scale": 0.0}
# One step, at the full learning rate and with nothing but the gradient in it.
ONE_STEP = TrainingConfig(epochs=1, batch_size=1_000, pct_start=1.0, weight_decay=0.0, **PLAIN)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(scope="module")
def few_digits() -> Dataset:
    return load_dataset("digits", None, train_size=250)


def built(text: str, *, seed: int = 0) -> Network:
    return build_model(ArchitectureSpec.from_text(text), seed=seed)


def trained(
    data: Dataset, config: TrainingConfig, engine: Engine, *, text: str = NET, seed: int = 0
) -> tuple[Network, list[EpochResult]]:
    model = built(text, seed=seed)
    return model, list(train(model, data, config, seed=seed, engine=engine))


def flat(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def state_bytes(model: nn.Module) -> bytes:
    return b"".join(tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values())


def training_tensors(data: Dataset) -> tuple[Tensor, Tensor]:
    inputs = normalise(torch.tensor(data.train.images), data.mean, data.std)
    return inputs, torch.tensor(data.train.labels)


def without_times(results: list[EpochResult]) -> list[EpochResult]:
    return [replace(result, seconds=0.0) for result in results]


@pytest.mark.parametrize("engine", ["torch", "native", "torch-bfloat16"], indirect=True)
@pytest.mark.parametrize("text", [DROPOUT, CHANNEL_DROPOUT])
def test_a_seed_gives_the_same_weights_bit_for_bit(few_digits: Dataset, engine: Engine, text: str) -> None:
    config = TrainingConfig(epochs=2, batch_size=32)
    model, results = trained(few_digits, config, engine, text=text, seed=5)
    torch.manual_seed(99)
    np.random.seed(99)
    again, results_again = trained(few_digits, config, engine, text=text, seed=5)
    assert state_bytes(again) == state_bytes(model)
    assert without_times(results_again) == without_times(results)

    other, other_results = trained(few_digits, config, engine, text=text, seed=6)
    assert state_bytes(other) != state_bytes(model)
    assert other_results[0].train_loss != results[0].train_loss


def test_the_seed_of_training_counts_with_equal_initial_weights(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=1, batch_size=32, **PLAIN)
    models = [built(NET), built(NET)]
    for seed, model in enumerate(models):
        list(train(model, few_digits, config, seed=seed, engine=engine))
    assert state_bytes(models[0]) != state_bytes(models[1])


def test_a_model_left_in_evaluation_mode_is_trained_all_the_same(few_digits: Dataset, engine: Engine) -> None:
    models = [built(NET), built(NET).eval()]
    for model in models:
        list(train(model, few_digits, TrainingConfig(epochs=1, batch_size=64), seed=0, engine=engine))
    assert state_bytes(models[0]) == state_bytes(models[1])


def test_learns_digits(digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=8, batch_size=32)
    _, results = trained(digits, config, engine, text="8s:br p 12s:br p 16v:br gap fc10+")
    assert results[-1].val_accuracy >= 0.95
    assert results[-1].train_accuracy >= 0.93


@pytest.mark.parametrize("engine", ["torch-bfloat16"], indirect=True)
def test_bfloat16_learns_as_fp32_does_and_keeps_its_weights_in_it(digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=2, batch_size=32)
    model, state = built(DROPOUT), TrainingState()
    results = list(train(model, digits, config, seed=0, engine=engine, state=state))
    _, in_fp32 = trained(digits, config, TORCH, text=DROPOUT)
    assert results[-1].train_loss < 0.8 * results[0].train_loss
    for result, expected in zip(results, in_fp32, strict=True):
        assert result.train_loss == pytest.approx(expected.train_loss, rel=0.05)
        assert result.train_loss != pytest.approx(expected.train_loss, rel=1e-5)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32, torch.int64}
    assert state.optimizer["momentum"].dtype == np.float32


@pytest.mark.parametrize(
    ("engine", "text", "train_losses", "val_losses"),
    [
        ("torch", "4s:brd0.05 p 8s:brD0.05 p 8v:br gap fc10+", [2.3019, 2.2292, 2.1982], [2.2777, 2.1937, 2.1769]),
        ("native", "4s:brd0.05 p 8s:brd0.05 p 8v:br gap fc10+", [2.2936, 2.2146, 2.1776], [2.2789, 2.1836, 2.1614]),
    ],
    indirect=["engine"],
)
def test_the_learning_curve_is_the_golden_one(
    digits: Dataset, engine: Engine, text: str, train_losses: list[float], val_losses: list[float]
) -> None:
    # Computed on one thread with torch 2.15 and g++ 12. Initial weights off by 1e-7 of themselves, as another
    # processor's rounding might have them, moved the training loss by up to 5e-5 of itself and the validation loss by
    # up to 2e-4. At twice the learning rate they move ten times as much. The native trainer's masks of dropout depend
    # on the width of the CPU's vectors: training losses with AVX-512, AVX2 and neither lie within 1.2e-3 of each other.
    config = TrainingConfig(epochs=3, batch_size=64, max_lr=0.015, label_smoothing=0.05, clip_norm=2.0, translation=0.1)
    _, results = trained(digits, config, engine, text=text, seed=1)
    assert [result.train_loss for result in results] == pytest.approx(train_losses, rel=1e-3)
    assert [result.val_loss for result in results] == pytest.approx(val_losses, rel=2e-3)


def test_results_tell_epoch_rate_and_time(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=3, batch_size=100, max_lr=0.2, anneal="linear", div_factor=10.0)
    model, results = trained(few_digits, config, engine)
    assert [result.epoch for result in results] == [1, 2, 3]
    assert all(result.seconds > 0 for result in results)
    for result in results:
        assert result.learning_rate == one_cycle(
            3 * result.epoch - 1,
            9,
            max_lr=0.2,
            pct_start=0.2,
            div_factor=10.0,
            final_div_factor=1e4,
            anneal="linear",
        )
    validation = few_digits.validation
    last = evaluate(
        model,
        torch.tensor(validation.images),
        torch.tensor(validation.labels),
        mean=few_digits.mean,
        std=few_digits.std,
    )
    assert results[-1].val_loss == pytest.approx(last.loss, rel=1e-5)
    assert results[-1].val_accuracy == pytest.approx(last.accuracy, abs=1 / 300)


@pytest.mark.parametrize(("num_images", "batch_size"), [(250, 2), (250, 83), (250, 100), (250, 1_000), (1_197, 100)])
def test_training_figures_are_means_over_images_each_taken_once(
    engine: Engine, num_images: int, batch_size: int
) -> None:
    # Without BatchNorm and all but without learning, an image's loss does not depend on its batch. Batches of 100, 100
    # and 50 tell the mean over images from one over batches; batches of 83 leave one image over.
    data = load_dataset("digits", None, train_size=num_images)
    model = built(NO_BATCH_NORM)
    inputs, labels = training_tensors(data)
    with torch.no_grad():
        logits = model(inputs)
    config = TrainingConfig(epochs=1, batch_size=batch_size, max_lr=1e-9, **PLAIN)
    (result,) = train(model, data, config, seed=0, engine=engine)
    assert result.train_loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-6)
    assert result.train_accuracy == float((logits.argmax(1) == labels).double().mean())


def test_label_smoothing_is_in_the_training_loss_alone(few_digits: Dataset, engine: Engine) -> None:
    model = built(NO_BATCH_NORM)
    inputs, labels = training_tensors(few_digits)
    with torch.no_grad():
        # An untrained net is near indifferent, and smoothing then changes next to nothing.
        model[-1].get_parameter("weight").mul_(30)
        smoothed = float(F.cross_entropy(model(inputs), labels, label_smoothing=0.1))
        plain = float(F.cross_entropy(model(inputs), labels))
    assert smoothed != pytest.approx(plain, rel=1e-4)
    config = TrainingConfig(epochs=1, batch_size=100, max_lr=1e-9, label_smoothing=0.1, **PLAIN)
    (result,) = train(model, few_digits, config, seed=0, engine=engine)
    assert result.train_loss == pytest.approx(smoothed, rel=1e-6)

    validation = few_digits.validation
    inputs = normalise(torch.tensor(validation.images), few_digits.mean, few_digits.std)
    with torch.no_grad():
        expected = float(F.cross_entropy(model(inputs), torch.tensor(validation.labels)))
    assert result.val_loss == pytest.approx(expected, rel=1e-5)


def gradient(data: Dataset, *, label_smoothing: float = 0.0) -> Tensor:
    """That of the first step of ``ONE_STEP``, by hand."""
    model = built(NO_BATCH_NORM)
    inputs, labels = training_tensors(data)
    F.cross_entropy(model.train()(inputs), labels, label_smoothing=label_smoothing).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def first_update(data: Dataset, config: TrainingConfig, engine: Engine, *, text: str = NO_BATCH_NORM) -> Tensor:
    model, _ = trained(data, config, engine, text=text)
    return flat(model) - flat(built(text))


def assert_near(given: Tensor, expected: Tensor) -> None:
    """Equal but for the rounding of sums over images in another order."""
    assert (given - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_the_first_update_is_sgds(few_digits: Dataset, engine: Engine, nesterov: bool, label_smoothing: float) -> None:
    config = replace(ONE_STEP, nesterov=nesterov, label_smoothing=label_smoothing)
    # Nesterov looks one step of momentum ahead, and the momentum of the first step is its gradient.
    expected = -0.1 * (1.9 if nesterov else 1.0) * gradient(few_digits, label_smoothing=label_smoothing)
    assert_near(first_update(few_digits, config, engine), expected)


def test_clip_norm_bounds_the_whole_gradient(few_digits: Dataset, engine: Engine) -> None:
    norm = float(gradient(few_digits).norm())
    free = first_update(few_digits, ONE_STEP, engine)
    clipped = first_update(few_digits, replace(ONE_STEP, clip_norm=norm / 4), engine)
    assert_near(clipped, free / 4)
    assert torch.equal(first_update(few_digits, replace(ONE_STEP, clip_norm=norm * 4), engine), free)


def test_weight_decay_shrinks_every_parameter(few_digits: Dataset, engine: Engine) -> None:
    weights = flat(built(NET))
    decayed = first_update(few_digits, replace(ONE_STEP, weight_decay=0.5), engine, text=NET)
    shrunk = decayed - first_update(few_digits, ONE_STEP, engine, text=NET)
    torch.testing.assert_close(shrunk, -0.1 * 1.9 * 0.5 * weights, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("peak_momentum", [None, 0.5])
def test_whole_batches_are_torchs_steps(
    few_digits: Dataset, engine: Engine, optimizer: str, peak_momentum: float | None
) -> None:
    config = TrainingConfig(
        epochs=4,
        batch_size=1_000,
        optimizer=optimizer,
        max_lr=0.02,
        pct_start=0.5,
        momentum=0.95,
        peak_momentum=peak_momentum,
        nesterov=False,
        weight_decay=0.01,
        **PLAIN,
    )
    model = built(NO_BATCH_NORM)
    inputs, labels = training_tensors(few_digits)
    torchs: torch.optim.Optimizer
    if optimizer == "adam":
        torchs = torch.optim.Adam(model.parameters(), betas=(0.95, 0.999), weight_decay=0.01)
    else:
        torchs = torch.optim.SGD(model.parameters(), momentum=0.95, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        torchs, 0.02, total_steps=4, pct_start=0.5, base_momentum=peak_momentum or 0.95, max_momentum=0.95
    )
    for step in range(4):
        torchs.zero_grad()
        F.cross_entropy(model(inputs), labels).backward()
        torchs.step()
        if step < 3:
            schedule.step()
    assert_near(first_update(few_digits, config, engine), flat(model) - flat(built(NO_BATCH_NORM)))


def test_augmentation_reaches_the_network(few_digits: Dataset, engine: Engine) -> None:
    for ranges in ({"rotation": 20.0}, {"translation": 0.2}, {"scale": 0.2}):
        config = replace(ONE_STEP, **ranges)
        assert not torch.equal(first_update(few_digits, config, engine), first_update(few_digits, ONE_STEP, engine))


def test_both_engines_see_the_same_augmented_images(digits: Dataset, native_engine: Engine) -> None:
    # As above, the loss is that of the images alone, and each engine could move them wrongly in its own way.
    config = TrainingConfig(epochs=1, batch_size=100, max_lr=1e-9, rotation=30.0, translation=0.2, scale=0.2)
    losses = [trained(digits, config, engine, text=NO_BATCH_NORM)[1][0].train_loss for engine in (TORCH, native_engine)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("named", "mean", "std"),
    [
        ({"pixel_mean": 0.5, "pixel_std": 0.2}, 0.5, 0.2),
        ({"pixel_mean": 0.0}, 0.0, None),
        ({"pixel_std": 2.0}, None, 2.0),
    ],
)
def test_pixels_are_normalised_as_was_named(
    few_digits: Dataset, engine: Engine, named: dict[str, float], mean: float | None, std: float | None
) -> None:
    config = TrainingConfig(epochs=1, batch_size=64)
    model, results = trained(few_digits, replace(config, **named), engine)
    data = replace(
        few_digits,
        mean=few_digits.mean if mean is None else mean,
        std=few_digits.std if std is None else std,
    )
    expected, expected_results = trained(data, config, engine)
    assert state_bytes(model) == state_bytes(expected)
    assert without_times(results) == without_times(expected_results)
    assert state_bytes(model) != state_bytes(trained(few_digits, config, engine)[0])


def test_the_order_of_images_changes_from_epoch_to_epoch(few_digits: Dataset, engine: Engine) -> None:
    # A learning rate too small to change anything leaves the batches as the only difference between epochs.
    config = TrainingConfig(epochs=2, batch_size=32, max_lr=1e-9, **PLAIN)
    _, results = trained(few_digits, config, engine)
    assert results[0].train_loss != pytest.approx(results[1].train_loss, rel=1e-5)


@pytest.mark.parametrize("text", [DROPOUT, CHANNEL_DROPOUT])
def test_dropout_changes_from_epoch_to_epoch(few_digits: Dataset, engine: Engine, text: str) -> None:
    # One image again and again, so that its order says nothing, and the learning rate changes nothing.
    image = Split(np.repeat(few_digits.train.images[:1], 32, axis=0), np.zeros(32, np.int64))
    config = TrainingConfig(epochs=2, batch_size=32, max_lr=1e-9, **PLAIN)
    _, results = trained(replace(few_digits, train=image), config, engine, text=text)
    assert results[0].train_loss != pytest.approx(results[1].train_loss, rel=1e-5)


@pytest.mark.parametrize("train_size", [2, 64, 65, 66, 129])
def test_no_number_of_images_breaks_batch_norm_on_1x1_maps(engine: Engine, train_size: int) -> None:
    data = load_dataset("digits", None, train_size=train_size)
    text = "4s:br p 4s:br p 4v:br 4v:br 4v:br gap fc10+"
    assert ArchitectureSpec.from_text(text.replace("gap fc10+", "flat")).output_shape == (4, 1, 1)
    _, results = trained(data, TrainingConfig(epochs=1, batch_size=64), engine, text=text)
    assert np.isfinite(results[0].train_loss)


def test_a_diverging_run_stops_at_the_end_of_its_epoch(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=3, batch_size=32, max_lr=1e30)
    with pytest.raises(DivergedError, match=r"^the training loss was nan in epoch 1$"):
        next(train(built(NET), few_digits, config, seed=0, engine=engine))


def test_an_epochs_last_update_can_diverge_too(few_digits: Dataset, engine: Engine) -> None:
    with pytest.raises(DivergedError, match=r"^the validation loss was nan in epoch 1$"):
        next(train(built(NET), few_digits, replace(ONE_STEP, max_lr=1e30), seed=0, engine=engine))


def test_epochs_are_trained_only_when_asked_for(few_digits: Dataset, engine: Engine) -> None:
    model = built(NET)
    before = state_bytes(model)
    results = train(model, few_digits, TrainingConfig(epochs=3, batch_size=64), seed=0, engine=engine)
    assert state_bytes(model) == before
    next(results)
    after_one = copy.deepcopy(model)
    assert state_bytes(after_one) != before
    assert isinstance(results, Iterator)
    results.close()  # type: ignore[attr-defined]
    assert list(results) == []
    assert state_bytes(model) == state_bytes(after_one)


# Early stopping


@pytest.mark.parametrize(
    ("settings", "accuracies", "over"),
    [
        ({}, [], False),
        ({}, [0.5] * 8, False),
        ({}, [0.5] * 9, True),
        ({"stop_accuracy": 0.9}, [], False),
        ({"stop_accuracy": 0.9}, [0.89], False),
        ({"stop_accuracy": 0.9}, [0.9], True),
        ({"stop_accuracy": 0.9}, [0.5, 0.95], True),
        ({"stop_accuracy": 0.9}, [0.5, 0.95, 0.5], True),
        ({"patience": 1}, [], False),
        ({"patience": 1}, [0.5], False),
        ({"patience": 1}, [0.5, 0.6, 0.7], False),
        ({"patience": 1}, [0.5, 0.5], True),  # as high is not higher
        ({"patience": 2}, [0.5, 0.4], False),
        ({"patience": 2}, [0.5, 0.3, 0.4], True),  # higher than the epoch before it, not than the highest
        ({"patience": 2}, [0.5, 0.4, 0.6, 0.6], False),
        ({"patience": 2}, [0.5, 0.4, 0.6, 0.6, 0.5], True),
        ({"patience": 2, "stop_accuracy": 0.9}, [0.5, 0.4, 0.9], True),
        ({"patience": 2, "stop_accuracy": 0.9}, [0.5, 0.4, 0.3], True),
    ],
)
def test_a_training_is_over(settings: dict[str, Any], accuracies: list[float], over: bool) -> None:
    assert is_over(TrainingConfig(epochs=9, **settings), stores.results(*accuracies)) == over


def test_training_ends_at_the_epoch_that_is_accurate_enough(digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=4, batch_size=64)
    _, whole = trained(digits, config, engine)
    assert whole[0].val_accuracy < whole[1].val_accuracy
    _, stopped = trained(digits, replace(config, stop_accuracy=whole[1].val_accuracy), engine)
    assert without_times(stopped) == without_times(whole[:2])


def test_training_ends_when_its_patience_does(few_digits: Dataset, engine: Engine) -> None:
    # Nothing is learned, so the first epoch stays the best.
    config = TrainingConfig(epochs=9, batch_size=64, max_lr=1e-9, patience=2)
    _, results = trained(few_digits, config, engine, text=NO_BATCH_NORM)
    assert [result.epoch for result in results] == [1, 2, 3]


# BatchNorm's statistics, measured at the end


def test_the_last_epoch_is_judged_with_statistics_of_unaugmented_images(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=3, batch_size=32)
    usual, usual_results = trained(few_digits, config, engine, text=DROPOUT)
    model, results = trained(few_digits, replace(config, precise_batch_norm=True), engine, text=DROPOUT)
    assert without_times(results[:2]) == without_times(usual_results[:2])
    assert torch.equal(flat(model), flat(usual))
    measured = copy.deepcopy(usual)
    order = plan_statistics(config, 250, 0)
    assert len(order) == 224
    inputs, _ = training_tensors(few_digits)
    for module in measured:
        if isinstance(module, Dropout):
            module.rate = 0.0
    seed_dropout(measured, 0, torch.device("cpu"))
    update_bn(inputs[torch.from_numpy(order)].split(32), measured)
    for tensor, expected in zip(model.buffers(), measured.buffers(), strict=True):
        torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-5)
    images, labels = (torch.tensor(array) for array in (few_digits.validation.images, few_digits.validation.labels))
    judged = evaluate(model, images, labels, mean=few_digits.mean, std=few_digits.std)
    assert results[2].val_loss == pytest.approx(judged.loss, rel=1e-5)
    assert results[2].val_accuracy == pytest.approx(judged.accuracy, abs=1.5 / len(labels))
    assert results[2].val_loss != pytest.approx(usual_results[2].val_loss, rel=1e-3)
    assert results[2].train_loss == usual_results[2].train_loss


def test_statistics_are_measured_where_training_stops_early_too(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=4, batch_size=64, stop_accuracy=0.01)
    usual, _ = trained(few_digits, config, engine)
    model, results = trained(few_digits, replace(config, precise_batch_norm=True), engine)
    assert len(results) == 1
    assert torch.equal(flat(model), flat(usual))
    assert state_bytes(model) != state_bytes(usual)


def test_training_goes_on_if_its_new_accuracy_is_no_reason_to_stop(
    few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainingConfig(epochs=9, batch_size=64, stop_accuracy=0.5, precise_batch_norm=True)
    told = [0.5, 0.4, 0.3, 0.6, 0.55]
    accuracies = iter(told)
    monkeypatch.setattr(TorchSession, "evaluate", lambda _: Evaluation(loss=1.0, accuracy=next(accuracies)))
    model, state = built(NET), TrainingState()
    kept = [stored(model, state) for _ in train(model, few_digits, config, seed=3, engine=TORCH, state=state)]
    assert [result.val_accuracy for result in state.results] == [0.4, 0.3, 0.55]
    accuracies = iter(told[2:])
    again, its_state = resumed(kept[0], few_digits, config, TORCH, NET)
    assert state_bytes(again) == state_bytes(model)
    assert without_times(its_state.results) == without_times(state.results)


# Going on after an epoch


RESUMABLE = {
    "SGD, OneCycle": TrainingConfig(epochs=4, batch_size=32, momentum=0.95, peak_momentum=0.85),
    # It learns so slowly that its loss rises now and then.
    "SGD, plateau": TrainingConfig(
        epochs=4,
        batch_size=32,
        schedule="plateau",
        plateau_on="train_loss",
        max_lr=1e-5,
        lr_patience=0,
        translation=0.1,
    ),
    "unaugmented images": TrainingConfig(
        epochs=3, batch_size=32, plain_share=0.3, plain_epochs=1, precise_batch_norm=True
    ),
    "SGD without momentum": TrainingConfig(epochs=3, batch_size=32, schedule="constant", momentum=0.0, nesterov=False),
    "Adam, step": TrainingConfig(
        epochs=4, batch_size=32, optimizer="adam", schedule="step", max_lr=0.01, lr_step=2, lr_factor=0.5
    ),
}


def stored(model: Network, state: TrainingState) -> tuple[dict[str, Tensor], TrainingState]:
    """What a file would keep."""
    return copy.deepcopy((model.state_dict(), state))


def resumed(
    kept: tuple[dict[str, Tensor], TrainingState], data: Dataset, config: TrainingConfig, engine: Engine, text: str
) -> tuple[Network, TrainingState]:
    """Trained to its end with nothing but what was kept and the seed."""
    weights, state = copy.deepcopy(kept)
    model = built(text, seed=99)
    model.load_state_dict(weights)
    list(train(model, data, config, seed=3, engine=engine, state=state))
    return model, state


@pytest.mark.parametrize("engine", ["torch", "native", "torch-bfloat16"], indirect=True)
@pytest.mark.parametrize("config", RESUMABLE.values(), ids=RESUMABLE.keys())
def test_a_resumed_training_ends_bit_for_bit_as_if_uninterrupted(
    few_digits: Dataset, engine: Engine, config: TrainingConfig
) -> None:
    model, state = built(DROPOUT), TrainingState()
    results = train(model, few_digits, config, seed=3, engine=engine, state=state)
    kept = [stored(model, state) for _ in results]
    assert [len(of_epoch.results) for _, of_epoch in kept] == list(range(1, config.epochs + 1))
    if config.schedule == "plateau":
        assert state.results[-1].learning_rate < config.max_lr, "the losses so far matter"
    for of_epoch in kept[:-1]:
        again, its_state = resumed(of_epoch, few_digits, config, engine, DROPOUT)
        assert state_bytes(again) == state_bytes(model)
        assert without_times(its_state.results) == without_times(state.results)
        assert its_state.results[: len(of_epoch[1].results)] == of_epoch[1].results
        assert its_state.optimizer.keys() == state.optimizer.keys()
        assert all(np.array_equal(its_state.optimizer[name], state.optimizer[name]) for name in state.optimizer)


def test_a_state_is_not_changed_by_the_epoch_after_it(few_digits: Dataset, engine: Engine) -> None:
    state = TrainingState()
    epochs = train(built(NET), few_digits, TrainingConfig(epochs=2), seed=0, engine=engine, state=state)
    next(epochs)
    first = state.optimizer["momentum"]
    before = first.copy()
    next(epochs)
    assert np.array_equal(first, before)
    assert not np.array_equal(state.optimizer["momentum"], before)


def test_a_training_that_is_over_goes_on_with_nothing(few_digits: Dataset, engine: Engine) -> None:
    config = TrainingConfig(epochs=4, batch_size=64, stop_accuracy=0.01)
    model, state = built(NET), TrainingState()
    assert len(list(train(model, few_digits, config, seed=0, engine=engine, state=state))) == 1
    again, its_state = resumed(stored(model, state), few_digits, config, engine, NET)
    assert state_bytes(again) == state_bytes(model)
    assert its_state.results == state.results


@pytest.mark.parametrize("native_first", [True, False])
def test_a_training_moves_between_engines(few_digits: Dataset, native_engine: Engine, native_first: bool) -> None:
    engines = (native_engine, TORCH) if native_first else (TORCH, native_engine)
    # Few and small steps, so that rounding does not grow.
    config = TrainingConfig(epochs=4, batch_size=64, max_lr=0.02)
    model, state = built(NET), TrainingState()
    first_half = train(model, few_digits, config, seed=3, engine=engines[0], state=state)
    next(first_half)
    next(first_half)
    moved, its_state = resumed(stored(model, state), few_digits, config, engines[1], NET)
    list(first_half)
    assert (flat(moved) - flat(model)).norm() < 3e-3 * (flat(model) - flat(built(NET))).norm()
    for result, expected in zip(its_state.results, state.results, strict=True):
        assert result.val_loss == pytest.approx(expected.val_loss, rel=1e-3)
