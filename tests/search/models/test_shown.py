import numpy as np

from search.models.shown import in_colours


def test_grey_becomes_three_equal_colours_and_colours_stay() -> None:
    grey = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5, 1)
    assert (in_colours(grey) == grey).all()
    assert in_colours(grey).shape == (2, 4, 5, 3)
    for num_channels in (3, 4):
        colours = np.random.default_rng(0).integers(0, 256, (2, 4, 5, num_channels), np.uint8)
        assert (in_colours(colours) == colours[..., :3]).all()
