import itertools
import math
import random
from collections import Counter

import pytest
from optuna.trial import FixedTrial

from search.sampling.draws import (
    MAX_GROWTH,
    MAX_REJECTIONS,
    SIZE_RANGE,
    draw_growing,
    draw_within_budget,
    evenly_spread,
)
from space.architecture import num_params
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from space.layers import Conv
from space.random_draw import RandomDraw
from space.search_space import SearchSpace

DEFAULT = SearchSpace.default()


def random_sizes(space: SearchSpace, num: int = 1_000) -> list[int]:
    trial = RandomDraw(random.Random(0))
    return sorted(space.suggest_candidate(trial, epochs=15).num_params for _ in range(num))


# Random draws


@pytest.mark.parametrize("quantile", [0.02, 0.5, 1.0])
def test_a_draw_is_the_first_within_the_budget(quantile: float) -> None:
    sizes = random_sizes(DEFAULT)
    budget = sizes[int(quantile * len(sizes)) - 1]
    drawn = draw_within_budget(DEFAULT, budget, random.Random(5), epochs=15)
    trial, seen = RandomDraw(random.Random(5)), []
    while not seen or seen[-1] > budget:
        seen.append(DEFAULT.suggest_candidate(trial, epochs=15).num_params)
    assert drawn.params == trial.params
    assert drawn.attributes == ({"num_redrawn": len(seen) - 1} if len(seen) > 1 else {})


def test_no_draw_within_an_impossible_budget() -> None:
    smallest = random_sizes(DEFAULT, MAX_REJECTIONS)[0]
    with pytest.raises(SearchFailedError, match=f"the smallest seen had {smallest:,} parameters"):
        draw_within_budget(DEFAULT, 1, random.Random(0), epochs=15)


def startup_nets(budget: int, num: int = 10) -> list[CandidateSpec]:
    generator = random.Random(0)
    draws = [draw_growing(DEFAULT, budget, generator, size_range=SIZE_RANGE, epochs=15) for _ in range(num)]
    candidates = []
    for drawn in draws:
        assert drawn is not None
        assert drawn.candidate == DEFAULT.suggest_candidate(FixedTrial(drawn.params), epochs=15)
        candidates.append(drawn.candidate)
    return candidates


def test_startup_nets_spread_over_sizes_and_grow_slowly() -> None:
    candidates = startup_nets(8_000, num=20)
    octaves = Counter(math.floor(math.log2(8_000 / candidate.num_params)) for candidate in candidates)
    assert set(octaves) >= {0, 1, 2, 3}
    assert min(octaves) >= 0
    for candidate in candidates:
        widths = [layer.width for layer in candidate.architecture.layers if isinstance(layer, Conv)]
        assert all(a <= b <= MAX_GROWTH * a for a, b in itertools.pairwise(widths)), widths


def test_sizes_of_few_startup_nets_are_spread_evenly() -> None:
    for num in (2, 3, 5, 10):
        places = [0.0, *sorted(evenly_spread(number) for number in range(num)), 1.0]
        assert max(b - a for a, b in itertools.pairwise(places)) < 2 / num


@pytest.mark.parametrize("place", [0.0, 0.5, 0.9])
def test_a_startup_net_has_the_size_of_its_place(place: float) -> None:
    drawn = draw_growing(DEFAULT, 8_000, random.Random(0), size_range=16.0, place=place, epochs=15)
    assert drawn is not None
    assert 0.9 * 500 * 16**place <= drawn.candidate.num_params <= 500 * 16**place


def test_a_startup_net_is_within_the_budget_where_none_has_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.draws.SIZE_TOLERANCE", 1.0)
    monkeypatch.setattr("search.sampling.draws.MAX_DRAWS", 50)
    assert all(1_000 < candidate.num_params <= 8_000 for candidate in startup_nets(8_000))


def test_no_startup_net_where_no_draw_is_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.draws.MAX_DRAWS", 50)
    assert draw_growing(DEFAULT, num_params(DEFAULT.smallest), random.Random(0), size_range=8.0, epochs=15) is None
