from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_core.schedule import PLATEAU_THRESHOLD, learning_rates, momenta, one_cycle, plateau_factor
from space.candidate import TrainingConfig
from space.results import EpochResult
from tests.stores import results

PUBLISHED = {"max_lr": 0.1, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 1e4}


def sgd(max_lr: float = 1.0, momentum: float = 0.0) -> torch.optim.Optimizer:
    """With nothing to do."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=max_lr, momentum=momentum)


def torchs_learning_rates(total_steps: int, *, anneal: str, **settings: float) -> list[float]:
    """The rate of each step by torch's OneCycleLR. Raises ZeroDivisionError where that is not defined."""
    optimizer = sgd()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, total_steps=total_steps, anneal_strategy=anneal, cycle_momentum=False, **settings
    )
    rates = [scheduler.get_last_lr()[0]]
    for _ in range(total_steps - 1):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    return [float(rate) for rate in rates]


@given(
    total_steps=st.integers(1, 60),
    max_lr=st.floats(1e-6, 10),
    pct_start=st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 1 / 3, 1.0]),
    div_factor=st.floats(0.5, 1e3),
    final_div_factor=st.floats(0.5, 1e6),
    anneal=st.sampled_from(["cos", "linear"]),
)
@settings(max_examples=100, deadline=None)
def test_equals_torchs_wherever_that_is_defined(
    total_steps: int, max_lr: float, pct_start: float, div_factor: float, final_div_factor: float, anneal: str
) -> None:
    settings = {
        "max_lr": max_lr,
        "pct_start": pct_start,
        "div_factor": div_factor,
        "final_div_factor": final_div_factor,
    }
    try:
        expected = torchs_learning_rates(total_steps, anneal=anneal, **settings)
    except ZeroDivisionError:
        assume(False)
    ours = [one_cycle(step, total_steps, anneal=anneal, **settings) for step in range(total_steps)]
    assert ours == pytest.approx(expected, rel=1e-9, abs=max_lr * 1e-12)


@pytest.mark.parametrize(("total_steps", "pct_start"), [(1, 1.0), (2, 0.5), (4, 0.25), (5, 0.2), (10, 0.1)])
def test_a_rise_of_length_zero_starts_at_the_peak(total_steps: int, pct_start: float) -> None:
    settings = PUBLISHED | {"pct_start": pct_start}
    with pytest.raises(ZeroDivisionError):
        torchs_learning_rates(total_steps, anneal="cos", **settings)
    rates = [one_cycle(step, total_steps, **settings) for step in range(total_steps)]
    assert rates[0] == 0.1
    assert rates == sorted(rates, reverse=True)
    if total_steps > 1:
        assert rates[-1] == pytest.approx(0.1 / 25 / 1e4)


@given(
    config=st.builds(TrainingConfig, pct_start=st.floats(0, 1), anneal=st.sampled_from(["cos", "linear"])),
    total_steps=st.integers(1, 2_000),
    share=st.floats(0, 1),
)
def test_every_step_has_a_rate_within_bounds(config: TrainingConfig, total_steps: int, share: float) -> None:
    rate = one_cycle(
        round(share * (total_steps - 1)),
        total_steps,
        max_lr=config.max_lr,
        pct_start=config.pct_start,
        div_factor=config.div_factor,
        final_div_factor=config.final_div_factor,
        anneal=config.anneal,
    )
    lowest = config.max_lr / config.div_factor / config.final_div_factor
    assert lowest * (1 - 1e-9) <= rate <= config.max_lr * (1 + 1e-9)


@pytest.mark.parametrize(("step", "total_steps"), [(-1, 10), (10, 10), (11, 10), (0, 0)])
def test_a_step_outside_the_cycle_is_refused(step: int, total_steps: int) -> None:
    with pytest.raises(ValueError, match=rf"step must be from 0 to .* = {total_steps - 1}, not {step}$"):
        one_cycle(step, total_steps, **PUBLISHED)


# A published training log of a cosine cycle over 15 epochs of 118 steps, stopped after 12 epochs. It prints
# the rate after the scheduler's step, so the value printed when s steps are done is that of step s, counted
# from 0: the one the next update would use. Epoch 5's value looks too high between its neighbours. Its line
# says Batch_id=26, so it was printed after 27 of the epoch's steps, and there it fits.
PRINTED = {
    1 * 118: 0.028123,
    2 * 118: 0.076246,
    3 * 118: 0.100000,
    4 * 118: 0.098267,
    4 * 118 + 27: 0.097400,
    6 * 118: 0.085277,
    7 * 118: 0.074904,
    8 * 118: 0.062834,
    9 * 118: 0.049889,
    10 * 118: 0.036952,
    11 * 118: 0.024904,
    12 * 118: 0.014567,
}


def test_reproduces_the_published_learning_rates() -> None:
    rates = {step: round(one_cycle(step, 15 * 118, **PUBLISHED), 6) for step in PRINTED}
    assert rates == PRINTED


def test_the_published_rates_are_not_those_of_the_step_before() -> None:
    before = {step: round(one_cycle(step - 1, 15 * 118, **PUBLISHED), 6) for step in PRINTED}
    # Only around the peak, which step 353 has, do two neighbours look the same in six digits.
    assert [step for step in PRINTED if before[step] == PRINTED[step]] == [354]


# Schedules by epoch


def by_epoch(config: TrainingConfig, curve: Sequence[EpochResult] = ()) -> list[float]:
    """The learning rate of each epoch, which all of its steps have."""
    rates = [learning_rates(config, epoch, 3, curve[: epoch - 1]).tolist() for epoch in range(1, config.epochs + 1)]
    assert rates == [[of_epoch[0]] * 3 for of_epoch in rates]
    return [of_epoch[0] for of_epoch in rates]


def curve_of(val_losses: Sequence[float]) -> list[EpochResult]:
    """Its training losses fall."""
    curve = results(*[0.0] * len(val_losses))
    return [replace(result, val_loss=loss) for result, loss in zip(curve, val_losses, strict=True)]


@given(
    epochs=st.integers(1, 30), lr_step=st.integers(1, 10), lr_factor=st.floats(0.05, 1.0), max_lr=st.floats(1e-6, 10.0)
)
@settings(max_examples=30, deadline=None)
def test_step_is_torchs(epochs: int, lr_step: int, lr_factor: float, max_lr: float) -> None:
    optimizer = sgd(max_lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, lr_step, lr_factor)
    expected = []
    for _ in range(epochs):
        expected.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    config = TrainingConfig(epochs=epochs, schedule="step", max_lr=max_lr, lr_step=lr_step, lr_factor=lr_factor)
    assert by_epoch(config) == pytest.approx(expected, rel=1e-9)


# Few levels, so that losses repeat, and some of them near the limit of what counts as lower.
_losses = st.lists(
    st.builds(lambda level, near: level * (1 - 0.7 * PLATEAU_THRESHOLD * near), st.integers(1, 4), st.integers(0, 3)),
    max_size=40,
)


@given(losses=_losses, lr_factor=st.floats(0.05, 0.99), lr_patience=st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_plateau_is_torchs(losses: list[float], lr_factor: float, lr_patience: int) -> None:
    optimizer = sgd(0.05)
    # Torch leaves a learning rate alone that would fall by less than eps.
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=lr_factor, patience=lr_patience, eps=0.0)
    expected = [0.05]
    for loss in losses:
        scheduler.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    config = TrainingConfig(
        epochs=len(losses) + 1, schedule="plateau", max_lr=0.05, lr_factor=lr_factor, lr_patience=lr_patience
    )
    assert by_epoch(config, curve_of(losses)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("losses", "factor"),
    [
        ([], 1.0),
        ([1.0, 1.0, 1.0], 1.0),  # the first sets the mark, and two are let pass
        ([1.0, 1.0, 1.0, 1.0], 0.1),
        ([1.0, 2.0, 2.0, 0.9, 2.0, 2.0], 1.0),
        ([1.0, 0.99995, 0.99995, 0.99995], 0.1),  # lower, but by less than counts
        ([1.0] * 6, 0.1),
        ([1.0] * 7, 0.01),
    ],
)
def test_a_plateau_by_hand(losses: list[float], factor: float) -> None:
    assert plateau_factor(losses, factor=0.1, patience=2) == pytest.approx(factor)


def test_a_plateau_is_of_the_loss_that_was_named() -> None:
    rates = {
        plateau_on: learning_rates(
            TrainingConfig(schedule="plateau", max_lr=0.5, lr_patience=1, plateau_on=plateau_on),
            6,
            1,
            curve_of([1.0] * 5),
        ).tolist()
        for plateau_on in ("val_loss", "train_loss")
    }
    assert rates == {"val_loss": pytest.approx([0.005]), "train_loss": [0.5]}


def test_a_constant_rate_is_the_same_whatever_happens() -> None:
    config = TrainingConfig(epochs=8, schedule="constant", max_lr=0.3, lr_patience=0, lr_step=1)
    assert by_epoch(config, curve_of([1.0] * 8)) == [0.3] * 8


@pytest.mark.parametrize("anneal", ["cos", "linear"])
def test_the_epochs_of_a_one_cycle_are_one(anneal: str) -> None:
    config = TrainingConfig(epochs=4, anneal=anneal, **PUBLISHED)
    rates = np.concatenate([learning_rates(config, epoch, 7, []) for epoch in range(1, 5)])
    assert rates.tolist() == [one_cycle(step, 28, anneal=anneal, **PUBLISHED) for step in range(28)]


# Momentum


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("pct_start", [0.2, 1 / 3, 0.9])
def test_momentum_cycles_as_torchs(optimizer: str, anneal: str, pct_start: float) -> None:
    epochs, num_steps = 4, 10
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    torchs = torch.optim.Adam(parameters) if optimizer == "adam" else torch.optim.SGD(parameters, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        torchs,
        0.1,
        total_steps=epochs * num_steps,
        pct_start=pct_start,
        anneal_strategy=anneal,
        base_momentum=0.85,
        max_momentum=0.95,
    )
    expected = []
    for step in range(epochs * num_steps):
        (group,) = torchs.param_groups
        expected.append(group["betas"][0] if optimizer == "adam" else group["momentum"])
        torchs.step()
        if step + 1 < epochs * num_steps:
            scheduler.step()
    config = TrainingConfig(
        epochs=epochs, optimizer=optimizer, anneal=anneal, pct_start=pct_start, momentum=0.95, peak_momentum=0.85
    )
    ours = np.concatenate([momenta(config, epoch, num_steps) for epoch in range(1, epochs + 1)])
    assert ours == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "settings",
    [{}, *({"peak_momentum": 0.85, "schedule": schedule} for schedule in ("step", "plateau", "constant"))],
)
def test_momentum_is_constant_but_in_a_cycle_with_a_peak(settings: dict[str, Any]) -> None:
    config = TrainingConfig(epochs=3, momentum=0.95, **settings)
    assert [momenta(config, epoch, 5).tolist() for epoch in (1, 2, 3)] == [[0.95] * 5] * 3
