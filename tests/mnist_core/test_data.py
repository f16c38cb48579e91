import gzip
import hashlib
import importlib.util
import io
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core import data
from mnist_core.data import (
    IMAGES_FILE,
    LABELS_FILE,
    TEST_IMAGES_FILE,
    TEST_LABELS_FILE,
    Dataset,
    Split,
    find_data_root,
    load_all_but_test,
    load_dataset,
    open_test_set,
)
from space.errors import InputError

NUM_IMAGES, VALIDATION_SIZE, TEST_SIZE = 60, 20, 30


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_root(root: Path, *, folder: str = "MNIST", gz: bool = False) -> Path:
    """A data root with a small dataset in MNIST's layout; returns its raw folder."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    write_files(raw, (IMAGES_FILE, LABELS_FILE), NUM_IMAGES, gz=gz)
    return raw


def write_files(raw: Path, files: tuple[str, str], num_images: int, *, gz: bool = False) -> Split:
    """Made-up images and labels; ``files`` are their names."""
    generator = np.random.default_rng(num_images)
    images = generator.integers(0, 256, (num_images, 28, 28), dtype=np.uint8)
    labels = np.arange(num_images, dtype=np.uint8) % 10
    for file, array in zip(files, (images, labels), strict=True):
        if gz:
            (raw / f"{file}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (raw / file).write_bytes(idx(array))
    return Split(images, labels.astype(np.int64))


@pytest.fixture(autouse=True)
def _small_sources(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """MNIST without known hashes and with few validation images, but for the tests of the real files."""
    monkeypatch.delenv("SEARCH_DATA_ROOT", raising=False)
    monkeypatch.setattr(data, "DOWNLOAD_SECONDS", 60)
    if not request.node.get_closest_marker("mnist"):
        for name, source in data._SOURCES.items():
            small = replace(source, validation_size=VALIDATION_SIZE, sha256={})
            monkeypatch.setitem(data._SOURCES, name, small)


def index_of(split: Split) -> NDArray[np.int64]:
    return split.images.reshape(len(split), -1)[:, :2].astype(np.int64) @ np.array([256, 1])


@pytest.fixture
def indexed_digits(monkeypatch: pytest.MonkeyPatch) -> Split:
    """The digits with their labels, and each one's index in place of its first two pixels."""
    whole = data._read_digits()
    images = whole.images.copy()
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(len(whole)), 256)
    indexed = Split(images, whole.labels)
    monkeypatch.setattr(data, "_read_digits", lambda: indexed)
    return indexed


def test_digits_have_their_sizes_shapes_and_range() -> None:
    digits = load_dataset("digits", find_data_root("digits"))
    assert (len(digits.train), len(digits.validation), digits.num_classes) == (1_197, 300, 10)
    for split in (digits.train, digits.validation):
        assert split.images.shape == (len(split), 28, 28)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int64)
        assert (split.images.min(), split.images.max()) == (0, 255)
        assert set(split.labels.tolist()) == set(range(10))


def test_digits_are_enlarged_bilinearly() -> None:
    import torch.nn.functional as F
    from sklearn.datasets import load_digits
    from torch import tensor

    whole, small = data._read_digits(), load_digits()
    enlarged = F.interpolate(tensor(small.images).unsqueeze(1), size=28, mode="bilinear").squeeze(1)
    assert np.abs(whole.images - enlarged.numpy() * (255 / 16)).max() <= 0.5 + 1e-9
    assert np.array_equal(whole.labels, small.target)


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


def test_roots_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    asked = []
    monkeypatch.setattr(data, "_download", lambda folder, root: asked.append((folder, root)))

    assert find_data_root("mnist") == Path("data")
    assert asked == [("MNIST", Path("data"))]
    write_root(tmp_path / "shared" / "data")
    assert find_data_root("mnist") == Path("../shared/data")
    write_root(here / "data")
    assert find_data_root("mnist") == Path("data")

    environment, option = tmp_path / "environment", tmp_path / "option"
    monkeypatch.setenv("SEARCH_DATA_ROOT", str(environment))
    assert find_data_root("mnist") == environment
    assert find_data_root("mnist", option) == option
    assert asked[1:] == [("MNIST", environment), ("MNIST", option)]
    write_root(environment)
    write_root(option)
    assert find_data_root("mnist") == environment
    assert find_data_root("mnist", option) == option
    assert len(asked) == 3


@pytest.mark.parametrize("missing", [IMAGES_FILE, LABELS_FILE])
def test_a_root_needs_both_files(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(data, "_download", lambda folder, root: asked.append((folder, root)))
    (write_root(tmp_path) / missing).unlink()
    find_data_root("mnist", tmp_path)
    assert asked == [("MNIST", tmp_path)]
    with pytest.raises(InputError, match=rf"{missing} is gone; give --data-root or restore it"):
        load_dataset("mnist", tmp_path)


IMAGES = idx(np.zeros((NUM_IMAGES, 28, 28), np.uint8))
DAMAGED = {
    "empty": b"",
    "shorter than a header": IMAGES[:7],
    "a header alone": IMAGES[:16],
    "truncated": IMAGES[:-1],
    "with something after it": IMAGES + b"\0",
    "a web page": b"<html>502 Bad Gateway</html>",
    "of another type": b"\0\0\x0d\3" + IMAGES[4:],
    "labels in place of images": idx(np.zeros(NUM_IMAGES, np.uint8)),
    # The product of these sizes is 0 in 64 bits.
    "of absurd sizes": struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 4),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("gz", [False, True])
def test_a_damaged_file_is_named_with_what_to_do(content: bytes, gz: bool, tmp_path: Path) -> None:
    path = write_root(tmp_path, gz=gz) / (f"{IMAGES_FILE}.gz" if gz else IMAGES_FILE)
    path.write_bytes(gzip.compress(content) if gz else content)
    assert_named_as_corrupt(path, tmp_path)


def test_a_damaged_archive_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = write_root(tmp_path, gz=True) / f"{IMAGES_FILE}.gz"
    whole = path.read_bytes()
    for content in (
        b"",
        whole[:200],
        whole[:10] + b"\xff" * 50,  # no kind of block that deflate knows
        whole[:50] + b"\xff" * 50 + whole[100:],
        whole[:-8] + bytes(8),
        b"garbage",
    ):
        path.write_bytes(content)
        assert_named_as_corrupt(path, tmp_path)


def test_a_file_with_another_hash_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_root(tmp_path) / IMAGES_FILE
    known = {IMAGES_FILE: hashlib.sha256(path.read_bytes()).hexdigest()}
    monkeypatch.setitem(data._SOURCES, "mnist", replace(data._SOURCES["mnist"], sha256=known))
    load_dataset("mnist", tmp_path)
    content = bytearray(path.read_bytes())
    content[1_000] ^= 1
    path.write_bytes(content)
    assert_named_as_corrupt(path, tmp_path)


def assert_named_as_corrupt(path: Path, root: Path, read: Callable[[str, Path | None], Dataset] = load_dataset) -> None:
    with pytest.raises(InputError) as raised:
        read("mnist", root)
    message = str(raised.value)
    assert message.startswith(f"{path} is corrupt")
    assert message.endswith("delete it and run again to download it again, or give another --data-root")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("images", "labels", "refusal"),
    [
        (np.zeros((60, 28, 28)), np.zeros(59), "it must hold one label for each image of 28x28"),
        (np.zeros((60, 27, 28)), np.zeros(60), "it must hold one label for each image of 28x28"),
        (np.zeros((0, 28, 28)), np.zeros(0), "it must hold one label for each image of 28x28"),
        (np.zeros((20, 28, 28)), np.zeros(20), "20 training images; it must hold more than the 20 validation images"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    images: NDArray[Any], labels: NDArray[Any], refusal: str, tmp_path: Path
) -> None:
    raw = write_root(tmp_path)
    (raw / IMAGES_FILE).write_bytes(idx(images.astype(np.uint8)))
    (raw / LABELS_FILE).write_bytes(idx(labels.astype(np.uint8)))
    with pytest.raises(InputError, match=f"{refusal}$"):
        load_dataset("mnist", tmp_path)


def test_labels_beyond_the_classes_are_refused(tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    (raw / LABELS_FILE).write_bytes(idx(np.arange(NUM_IMAGES, dtype=np.uint8) % 11))
    with pytest.raises(InputError, match="holds the label 10; labels must be from 0 to 9"):
        load_dataset("mnist", tmp_path)


# The test set: none of these tests reads the real one


TEST_FILES = (TEST_IMAGES_FILE, TEST_LABELS_FILE)


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


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (np.zeros((NUM_IMAGES, 28, 28), np.uint8), None, "every pixel of the training images of mnist has the same"),
        (np.full((NUM_IMAGES, 28, 28), 7, np.uint8), None, "every pixel of the training images of mnist has the same"),
        (None, np.full(NUM_IMAGES, 3, np.uint8), "all training images of mnist are of class 3: it takes two classes"),
    ],
    ids=["black", "of one grey", "of one class"],
)
def test_images_from_which_nothing_can_be_learnt_are_refused(images, labels, reason: str, tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    for file, array in ((IMAGES_FILE, images), (LABELS_FILE, labels)):
        if array is not None:
            (raw / file).write_bytes(idx(array))
    with pytest.raises(InputError, match=reason):
        load_dataset("mnist", tmp_path)


@pytest.mark.parametrize("file", TEST_FILES)
def test_a_test_file_that_is_absent_or_damaged_is_named(file: str, tmp_path: Path) -> None:
    path = write_root(tmp_path) / file
    write_files(path.parent, TEST_FILES, TEST_SIZE)
    path.write_bytes(path.read_bytes()[:-1])
    assert_named_as_corrupt(path, tmp_path, open_test_set)
    path.unlink()
    with pytest.raises(InputError, match=rf"{file} is gone; give --data-root or restore it$"):
        open_test_set("mnist", tmp_path)


def test_test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    write_files(raw, TEST_FILES, TEST_SIZE)
    (raw / TEST_LABELS_FILE).write_bytes(idx(np.zeros(TEST_SIZE + 1, np.uint8)))
    with pytest.raises(InputError, match=rf"31 labels for images of shape \(30, 28, 28\) in {TEST_IMAGES_FILE}"):
        open_test_set("mnist", tmp_path)


def pretended_download(folder: str, root: Path) -> None:
    write_root(root, folder=folder)


def stuck_download(folder: str, root: Path) -> None:
    import time

    time.sleep(60)


def test_what_is_absent_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_torchvision_download", pretended_download)
    root = find_data_root("kmnist", tmp_path)
    assert root == tmp_path
    assert len(load_dataset("kmnist", root).validation) == VALIDATION_SIZE


def test_a_download_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_torchvision_download", stuck_download)
    monkeypatch.setattr(data, "DOWNLOAD_SECONDS", 0.1)
    with pytest.raises(InputError, match="could not be downloaded"):
        find_data_root("mnist", tmp_path)


def test_torchvision_knows_the_datasets_by_our_folders() -> None:
    # Read, not imported: importing it takes seconds, and fails beside some builds of torch.
    torchvision = importlib.util.find_spec("torchvision")
    assert torchvision is not None
    assert torchvision.origin is not None
    exported = (Path(torchvision.origin).parent / "datasets" / "__init__.py").read_text(encoding="utf-8")
    assert {source.folder for source in data._SOURCES.values()} <= set(re.findall(r"\w+", exported))


@pytest.fixture
def cut_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A proxy that refuses whatever it is asked for; gives the list of what that was."""
    asked = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        do_CONNECT = do_GET  # noqa: N815 (the name that http.server looks up)

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield asked
    server.shutdown()
    server.server_close()


def test_without_a_network_one_line_says_what_to_do(
    tmp_path: Path, cut_line: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError) as raised:
        find_data_root("mnist", tmp_path)
    assert cut_line, "the download itself was never tried"
    message = str(raised.value)
    assert message.startswith(f"MNIST is not in {tmp_path} and could not be downloaded")
    assert "\n" not in message
    for way_out in (str(tmp_path / "MNIST" / "raw"), "--data-root", "SEARCH_DATA_ROOT", "--dataset digits"):
        assert way_out in message
    assert capfd.readouterr() == ("", "")


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


@pytest.mark.mnist
def test_all_60_000_images_train_beside_the_test_set_and_a_made_up_one_is_noticed(
    mnist_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (IMAGES_FILE, LABELS_FILE):
        (raw / file).symlink_to(mnist_root / "MNIST" / "raw" / file)
    write_files(raw, TEST_FILES, 10_000)
    assert_named_as_corrupt(raw / TEST_IMAGES_FILE, tmp_path, open_test_set)
    known = {file: sha256 for file, sha256 in data._MNIST_SHA256.items() if file not in TEST_FILES}
    monkeypatch.setitem(data._SOURCES, "mnist", replace(data._SOURCES["mnist"], sha256=known))
    others = load_all_but_test("mnist", tmp_path)
    assert (len(others.train), len(open_test_set("mnist", tmp_path))) == (60_000, 10_000)
    assert (round(others.mean, 4), round(others.std, 4)) == (0.1307, 0.3081)


@pytest.mark.mnist
def test_one_changed_byte_of_mnist_is_noticed(mnist_root: Path, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (IMAGES_FILE, LABELS_FILE):
        # Bytes alone: the original's permissions may forbid writing.
        shutil.copyfile(mnist_root / "MNIST" / "raw" / file, raw / file)
    with (raw / LABELS_FILE).open("r+b") as labels:
        labels.seek(4_321)
        labels.write(b"\x0a")
    assert_named_as_corrupt(raw / LABELS_FILE, tmp_path)
