"""Learning rates and momenta as pure functions of the step and, for plateau schedules, of earlier losses."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from space.candidate import TrainingConfig
from space.results import EpochResult

PLATEAU_THRESHOLD = 1e-4
"""Fraction by which a loss must be below the lowest one to count as lower, as in torch's ReduceLROnPlateau."""


def learning_rates(
    config: TrainingConfig, epoch: int, num_steps: int, results: Sequence[EpochResult]
) -> NDArray[np.float64]:
    """Return the learning rate of every step of an epoch, counted from 1; ``results`` are those of earlier epochs."""
    match config.schedule:
        case "one_cycle":
            return _of_steps(
                config,
                epoch,
                num_steps,
                lambda step, total_steps: one_cycle(
                    step,
                    total_steps,
                    max_lr=config.max_lr,
                    pct_start=config.pct_start,
                    div_factor=config.div_factor,
                    final_div_factor=config.final_div_factor,
                    anneal=config.anneal,
                ),
            )
        case "step":
            factor = config.lr_factor ** ((epoch - 1) // config.lr_step)
        case "plateau":
            losses = [getattr(result, config.plateau_on) for result in results]
            factor = plateau_factor(losses, factor=config.lr_factor, patience=config.lr_patience)
        case _:
            factor = 1.0
    return np.full(num_steps, config.max_lr * factor)


def momenta(config: TrainingConfig, epoch: int, num_steps: int) -> NDArray[np.float64]:
    """Return the momentum of every step of an epoch, counted from 1."""
    peak_momentum = config.peak_momentum
    if config.schedule != "one_cycle" or peak_momentum is None:
        return np.full(num_steps, config.momentum)
    return _of_steps(
        config,
        epoch,
        num_steps,
        lambda step, total_steps: cycle_value(
            step,
            total_steps,
            first=config.momentum,
            top=peak_momentum,
            last=config.momentum,
            pct_start=config.pct_start,
            anneal=config.anneal,
        ),
    )


def plateau_factor(losses: Sequence[float], *, factor: float, patience: int) -> float:
    """Return the factor by which torch's ReduceLROnPlateau has multiplied the learning rate after these losses."""
    lowest, num_bad, product = math.inf, 0, 1.0
    for loss in losses:
        if loss < lowest * (1 - PLATEAU_THRESHOLD):
            lowest, num_bad = loss, 0
        else:
            num_bad += 1
        if num_bad > patience:
            product, num_bad = product * factor, 0
    return product


def _of_steps(
    config: TrainingConfig, epoch: int, num_steps: int, value: Callable[[int, int], float]
) -> NDArray[np.float64]:
    """Return ``value(step, total_steps)`` for each step of an epoch; steps are counted over all epochs."""
    first = (epoch - 1) * num_steps
    return np.array([value(step, config.epochs * num_steps) for step in range(first, first + num_steps)])


def one_cycle(
    step: int,
    total_steps: int,
    *,
    max_lr: float,
    pct_start: float,
    div_factor: float,
    final_div_factor: float,
    anneal: str = "cos",
) -> float:
    """Return the OneCycle learning rate (Smith and Topin, arXiv:1708.07120) of ``step``, counted from 0.

    Equals torch's two-phase ``OneCycleLR`` wherever that is defined. Where the rise has length zero, by which torch
    would divide, step 0 has ``max_lr``.
    """
    first, last = max_lr / div_factor, max_lr / div_factor / final_div_factor
    return cycle_value(step, total_steps, first=first, top=max_lr, last=last, pct_start=pct_start, anneal=anneal)


def cycle_value(
    step: int, total_steps: int, *, first: float, top: float, last: float, pct_start: float, anneal: str
) -> float:
    """Return a value that goes from ``first`` to ``top`` in ``pct_start`` of the steps, then from there to ``last``."""
    if not 0 <= step < total_steps:
        raise ValueError(f"step must be from 0 to total_steps - 1 = {total_steps - 1}, not {step}")
    turn = pct_start * total_steps - 1
    if step <= turn:
        return _anneal(first, top, step / turn if turn > 0 else 1.0, anneal)
    return _anneal(top, last, (step - turn) / (total_steps - 1 - turn), anneal)


def _anneal(start: float, end: float, progress: float, anneal: str) -> float:
    if anneal == "linear":
        return start + (end - start) * progress
    return end + (start - end) / 2 * (1 + math.cos(math.pi * progress))
