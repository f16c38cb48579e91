"""Which images are set apart: always the same ones, in each class about the same share, and equal ones on one side."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core.datasets.contents import Contents, Split
from mnist_core.datasets.parting import Part, digests_of, part_images, warnings_of_parts
from space.errors import InputError
from tests.own_images import digits

IMAGES, LABELS = digits()
NAMES = tuple("0123456789")


def split(positions: NDArray[np.int64] | slice) -> Split:
    return Split(IMAGES[positions][..., np.newaxis], LABELS[positions])


def parts_of(contents: Contents) -> dict[str, Part]:
    return part_images(contents, "digits")


def images_in(part: Part) -> set[bytes]:
    return {part.split.images[position].tobytes() for position in part.positions}


def test_each_class_gives_about_the_same_share() -> None:
    parts = parts_of(Contents(split(slice(None)), NAMES))
    assert sum(len(part.labels) for part in parts.values()) == len(LABELS)
    for name, share in (("test", 1 / 6), ("validation", 5 / 36), ("train", 25 / 36)):
        counts = np.bincount(parts[name].labels, minlength=10)
        spread = np.sqrt(np.bincount(LABELS) * share * (1 - share))
        assert (np.abs(counts - np.bincount(LABELS) * share) < 3.5 * spread).all(), name
        np.testing.assert_array_equal(parts[name].split.labels[parts[name].positions], parts[name].labels)


def test_an_image_stays_in_its_part_when_a_folder_grows() -> None:
    order = np.random.default_rng(0).permutation(len(LABELS))
    few, all_images = parts_of(Contents(split(order[:700]), NAMES)), parts_of(Contents(split(order), NAMES))
    for name in ("train", "validation", "test"):
        assert len(few[name].labels) > 50
        assert images_in(few[name]) <= images_in(all_images[name])


def test_the_split_and_its_order_do_not_depend_on_the_order_of_the_files() -> None:
    shuffled = np.random.default_rng(1).permutation(len(LABELS))
    first, second = parts_of(Contents(split(slice(None)), NAMES)), parts_of(Contents(split(shuffled), NAMES))
    for name in first:
        np.testing.assert_array_equal(first[name].digests, second[name].digests)
        np.testing.assert_array_equal(first[name].labels, second[name].labels)


def test_equal_images_are_in_one_part_even_in_two_classes() -> None:
    twice = np.concatenate([np.arange(len(LABELS))] * 2)
    labels = LABELS[twice].copy()
    labels[len(LABELS) :] = (labels[len(LABELS) :] + 1) % 10
    parts = parts_of(Contents(Split(IMAGES[twice][..., np.newaxis], labels), NAMES))
    of_parts = [images_in(part) for part in parts.values()]
    assert not of_parts[0] & of_parts[1]
    assert not of_parts[2] & (of_parts[0] | of_parts[1])
    (warning,) = warnings_of_parts(parts)
    assert (
        warning == f"{len({image.tobytes() for image in IMAGES}):,} images are in more than one class, pixel by pixel"
    )


def test_given_parts_are_kept_and_what_they_share_is_counted() -> None:
    contents = Contents(split(slice(0, 1000)), NAMES, split(slice(990, 1100)), split(slice(1099, 1797)))
    parts = parts_of(contents)
    assert [len(part.labels) for part in parts.values()] == [1000, 110, 698]
    assert warnings_of_parts(parts) == [
        "1 of 698 test image is among the validation images as well, pixel by pixel",
        "10 of 110 validation images are among the training images as well, pixel by pixel",
    ]


def test_a_given_test_set_leaves_the_validation_set_as_it_is() -> None:
    whole = parts_of(Contents(split(slice(None)), NAMES))
    given = parts_of(Contents(split(slice(0, 1200)), NAMES, test=split(slice(1200, 1797))))
    assert len(given["test"].labels) == 597
    not_test = images_in(given["validation"]) - images_in(whole["test"])
    assert not_test == images_in(whole["validation"]) & images_in(given["validation"])
    assert len(not_test) > 50


def test_a_small_class_has_an_image_in_each_part() -> None:
    few = np.concatenate([np.flatnonzero(label == LABELS)[:10] for label in range(10)])
    parts = parts_of(Contents(split(few), NAMES))
    for part in parts.values():
        assert (np.bincount(part.labels, minlength=10) > 0).all()


def test_too_few_images_of_a_class_are_refused_with_the_class_and_the_number() -> None:
    few = np.concatenate([np.flatnonzero(label == LABELS)[: 9 if label == 7 else 20] for label in range(10)])
    with pytest.raises(InputError) as error:
        parts_of(Contents(split(np.concatenate([few, few])), NAMES))
    assert str(error.value) == (
        "class '7' of digits has 9 different images: at least 10 are needed, since some are set apart for validation "
        "and test"
    )
    given = Contents(split(few), NAMES, split(slice(0, 100)), split(slice(100, 200)))
    assert len(parts_of(given)["train"].labels) == len(few)


def test_digests_tell_shapes_apart() -> None:
    assert digests_of(IMAGES[:1].reshape(1, 4, 16, 1)).tolist() != digests_of(IMAGES[:1].reshape(1, 16, 4, 1)).tolist()
