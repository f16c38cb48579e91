"""Proposals that fill a front, in studies whose errors are made up."""

import itertools
import math
import random
import re

import numpy as np
import pytest
from optuna.trial import FixedTrial

from search.sampling.draws import draw_growing
from search.sampling.front_search import STARTUP_TRIALS, FrontSearch
from search.sampling.improvement import Front
from search.sampling.observation import Observation
from search.sampling.variation import MAX_CHANGES, Variation
from space.architecture import num_params
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from space.footprint import footprint
from space.limits import DeviceLimits, measures_of
from space.search_space import SearchSpace
from tests.runners import only_one_candidate

SPACE = SearchSpace.default()
BUDGET = 4_000
EPOCHS = 3
VARIANCE = 0.1**2
NUM_VALIDATION = 1_000


def true_log_error(candidate: CandidateSpec) -> float:
    """A net's error falls with its size; a high learning rate costs accuracy, and so do many layers."""
    num_layers = len(candidate.architecture.layers)
    return -0.45 * math.log(candidate.num_params) + 0.2 * math.log(candidate.training.max_lr / 0.1) + 0.05 * num_layers


def observation(params: dict[str, object], noise: random.Random) -> Observation:
    candidate = SPACE.suggest_candidate(FixedTrial(params), epochs=EPOCHS)
    return Observation(params, candidate, true_log_error(candidate) + noise.gauss(0.0, 0.1), VARIANCE)


def random_observations(num: int, seed: int) -> list[Observation]:
    generator = random.Random(seed)
    drawn = [draw_growing(SPACE, BUDGET, generator, size_range=8.0, epochs=EPOCHS) for _ in range(num)]
    return [observation(dict(found.params), generator) for found in drawn if found is not None]


def new_search(seed: int, budget: int = BUDGET) -> FrontSearch:
    return FrontSearch(SPACE, budget, epochs=EPOCHS, num_validation=NUM_VALIDATION, generator=random.Random(seed))


def area(observations: list[Observation]) -> float:
    """Return the area below the true errors."""
    candidates = [item.candidate for item in observations]
    front = Front.of(
        np.log([candidate.num_params for candidate in candidates]),
        np.array([true_log_error(candidate) for candidate in candidates]),
        log_smallest=math.log(BUDGET / 16),
        log_budget=math.log(BUDGET),
        reference=-1.0,
    )
    return front.area


def test_proposals_fill_the_front_better_than_random_nets() -> None:
    gains = []
    for seed in range(2):
        observations = random_observations(10, seed)
        others = [*observations, *random_observations(15, 100 + seed)]
        search = new_search(seed)
        noise = random.Random(seed)
        for _ in range(15):
            proposed = search.propose(observations)
            assert proposed.candidate.num_params <= BUDGET
            assert SPACE.suggest_candidate(FixedTrial(proposed.params), epochs=EPOCHS) == proposed.candidate
            observations.append(observation(proposed.params, noise))
        gains.append(area(observations) - area(others))
    assert min(gains) > 0.0, gains


def test_what_is_being_trained_is_taken() -> None:
    observations = random_observations(STARTUP_TRIALS, 0)
    first = new_search(1).propose(observations)
    again = new_search(1).propose(observations)
    assert first == again
    running = [*observations, Observation(first.params, first.candidate, log_error=None)]
    other = new_search(1).propose(running)
    assert other.candidate != first.candidate


def test_the_first_proposals_spread_over_the_sizes_of_the_front() -> None:
    search = new_search(0)
    sizes = []
    running: list[Observation] = []
    for _ in range(STARTUP_TRIALS):
        proposed = search.propose(running)
        running.append(Observation(proposed.params, proposed.candidate, log_error=None))
        sizes.append(proposed.candidate.num_params)
    assert max(sizes) <= BUDGET
    logs = [math.log(BUDGET / 16), *sorted(map(math.log, sizes)), math.log(BUDGET)]
    assert max(b - a for a, b in itertools.pairwise(logs)) < math.log(16) / 5


def test_a_budget_of_the_smallest_net_alone() -> None:
    budget = num_params(SPACE.smallest)
    search = new_search(0, budget)
    assert search.propose([]).candidate.num_params == budget


def test_limits_that_no_net_meets_together_end_the_search_with_the_least_of_each() -> None:
    space = SearchSpace.default()
    takes = {name: lambda net, name=name: measures_of(footprint(net))[name] for name in ("max_ram", "max_macs")}
    least = {name: min(map(take, space.narrowest_nets())) for name, take in takes.items()}
    # Plain convolutions take the least RAM, separable ones the fewest multiply-accumulates.
    limits = DeviceLimits(**least)
    search = FrontSearch(
        space, 8_000, epochs=EPOCHS, num_validation=NUM_VALIDATION, generator=random.Random(0), limits=limits
    )
    with pytest.raises(SearchFailedError) as caught:
        search.propose([])
    message = str(caught.value)
    assert f"were over the budget of 8,000 or a limit ({limits}) or equal to trained ones; the smallest seen" in message
    found = re.search(r"RAM of ([\d,]+) bytes, ([\d,]+) MACs, each by itself", message)
    assert found
    ram, macs = (int(number.replace(",", "")) for number in found.groups())
    assert least["max_ram"] <= ram < 2 * least["max_ram"]
    assert least["max_macs"] <= macs < 2 * least["max_macs"]
    assert "raise --budget or --max-ram or --max-macs, or widen" in message


def test_a_space_of_which_all_nets_are_trained() -> None:
    space = only_one_candidate()
    search = FrontSearch(space, BUDGET, epochs=EPOCHS, num_validation=NUM_VALIDATION, generator=random.Random(0))
    only = search.propose([])
    for log_error in (None, -3.0):
        with pytest.raises(SearchFailedError, match="or are in training: raise --budget, or widen"):
            search.propose([Observation(only.params, only.candidate, log_error)])


def test_a_variation_changes_few_parameters() -> None:
    (parent,) = random_observations(1, 3)
    generator = random.Random(0)
    changes = []
    for _ in range(200):
        draw = Variation(generator, parent.params)
        SPACE.suggest_candidate(draw, epochs=EPOCHS)
        assert draw.params.keys() == parent.params.keys()
        changes.append(sum(draw.params[name] != value for name, value in parent.params.items()))
    assert max(changes) == MAX_CHANGES
    assert sum(changes) > 200
