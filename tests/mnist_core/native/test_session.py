"""Whole trainings by the native trainer, in single precision, against PyTorch; and a session on its own."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mnist_core.data import Dataset, Split, load_dataset
from mnist_core.engine import TORCH, Engine
from mnist_core.evaluation import evaluate
from mnist_core.model import Network, build_model
from mnist_core.native.session import NativeSession
from mnist_core.native.trainer import PARTS
from mnist_core.plan import EpochPlan, num_steps, plan_epoch
from mnist_core.torch_session import TorchSession
from mnist_core.training import DivergedError, train
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
from space.results import EpochResult

NET = "4s:br p 8s:br p 8v:br gap fc10+"
PLAIN = {"rotation": 0.0, "translation": 0.0, "scale": 0.0}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def few_digits() -> Dataset:
    """With batches of 32: the last of 97 images joins the third batch."""
    return load_dataset("digits", None, train_size=97)


def trained(
    engine: Engine, data: Dataset, config: TrainingConfig, *, text: str = NET, seed: int = 0
) -> tuple[Network, list[EpochResult]]:
    """The model, and the results without their times."""
    model = build_model(ArchitectureSpec.from_text(text), seed=seed)
    results = train(model, data, config, seed=seed, engine=engine)
    return model, [replace(result, seconds=0.0) for result in results]


def state_bytes(model: nn.Module) -> bytes:
    return b"".join(tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values())


def flat_params(model: nn.Module) -> NDArray[Any]:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).numpy()


def assert_results_near(result: EpochResult, expected: EpochResult, data: Dataset) -> None:
    assert (result.epoch, result.learning_rate) == (expected.epoch, expected.learning_rate)
    assert result.train_loss == pytest.approx(expected.train_loss, rel=1e-5)
    assert result.val_loss == pytest.approx(expected.val_loss, rel=1e-4)
    # Rounding may turn one image around.
    assert result.train_accuracy == pytest.approx(expected.train_accuracy, abs=1.5 / len(data.train))
    assert result.val_accuracy == pytest.approx(expected.val_accuracy, abs=1.5 / len(data.validation))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"nesterov": False, "clip_norm": 0.5},
        {"label_smoothing": 0.1, "weight_decay": 0.1},
        {"momentum": 0.95, "peak_momentum": 0.5},
        {"schedule": "step", "lr_step": 1},
    ],
    ids=["Nesterov", "clipped", "smoothed", "cycled", "stepped"],
)
def test_epochs_are_pytorchs(native_engine: Engine, few_digits: Dataset, settings: dict[str, Any]) -> None:
    # Few and small steps, so that rounding does not grow.
    config = TrainingConfig(epochs=2, batch_size=32, max_lr=0.02, **PLAIN, **settings)
    architecture = ArchitectureSpec.from_text(NET)
    start, ours, theirs = (build_model(architecture) for _ in range(3))
    epochs = [
        train(model, few_digits, config, seed=0, engine=engine)
        for model, engine in ((ours, native_engine), (theirs, TORCH))
    ]
    for result, expected in zip(*epochs, strict=True):
        assert_results_near(result, expected, few_digits)
        before, weights, expected_weights = (flat_params(model) for model in (start, ours, theirs))
        assert np.linalg.norm(weights - expected_weights) < 3e-3 * np.linalg.norm(expected_weights - before)
        for buffer, expected_buffer in zip(ours.buffers(), theirs.buffers(), strict=True):
            torch.testing.assert_close(buffer, expected_buffer, rtol=1e-3, atol=1e-4)
        counts = [int(tensor) for name, tensor in ours.named_buffers() if name.endswith("num_batches_tracked")]
        assert counts == [3 * result.epoch] * 3


@pytest.mark.parametrize("train_size", [2, 31, 32, 33, 34, 64, 65, 66])
def test_any_number_of_images_is_trained_as_by_pytorch(native_engine: Engine, train_size: int) -> None:
    data = load_dataset("digits", None, train_size=train_size)
    config = TrainingConfig(epochs=1, batch_size=32, max_lr=0.01, **PLAIN)
    results = [trained(engine, data, config)[1][0] for engine in (native_engine, TORCH)]
    assert_results_near(*results, data)


def test_training_leaves_the_mode_and_layout_of_a_model_aside(native_engine: Engine, few_digits: Dataset) -> None:
    config = TrainingConfig(epochs=1, batch_size=32)
    expected, _ = trained(native_engine, few_digits, config)
    model = build_model(ArchitectureSpec.from_text(NET)).eval()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    list(train(model, few_digits, config, seed=0, engine=native_engine))
    assert state_bytes(model) == state_bytes(expected)


@pytest.mark.parametrize(
    "ranges", [{"rotation": 180.0}, {"translation": 0.9}, {"scale": 0.8}, {"scale": 0.8, "plain_share": 0.5}, {}]
)
def test_epochs_see_pytorchs_augmented_images(
    native_engine: Engine, few_digits: Dataset, ranges: dict[str, float]
) -> None:
    # A learning rate too small to change anything: the loss tells what the network was shown.
    config = TrainingConfig(epochs=2, batch_size=32, max_lr=1e-9, **(PLAIN | ranges if ranges else {}))
    results = [trained(engine, few_digits, config)[1] for engine in (native_engine, TORCH)]
    for result, expected in zip(*results, strict=True):
        assert result.train_loss == pytest.approx(expected.train_loss, rel=1e-5)
    assert results[0][0].train_loss != pytest.approx(results[0][1].train_loss, rel=1e-4)


def test_what_it_lacks_pytorch_trains(native_engine: Engine, few_digits: Dataset) -> None:
    text, config = "p 4s:brD0.1 p 8v:br gap fc10+", TrainingConfig(epochs=1, batch_size=32)
    model, results = trained(native_engine, few_digits, config, text=text)
    expected, expected_results = trained(TORCH, few_digits, config, text=text)
    assert state_bytes(model) == state_bytes(expected)
    assert results == expected_results


def test_a_seed_gives_the_same_weights_bit_for_bit(native_engine: Engine, few_digits: Dataset) -> None:
    text = "4s:brd0.1 p 8s:br p 8v:brd0.2 gap fc10+"
    config = TrainingConfig(epochs=2, batch_size=32)
    model, results = trained(native_engine, few_digits, config, text=text, seed=5)
    torch.manual_seed(99)
    np.random.seed(99)
    again, results_again = trained(native_engine, few_digits, config, text=text, seed=5)
    assert state_bytes(again) == state_bytes(model)
    assert results_again == results

    other, other_results = trained(native_engine, few_digits, config, text=text, seed=6)
    assert state_bytes(other) != state_bytes(model)
    assert other_results[0].train_loss != results[0].train_loss


def test_the_seed_of_training_decides_dropout(native_engine: Engine, few_digits: Dataset) -> None:
    # One batch of one image again and again: its order does not tell the seeds apart.
    image = Split(np.repeat(few_digits.train.images[:1], 32, axis=0), np.zeros(32, np.int64))
    data = replace(few_digits, train=image)
    config = TrainingConfig(epochs=1, batch_size=32, **PLAIN)

    def losses(text: str) -> set[float]:
        models = [build_model(ArchitectureSpec.from_text(text)) for _ in range(3)]
        return {
            next(train(model, data, config, seed=s, engine=native_engine)).train_loss for s, model in enumerate(models)
        }

    assert len(losses("4s:br p 8v:br gap fc10+")) == 1
    assert len(losses("4s:brd0.3 p 8v:br gap fc10+")) == 3


def test_a_diverging_run_stops_at_the_end_of_its_epoch(native_engine: Engine, few_digits: Dataset) -> None:
    architecture = ArchitectureSpec.from_text(NET)
    config = TrainingConfig(epochs=3, batch_size=32, max_lr=1e30)
    with pytest.raises(DivergedError, match=r"^the training loss was nan in epoch 1$"):
        next(train(build_model(architecture), few_digits, config, seed=0, engine=native_engine))
    # One step: the epoch's training loss came before it.
    config = TrainingConfig(epochs=1, batch_size=97, max_lr=1e30, pct_start=1.0)
    with pytest.raises(DivergedError, match=r"^the validation loss was nan in epoch 1$"):
        next(train(build_model(architecture), few_digits, config, seed=0, engine=native_engine))
    # What follows is as if nothing had been.
    config = TrainingConfig(epochs=1, batch_size=32)
    assert np.isfinite(trained(native_engine, few_digits, config)[1][0].val_loss)


# ---- A session on its own


@pytest.fixture
def library(native_engine: Engine) -> Path:
    assert native_engine.library is not None
    return native_engine.library


SMALL = TrainingConfig(epochs=3, batch_size=32, max_lr=0.02)
NETS = [NET, "4s:r p 6v+ gap fc10+"]
"""With BatchNorm and without: with statistics and without."""


def opened(
    library: Path, data: Dataset, text: str, config: TrainingConfig = SMALL, *, seed: int = 1
) -> tuple[Network, NativeSession]:
    model = build_model(ArchitectureSpec.from_text(text), seed=seed)
    return model, NativeSession(library, model, data, config)


def planned(epoch: int, data: Dataset, config: TrainingConfig = SMALL) -> EpochPlan:
    return plan_epoch(config, epoch, len(data.train), [], seed=2)


@pytest.mark.parametrize("text", NETS)
def test_the_model_follows_after_every_epoch(library: Path, few_digits: Dataset, text: str) -> None:
    model, session = opened(library, few_digits, text)
    start = state_bytes(model)
    assert start == state_bytes(build_model(ArchitectureSpec.from_text(text), seed=1))
    images, labels = torch.tensor(few_digits.validation.images), torch.tensor(few_digits.validation.labels)
    seen = {start}
    for epoch in (1, 2):
        session.train_epoch(planned(epoch, few_digits))
        seen.add(state_bytes(model))
        # The session has weights of its own; PyTorch sees those of the model.
        found, expected = session.evaluate(), evaluate(model, images, labels, mean=few_digits.mean, std=few_digits.std)
        assert found.loss == pytest.approx(expected.loss, rel=1e-4)
        assert found.accuracy == pytest.approx(expected.accuracy, abs=1.5 / len(labels))
        assert found.predicted is not None
        assert (found.predicted == few_digits.validation.labels).mean() == found.accuracy
        assert (found.predicted != expected.predicted).sum() <= 1
    assert len(seen) == 3


@pytest.mark.parametrize("text", NETS)
def test_the_model_follows_when_its_statistics_are_measured(library: Path, few_digits: Dataset, text: str) -> None:
    model, session = opened(library, few_digits, text)
    torch_model = build_model(model.architecture)
    torchs = TorchSession(torch_model, few_digits, SMALL, device=torch.device("cpu"))
    session.train_epoch(planned(1, few_digits))
    torch_model.load_state_dict(model.state_dict())
    before = flat_params(model)
    order = np.random.default_rng(0).permutation(len(few_digits.train))[:64]
    session.measure_statistics(order)
    torchs.measure_statistics(order)
    for buffer, expected in zip(model.buffers(), torch_model.buffers(), strict=True):
        torch.testing.assert_close(buffer, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(flat_params(model), before)
    assert session.evaluate().loss == pytest.approx(torchs.evaluate().loss, rel=1e-4)


@pytest.mark.parametrize("text", NETS)
def test_evaluating_changes_nothing(library: Path, few_digits: Dataset, text: str) -> None:
    model, session = opened(library, few_digits, text)
    session.train_epoch(planned(1, few_digits))
    before, momentum = state_bytes(model), session.optimizer_state()["momentum"]
    assert session.evaluate() == session.evaluate()
    assert state_bytes(model) == before
    assert np.array_equal(session.optimizer_state()["momentum"], momentum)


@pytest.mark.parametrize("text", [*NETS, "4s:brd0.3 p 6v+:rbd0.1 gap fc10+"])
def test_another_session_goes_on_as_the_first_would(library: Path, few_digits: Dataset, text: str) -> None:
    model, session = opened(library, few_digits, text)
    assert not session.optimizer_state()["momentum"].any()
    session.train_epoch(planned(1, few_digits))
    weights, state = copy.deepcopy(model.state_dict()), session.optimizer_state()
    kept = state["momentum"].copy()
    expected = session.train_epoch(planned(2, few_digits))
    assert np.array_equal(state["momentum"], kept), "the state is a copy"

    # A session reads the weights of its model once, when it is opened.
    again = build_model(ArchitectureSpec.from_text(text), seed=9)
    again.load_state_dict(weights)
    other = NativeSession(library, again, few_digits, SMALL)
    other.load_optimizer_state(state, num_steps(len(few_digits.train), SMALL.batch_size))
    assert other.train_epoch(planned(2, few_digits)) == expected
    assert state_bytes(again) == state_bytes(model)
    assert np.array_equal(state["momentum"], kept), "what it was given is not its own"


def test_its_momentum_is_in_pytorchs_order(library: Path, few_digits: Dataset) -> None:
    text = "4s+:br p 6v+:rb p3 flat fc12:r fc10+"
    config = replace(SMALL, nesterov=False, **PLAIN)
    _, session = opened(library, few_digits, text, config)
    model = build_model(ArchitectureSpec.from_text(text), seed=1)
    torchs = TorchSession(model, few_digits, config, device=torch.device("cpu"))
    for one in (session, torchs):
        one.train_epoch(planned(1, few_digits, config))
    ours, theirs = (one.optimizer_state()["momentum"] for one in (session, torchs))
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert np.linalg.norm(ours - theirs) < 3e-3 * np.linalg.norm(theirs)


def test_it_tells_where_the_time_of_an_epoch_went(library: Path, few_digits: Dataset) -> None:
    _, session = opened(library, few_digits, NET)
    assert session.seconds == {}
    session.train_epoch(planned(1, few_digits))
    assert tuple(session.seconds) == PARTS
    assert all(seconds > 0 for seconds in session.seconds.values())
