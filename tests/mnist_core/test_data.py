import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core import data
from mnist_core.data import (
    Dataset,
    Split,
    find_data_root,
    load_all_but_test,
    load_dataset,
    open_test_set,
)
from mnist_core.data_files import IMAGES_FILE, LABELS_FILE
from space.errors import InputError
from tests.mnist_layout import NUM_IMAGES, TEST_FILES, TEST_SIZE, VALIDATION_SIZE, idx, write_files, write_root

pytestmark = pytest.mark.usefixtures("small_sources")


def index_of(split: Split) -> NDArray[np.int64]:
    return split.images.reshape(len(split), -1)[:, :2].astype(np.int64) @ np.array([256, 1])


@pytest.fixture
def indexed_digits(monkeypatch: pytest.MonkeyPatch) -> Split:
    """The digits with their labels, and each one's index in place of its first two pixels."""
    whole = data._read_digits()
    images = whole.images.copy()
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(len(whole)), 256)
    indexed = Split(images, whole.labels)
    monkeypatch.setattr(data, "_read_digits", lambda: indexed)
    return indexed


def test_digits_have_their_sizes_shapes_and_range() -> None:
    digits = load_dataset("digits", find_data_root("digits"))
    assert (len(digits.train), len(digits.validation), digits.num_classes) == (1_197, 300, 10)
    for split in (digits.train, digits.validation):
        assert split.images.shape == (len(split), 28, 28, 1)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int64)
        assert (split.images.min(), split.images.max()) == (0, 255)
        assert set(split.labels.tolist()) == set(range(10))


def test_digits_are_enlarged_bilinearly() -> None:
    import torch.nn.functional as F
    from sklearn.datasets import load_digits
    from torch import tensor

    whole, small = data._read_digits(), load_digits()
    enlarged = F.interpolate(tensor(small.images).unsqueeze(1), size=28, mode="bilinear").squeeze(1)
    assert np.abs(whole.images[..., 0] - enlarged.numpy() * (255 / 16)).max() <= 0.5 + 1e-9
    assert np.array_equal(whole.labels, small.target)
    checksum = load_dataset("digits", None).sha256
    assert checksum == "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "studies are made with these"


def test_splits_share_no_image_and_keep_the_classes_shares(indexed_digits: Split) -> None:
    digits = load_dataset("digits", None)
    train, validation = index_of(digits.train), index_of(digits.validation)
    assert len({*train, *validation}) == 1_497
    whole_counts = np.bincount(indexed_digits.labels)
    for split in (digits.train, digits.validation):
        exact = whole_counts * (len(split) / len(indexed_digits))
        # Validation is drawn from the whole, training from what that left: each keeps to within one image.
        assert np.abs(np.bincount(split.labels) - exact).max() < 1 + (split is digits.train)
        assert np.array_equal(split.labels, indexed_digits.labels[index_of(split)])
    assert np.abs(np.bincount(digits.validation.labels) - whole_counts * (300 / 1_797)).max() < 1


def test_the_split_of_digits_is_always_the_same_one(indexed_digits: Split) -> None:
    digits = load_dataset("digits", None)
    index = np.concatenate([index_of(digits.validation), index_of(digits.train)])
    golden = "7a732c7d76612866"
    assert hashlib.sha256(index.astype(">u2").tobytes()).hexdigest()[:16] == golden


def test_a_whole_dataset_is_covered_by_its_two_splits(tmp_path: Path) -> None:
    write_root(tmp_path)
    mnist = load_dataset("mnist", tmp_path)
    assert (len(mnist.train), len(mnist.validation)) == (NUM_IMAGES - VALIDATION_SIZE, VALIDATION_SIZE)
    both = np.concatenate([mnist.train.images, mnist.validation.images])
    assert len(np.unique(both.reshape(NUM_IMAGES, -1), axis=0)) == NUM_IMAGES
    assert np.bincount(mnist.validation.labels).tolist() == [2] * 10
    assert np.bincount(mnist.train.labels).tolist() == [4] * 10


@pytest.mark.parametrize("train_size", [2, 15, 199, 1_196, 1_197])
def test_train_size_takes_from_training_alone(train_size: int) -> None:
    whole, part = load_dataset("digits", None), load_dataset("digits", None, train_size=train_size)
    assert np.array_equal(part.validation.images, whole.validation.images)
    assert np.array_equal(part.validation.labels, whole.validation.labels)
    assert len(part.train) == train_size
    assert part.sha256 == whole.sha256
    exact = np.bincount(whole.train.labels) * (train_size / len(whole.train))
    assert np.abs(np.bincount(part.train.labels, minlength=10) - exact).max() < 1
    of_whole = {image.tobytes() for image in whole.train.images}
    assert of_whole.issuperset(image.tobytes() for image in part.train.images)


@pytest.mark.parametrize("train_size", [-1, 0, 1, 1_198])
def test_a_train_size_that_cannot_be_is_refused(train_size: int) -> None:
    with pytest.raises(InputError, match=rf"--train-size must be from 2 to 1197 for digits, not {train_size}$"):
        load_dataset("digits", None, train_size=train_size)


@pytest.mark.parametrize("train_size", [None, 100])
def test_mean_and_std_are_those_of_the_training_pixels(train_size: int | None) -> None:
    digits = load_dataset("digits", None, train_size=train_size)
    pixels = digits.train.images.astype(np.float64) / 255
    assert digits.mean == pytest.approx(pixels.mean(), rel=1e-6)
    assert digits.std == pytest.approx(pixels.std(), rel=1e-6)
    both = np.concatenate([digits.train.images, digits.validation.images]) / 255
    assert digits.mean != pytest.approx(both.mean(), rel=1e-6)


def test_the_hash_tells_datasets_apart(tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    first = load_dataset("mnist", tmp_path).sha256
    assert load_dataset("mnist", tmp_path).sha256 == first
    content = bytearray((raw / LABELS_FILE).read_bytes())
    content[-1] ^= 1
    (raw / LABELS_FILE).write_bytes(content)
    assert load_dataset("mnist", tmp_path).sha256 != first


@pytest.mark.parametrize("name", ["MNIST", "cifar", "", "digits "])
def test_an_unknown_dataset_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match="mnist, fashion-mnist, kmnist, digits, not") as raised:
        find_data_root(name)
    assert repr(name) in str(raised.value)
    with pytest.raises(InputError, match="--dataset must be one of"):
        load_dataset(name, None)


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_compressed_files_are_read_too(name: str, folder: str, tmp_path: Path) -> None:
    write_root(tmp_path / "plain", folder=folder)
    write_root(tmp_path / "gz", folder=folder, gz=True)
    plain = load_dataset(name, find_data_root(name, tmp_path / "plain"))
    compressed = load_dataset(name, find_data_root(name, tmp_path / "gz"))
    assert plain.sha256 == compressed.sha256
    assert np.array_equal(plain.train.images, compressed.train.images)


# The test set: none of these tests reads the real one


def test_load_dataset_never_opens_the_test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_root(tmp_path)
    for file in TEST_FILES:
        (raw / file).write_bytes(b"sealed")
    opened = []
    real_open = io.open

    def recording_open(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(Path(file).name if isinstance(file, str | Path) else str(file))
        return real_open(file, *arguments, **options)

    # What open and every method of Path open files with.
    monkeypatch.setattr("builtins.open", recording_open)
    monkeypatch.setattr("io.open", recording_open)
    load_dataset("mnist", find_data_root("mnist", tmp_path), train_size=30)
    assert opened == [IMAGES_FILE, LABELS_FILE]


def test_the_test_set_is_opened_alone_and_all_other_images_train(tmp_path: Path) -> None:
    made_up = write_files(write_root(tmp_path), TEST_FILES, TEST_SIZE)
    opened = open_test_set("mnist", tmp_path)
    assert np.array_equal(opened.images, made_up.images)
    assert np.array_equal(opened.labels, made_up.labels)
    others, usual = load_all_but_test("mnist", tmp_path), load_dataset("mnist", tmp_path)
    assert len(others.train) == NUM_IMAGES
    assert images_of(others.train) == images_of(usual.train) | images_of(usual.validation)
    assert others.sha256 == usual.sha256
    pixels = others.train.images / 255
    assert (others.mean, others.std) == pytest.approx((pixels.mean(), pixels.std()))


def images_of(split: Split) -> set[tuple[bytes, int]]:
    """With their labels."""
    return {(image.tobytes(), int(label)) for image, label in zip(split.images, split.labels, strict=True)}


def test_the_test_set_of_digits_is_what_training_never_sees(indexed_digits: Split) -> None:
    opened = open_test_set("digits", None)
    others, usual = load_all_but_test("digits", None), load_dataset("digits", None)
    assert (len(others.train), len(opened)) == (1_497, 300)
    train, sealed = set(index_of(others.train)), set(index_of(opened))
    assert train == set(index_of(usual.train)) | set(index_of(usual.validation))
    assert train | sealed == set(range(1_797))
    for split in (others.train, opened):
        assert np.array_equal(split.labels, indexed_digits.labels[index_of(split)])


def labelled(*labels: int, size: int = NUM_IMAGES) -> NDArray[np.uint8]:
    """As many labels as ``size``: those given, then the first of them again and again."""
    return np.array([*labels, *[labels[0]] * (size - len(labels))], np.uint8)


USELESS: dict[str, tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None, str]] = {
    "black": (np.zeros((NUM_IMAGES, 28, 28), np.uint8), None, "every pixel of the {} of mnist has the same value"),
    "of one grey": (np.full((NUM_IMAGES, 28, 28), 7, np.uint8), None, "every pixel of the {} of mnist has the same"),
    "of one class": (None, labelled(3), "all {} of mnist are of class 3: it takes two classes"),
}


@pytest.mark.parametrize("case", USELESS)
def test_images_from_which_nothing_can_be_learnt_or_measured_are_refused(case: str, tmp_path: Path) -> None:
    images, labels, reason = USELESS[case]
    for part, files, read in (
        ("training images", (IMAGES_FILE, LABELS_FILE), load_dataset),
        ("test images", TEST_FILES, open_test_set),
    ):
        raw = write_root(tmp_path / part)
        write_files(raw, TEST_FILES, NUM_IMAGES)
        for file, array in zip(files, (images, labels), strict=True):
            if array is not None:
                (raw / file).write_bytes(idx(array))
        with pytest.raises(InputError, match=reason.format(part)):
            read("mnist", tmp_path / part)


@pytest.mark.parametrize("num_images", [1, VALIDATION_SIZE, VALIDATION_SIZE + 1])
def test_two_images_must_be_left_to_train_on(num_images: int, tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    write_files(raw, (IMAGES_FILE, LABELS_FILE), num_images)
    with pytest.raises(InputError, match=rf"holds {num_images} training images?; 20 of them are taken .* at least 2"):
        load_dataset("mnist", tmp_path)
    write_files(raw, (IMAGES_FILE, LABELS_FILE), VALIDATION_SIZE + 2)
    assert len(load_dataset("mnist", tmp_path).train) == 2


def test_one_test_image_measures_nothing(tmp_path: Path) -> None:
    write_files(write_root(tmp_path), TEST_FILES, 1)
    with pytest.raises(InputError, match="there is 1 image among the test images of mnist: it takes 2 to measure"):
        open_test_set("mnist", tmp_path)


def test_validation_images_of_one_class_measure_nothing(tmp_path: Path) -> None:
    (write_root(tmp_path) / LABELS_FILE).write_bytes(idx(labelled(0, 1)))
    with pytest.raises(InputError, match="all validation images of mnist are of class 0"):
        load_dataset("mnist", tmp_path)


@pytest.mark.parametrize(
    ("labels", "warnings"),
    [
        (np.arange(NUM_IMAGES) % 10, []),
        (np.arange(NUM_IMAGES) % 9, ["the training images of mnist hold none of class 9", "validation of class 9"]),
        # A single image of a class goes to the larger part.
        (
            np.repeat([0, 1, 8, 9], [26, 32, 1, 1]),
            [
                "the training images of mnist hold none of classes 2, 3, 4, 5, 6, 7",
                "validation of classes 2, 3, 4, 5, 6, 7, 8, 9",
            ],
        ),
    ],
    ids=["all there", "nowhere", "not in validation"],
)
def test_missing_classes_are_told(labels: NDArray[np.int64], warnings: list[str], tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    (raw / LABELS_FILE).write_bytes(idx(labels.astype(np.uint8)))
    told = [line.replace("validation of", "the validation images of mnist hold none of") for line in warnings]
    assert load_dataset("mnist", tmp_path).warnings == told
    test = write_files(raw, TEST_FILES, TEST_SIZE)
    assert data.warnings_of(test, "test images", 10) == []
    few = Split(test.images[:9], test.labels[:9])
    assert data.warnings_of(few, "test images", 10) == ["the test images hold none of class 9"]


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> Dataset:
    return load_dataset("mnist", mnist_root)


@pytest.mark.mnist
def test_mnist_is_split_as_promised(mnist: Dataset) -> None:
    assert (len(mnist.train), len(mnist.validation)) == (50_000, 10_000)
    counts = np.bincount(mnist.train.labels) + np.bincount(mnist.validation.labels)
    assert np.abs(np.bincount(mnist.validation.labels) - counts / 6).max() < 1
    # The familiar 0.1307 and 0.3081 are those of all 60,000.
    assert (round(mnist.mean, 3), round(mnist.std, 3)) == (0.131, 0.308)
