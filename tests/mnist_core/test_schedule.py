import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnist_core.schedule import one_cycle
from space.candidate import TrainingConfig

PUBLISHED = {"max_lr": 0.1, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 1e4}


def torchs_learning_rates(total_steps: int, *, anneal: str, **settings: float) -> list[float]:
    """The rate of each step by torch's OneCycleLR. Raises ZeroDivisionError where that is not defined."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
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
    total_steps=st.integers(1, 150),
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
