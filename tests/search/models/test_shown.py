import numpy as np

from search.models.shown import in_colours, show_on_light


def test_grey_becomes_three_equal_colours_and_colours_stay() -> None:
    grey = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5, 1)
    assert (in_colours(grey) == grey).all()
    assert in_colours(grey).shape == (2, 4, 5, 3)
    for num_channels in (3, 4):
        colours = np.random.default_rng(0).integers(0, 256, (2, 4, 5, num_channels), np.uint8)
        assert (in_colours(colours) == colours[..., :3]).all()


def test_only_grey_images_on_black_become_negatives() -> None:
    drawn = np.zeros((3, 8, 8, 1), np.uint8)
    drawn[:, 2:6, 3:5] = 200
    photographs = np.random.default_rng(0).integers(30, 256, (3, 8, 8, 1), np.uint8)
    assert (show_on_light(drawn) == 255 - drawn).all()
    assert (show_on_light(photographs) == photographs).all()
    coloured = np.repeat(drawn, 3, axis=-1)
    assert (show_on_light(coloured) == coloured).all()
