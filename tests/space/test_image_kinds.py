import pytest

from space.architecture import ArchitectureSpec
from space.errors import InputError
from space.image_kinds import ImageKind, with_classes, with_shape

COLOURS = ImageKind("pets", (3, 20, 16), 3)


def net(text: str) -> ArchitectureSpec:
    return ArchitectureSpec.from_text(text)


def test_a_net_without_a_shape_is_for_that_of_the_images() -> None:
    assert str(with_shape(net("8s:br p 12v:br gap fc10+"), COLOURS)) == "3x20x16 8s:br p 12v:br gap fc10+"
    given = net("3x20x16 8s:br gap fc10+")
    assert with_shape(given, COLOURS) is given
    assert with_shape(net("8s:br gap fc10+"), ImageKind("mnist")) == net("8s:br gap fc10+")


def test_a_net_for_another_shape_is_refused() -> None:
    with pytest.raises(InputError) as error:
        with_shape(net("3x32x32 8s:br gap fc10+"), COLOURS)
    assert (
        str(error.value)
        == "the net is for images of 3x32x32 (channels, height, width), and those of pets are of 3x20x16"
    )
    with pytest.raises(InputError, match="images of pets, 3x20x16, are too small: layer 5 '8v:br': the spatial size"):
        with_shape(net("8v:br p 8v:br p 8v:br gap fc10+"), COLOURS)


def test_the_last_layer_gets_an_output_for_each_class() -> None:
    assert str(with_classes(net("8s:br gap fc20:r fc10+"), COLOURS)) == "8s:br gap fc20:r fc3+"
    assert str(with_classes(net("3s:br gap"), COLOURS)) == "3s:br gap"
    with pytest.raises(InputError) as error:
        with_classes(net("8s:br gap"), COLOURS)
    assert str(error.value) == (
        "the net has 8 outputs for the 3 classes of pets, and ends in 'gap', not in a fully connected layer"
    )
