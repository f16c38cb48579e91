"""Learning rates as a pure function of the step."""

import math


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
    """The OneCycle learning rate (Smith and Topin, arXiv:1708.07120) of ``step``, counted from 0.

    Equal to torch's ``OneCycleLR`` with two phases wherever that is defined; where the rise has no length,
    which torch divides by, step 0 has ``max_lr``.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step must be from 0 to total_steps - 1 = {total_steps - 1}, not {step}")
    first, last = max_lr / div_factor, max_lr / div_factor / final_div_factor
    top = pct_start * total_steps - 1
    if step <= top:
        return _anneal(first, max_lr, step / top if top > 0 else 1.0, anneal)
    return _anneal(max_lr, last, (step - top) / (total_steps - 1 - top), anneal)


def _anneal(start: float, end: float, progress: float, anneal: str) -> float:
    if anneal == "linear":
        return start + (end - start) * progress
    return end + (start - end) / 2 * (1 + math.cos(math.pi * progress))
