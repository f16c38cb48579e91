import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from mnist_core.augmentation import normalise
from mnist_core.data import Dataset, load_dataset
from mnist_core.evaluation import evaluate
from mnist_core.model import Dropout, Network, build_model
from mnist_core.plan import EpochPlan, num_steps, plan_epoch
from mnist_core.torch_session import TorchSession
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig

NET = "4s:brd0.1 p 6v:br gap fc10+"
PLAIN = {"rotation": 0.0, "translation": 0.0, "scale": 0.0}
CPU = torch.device("cpu")
CONFIGS = {
    "SGD": TrainingConfig(epochs=3, batch_size=8),
    "SGD without momentum": TrainingConfig(epochs=3, batch_size=8, momentum=0.0, nesterov=False),
    "Adam": TrainingConfig(epochs=3, batch_size=8, optimizer="adam", max_lr=0.01),
}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=60)


def opened(
    data: Dataset, config: TrainingConfig, *, text: str = NET, bfloat16: bool = False
) -> tuple[Network, TorchSession]:
    model = build_model(ArchitectureSpec.from_text(text), seed=1)
    return model, TorchSession(model, data, config, device=CPU, bfloat16=bfloat16)


def planned(config: TrainingConfig, epoch: int, data: Dataset) -> EpochPlan:
    return plan_epoch(config, epoch, len(data.train), [], seed=2)


def state_bytes(model: nn.Module) -> bytes:
    return b"".join(tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values())


def counted(model: Network, names: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """A state of an optimiser in which no two numbers are equal."""
    size = sum(parameter.numel() for parameter in model.parameters())
    return {name: np.arange(1, size + 1, dtype=np.float32) + place / 2 for place, name in enumerate(names)}


NAMES = {"SGD": ("momentum",), "SGD without momentum": ("momentum",), "Adam": ("exp_avg", "exp_avg_sq")}


@pytest.mark.parametrize("kind", CONFIGS)
def test_an_optimizers_state_comes_back_number_by_number(digits: Dataset, kind: str) -> None:
    model, session = opened(digits, CONFIGS[kind])
    fresh = session.optimizer_state()
    assert tuple(fresh) == NAMES[kind]
    assert all(not array.any() and array.dtype == np.float32 for array in fresh.values())
    state = counted(model, NAMES[kind])
    session.load_optimizer_state(copy.deepcopy(state), num_steps=7)
    given = session.optimizer_state()
    assert tuple(given) == NAMES[kind]
    assert all(np.array_equal(given[name], state[name]) for name in state)


def test_its_numbers_are_in_the_order_of_the_parameters_as_pytorch_lists_them(digits: Dataset) -> None:
    # The momentum after the first step is its gradient, and at a learning rate of 1 so is what the weights moved by.
    config = TrainingConfig(epochs=1, batch_size=60, weight_decay=0.0, nesterov=False, **PLAIN)
    model, session = opened(digits, config, text="4s:b p 6v+ gap fc10+")
    before = copy.deepcopy(model)
    plan = planned(config, 1, digits)
    plan.learning_rates[:] = 1
    session.train_epoch(plan)
    moved = [old - new for old, new in zip(before.parameters(), model.parameters(), strict=True)]
    gradient = torch.cat([tensor.detach().flatten() for tensor in moved]).numpy()
    np.testing.assert_allclose(session.optimizer_state()["momentum"], gradient, rtol=1e-3, atol=1e-6)
    assert len(np.unique(gradient.round(5))) > len(gradient) / 2, "it tells one parameter from another"


@pytest.mark.parametrize("kind", CONFIGS)
def test_another_session_goes_on_as_the_first_would(digits: Dataset, kind: str) -> None:
    config = CONFIGS[kind]
    model, session = opened(digits, config)
    session.train_epoch(planned(config, 1, digits))
    weights, state = copy.deepcopy(model.state_dict()), session.optimizer_state()
    expected = session.train_epoch(planned(config, 2, digits))

    again, other = opened(digits, config)
    again.load_state_dict(weights)
    other.load_optimizer_state(state, num_steps(len(digits.train), config.batch_size))
    assert other.train_epoch(planned(config, 2, digits)) == expected
    assert state_bytes(again) == state_bytes(model)


@pytest.mark.parametrize("together", [1, 16, 24, 10_000])
def test_how_many_images_are_augmented_together_changes_nothing(
    digits: Dataset, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Batches of 8 of 57 images: the last one, left over, joins the seventh.
    config = CONFIGS["SGD"]
    plan = plan_epoch(config, 1, 57, [], seed=2)
    model, session = opened(digits, config)
    expected = session.train_epoch(plan)
    monkeypatch.setattr("mnist_core.torch_session.AUGMENTED_TOGETHER", together)
    other, its_session = opened(digits, config)
    assert its_session.train_epoch(plan) == expected
    assert state_bytes(other) == state_bytes(model)


class Recorded(nn.Module):
    """Passes everything on and keeps what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return x


def test_batches_follow_the_order_of_the_plan(digits: Dataset) -> None:
    config = TrainingConfig(epochs=1, batch_size=8, **PLAIN)
    built, first = build_model(ArchitectureSpec.from_text("2s gap fc10+")), Recorded()
    model = Network(built.architecture, [first, *built])
    plan = plan_epoch(config, 1, 57, [], seed=2)
    TorchSession(model, digits, config, device=CPU).train_epoch(plan)
    assert [len(batch) for batch in first.seen] == [8] * 6 + [9]
    shown = torch.cat(first.seen).permute(0, 2, 3, 1).numpy()
    expected = (digits.train.images[plan.order] / 255 - digits.mean) / digits.std
    np.testing.assert_allclose(shown, expected, atol=1e-5)


@pytest.mark.parametrize("kind", CONFIGS)
def test_each_step_has_the_learning_rate_that_was_planned_for_it(digits: Dataset, kind: str) -> None:
    config = TrainingConfig(**{**_fields(CONFIGS[kind]), "weight_decay": 0.0})
    model, session = opened(digits, config, text="4s:r p 6v:r gap fc10+")
    before = state_bytes(model)
    plan = planned(config, 1, digits)
    plan.learning_rates[:] = 0
    session.train_epoch(plan)
    assert state_bytes(model) == before
    plan.learning_rates[-1] = 0.01
    session.train_epoch(plan)
    assert state_bytes(model) != before


def _fields(config: TrainingConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in TrainingConfig.__dataclass_fields__}


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_the_momentum_that_was_planned_is_used(digits: Dataset, kind: str) -> None:
    config = CONFIGS[kind]
    states = []
    for momentum in (config.momentum, 0.1):
        _, session = opened(digits, config)
        plan = planned(config, 1, digits)
        plan.momenta[:] = momentum
        session.train_epoch(plan)
        states.append(session.optimizer_state())
    for name in NAMES[kind][:1]:
        assert np.linalg.norm(states[0][name] - states[1][name]) > 0.1 * np.linalg.norm(states[0][name])


@pytest.mark.parametrize("bfloat16", [False, True])
def test_statistics_are_measured_without_dropout_in_fp32_and_change_nothing_else(
    digits: Dataset, bfloat16: bool
) -> None:
    config = CONFIGS["SGD"]
    model, session = opened(digits, config, text="4s:brd0.5 p 6v:brD0.5 gap fc10+", bfloat16=bfloat16)
    session.train_epoch(planned(config, 1, digits))
    before = copy.deepcopy(model)
    order = np.random.default_rng(0).permutation(60)[:24]
    session.measure_statistics(order)
    without_dropout = nn.Sequential(*(module for module in before if not isinstance(module, Dropout)))
    inputs = normalise(torch.tensor(digits.train.images[order]), digits.mean, digits.std)
    update_bn(inputs.split(8), without_dropout)
    for tensor, expected in zip(model.state_dict().values(), without_dropout.state_dict().values(), strict=True):
        torch.testing.assert_close(tensor, expected, rtol=1e-5, atol=1e-6)
    assert [norm.momentum for norm in model if isinstance(norm, nn.BatchNorm2d)] == [0.1, 0.1]
    assert all(module.training for module in model)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_validation_is_that_of_the_model_as_it_is_in_fp32(digits: Dataset, bfloat16: bool) -> None:
    config = CONFIGS["SGD"]
    model, session = opened(digits, config, bfloat16=bfloat16)
    session.train_epoch(planned(config, 1, digits))
    images, labels = torch.tensor(digits.validation.images), torch.tensor(digits.validation.labels)
    assert session.evaluate() == evaluate(model, images, labels, mean=digits.mean, std=digits.std)


def test_in_bfloat16_products_are_rounded_and_weights_are_not(digits: Dataset) -> None:
    config = CONFIGS["SGD"]
    trained = {}
    for bfloat16 in (False, True):
        model, session = opened(digits, config, bfloat16=bfloat16)
        trained[bfloat16] = session.train_epoch(planned(config, 1, digits)), model
    assert trained[True][0].loss == pytest.approx(trained[False][0].loss, rel=0.05)
    assert trained[True][0].loss != trained[False][0].loss
    weights = torch.cat([parameter.detach().flatten() for parameter in trained[True][1].parameters()])
    assert weights.dtype == torch.float32
    assert not torch.equal(weights, weights.bfloat16().float())
