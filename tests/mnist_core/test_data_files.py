"""Where the files of a dataset are, what is there instead, what is downloaded, and files that can't be used."""

import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core import data_files
from mnist_core.data import Dataset, Split, find_data_root, load_all_but_test, load_dataset, open_test_set
from mnist_core.data_files import DOWNLOADED_FILE, IMAGES_FILE, LABELS_FILE, TEST_IMAGES_FILE, TEST_LABELS_FILE
from mnist_core.datasets.sources import ImageSource, Kind, kind_of, parse_source
from space.errors import InputError
from tests.kinds_of_files import KINDS, make_other
from tests.mnist_layout import NUM_IMAGES, TEST_FILES, TEST_SIZE, VALIDATION_SIZE, idx, write_files, write_root

pytestmark = pytest.mark.usefixtures("small_sources")


def test_roots_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    asked = []
    monkeypatch.setattr(data_files, "_download", lambda folder, root: asked.append((folder, root)))

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
def test_a_part_of_the_files_is_never_completed_by_a_download(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "_download", refuse)
    raw = write_root(tmp_path)
    write_files(raw, TEST_FILES, TEST_SIZE)
    (raw / missing).unlink()
    with pytest.raises(InputError, match=rf"MNIST/raw holds .*, but not both {IMAGES_FILE} and {LABELS_FILE}: add"):
        find_data_root("mnist", tmp_path)
    with pytest.raises(InputError, match=rf"{missing} is absent: restore it, or name another folder with --data-root"):
        load_dataset("mnist", tmp_path)


def refuse(*_: object) -> None:
    raise AssertionError("nothing is to be downloaded")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["", "MNIST", "MNIST/raw", f"MNIST/raw/{LABELS_FILE}", f"MNIST/raw/{IMAGES_FILE}.gz"])
def test_what_is_there_instead_of_data_is_said(
    place: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "_download", refuse)
    is_folder_wanted = LABELS_FILE not in place and IMAGES_FILE not in place
    if is_folder_wanted and kind == "folder":
        return
    root = tmp_path / "root"
    if not is_folder_wanted:
        name = Path(place).name.removesuffix(".gz")
        (write_root(root) / name).unlink()
    found = make_other(root / place, kind)
    wanted = "" if kind == "link to nothing" else f": a {'folder' if is_folder_wanted else 'file'} is needed"
    with pytest.raises(InputError, match=rf"{re.escape(str(root / place))} is {found}{wanted}$"):
        find_data_root("mnist", root)


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
    assert_refused(path, tmp_path)


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
        assert_refused(path, tmp_path)


def test_no_more_is_read_than_a_header_says(tmp_path: Path) -> None:
    path = write_root(tmp_path) / IMAGES_FILE
    with path.open("r+b") as file:
        file.truncate(10**13)  # takes no space, but would not fit into memory
    assert_refused(path, tmp_path, "is longer than its header says")
    with path.open("r+b") as file:
        file.write(struct.pack(">BBBB3I", 0, 0, 8, 3, 4_000_000_000, 28, 28))
    assert_refused(path, tmp_path, "claims to hold 4000000000x28x28 bytes, more than 1,000,000 images of 28x28")


def test_a_file_with_another_hash_may_be_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_root(tmp_path) / IMAGES_FILE
    known = {IMAGES_FILE: hashlib.sha256(path.read_bytes()).hexdigest()}
    monkeypatch.setitem(data_files.SOURCES, "mnist", replace(data_files.SOURCES["mnist"], sha256=known))
    load_dataset("mnist", tmp_path)
    content = bytearray(path.read_bytes())
    content[1_000] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    hashes = f"does not have the SHA-256 of MNIST's file, {known[IMAGES_FILE][:12]}..., but {found[:12]}..."
    message = assert_refused(path, tmp_path, hashes, own=True)
    # The way that it names for them is one.
    assert f"--dataset {path.parent}, and compared with no hash" in message
    assert kind_of(cast(ImageSource, parse_source(str(path.parent)))) == Kind.IDX


def assert_refused(
    path: Path,
    root: Path,
    problem: str = "",
    read: Callable[[str, Path | None], Dataset | Split] = load_dataset,
    *,
    own: bool = False,
) -> str:
    """A file that may be the user's own is refused in one line that does not suggest to delete it."""
    with pytest.raises(InputError) as raised:
        read("mnist", root)
    message = str(raised.value)
    assert message.startswith(f"{path} {problem}")
    assert "restore it, or name another folder with --data-root (MNIST is downloaded into an empty one)" in message
    assert ("images of your own" in message) == own
    assert "delete" not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("images", "labels", "refusal"),
    [
        (np.zeros((60, 28, 28)), np.zeros(59), "it must hold one label for each image of 28x28"),
        (np.zeros((60, 27, 28)), np.zeros(60), "it must hold one label for each image of 28x28"),
        (np.zeros((0, 28, 28)), np.zeros(0), "it must hold one label for each image of 28x28"),
        (np.zeros((20, 28, 28)), np.zeros(20), "at least 2 must be left to train on"),
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


@pytest.mark.parametrize("file", TEST_FILES)
def test_a_test_file_that_is_absent_or_damaged_is_named(file: str, tmp_path: Path) -> None:
    path = write_root(tmp_path) / file
    write_files(path.parent, TEST_FILES, TEST_SIZE)
    path.write_bytes(path.read_bytes()[:-1])
    assert_refused(path, tmp_path, "is shorter than its header says", open_test_set)
    path.unlink()
    with pytest.raises(InputError, match=rf"{file} is absent: restore it, or name another folder with --data-root$"):
        open_test_set("mnist", tmp_path)


def test_test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    raw = write_root(tmp_path)
    write_files(raw, TEST_FILES, TEST_SIZE)
    (raw / TEST_LABELS_FILE).write_bytes(idx(np.zeros(TEST_SIZE + 1, np.uint8)))
    with pytest.raises(InputError, match=rf"31 labels for images of shape \(30, 28, 28\) in {TEST_IMAGES_FILE}"):
        open_test_set("mnist", tmp_path)


def pretended_download(folder: str, root: Path) -> None:
    write_files(write_root(root, folder=folder), TEST_FILES, TEST_SIZE)


def broken_download(folder: str, root: Path) -> None:
    (write_root(root, folder=folder) / TEST_IMAGES_FILE).write_bytes(b"half")


def stuck_download(folder: str, root: Path) -> None:
    import time

    time.sleep(60)


def test_what_is_absent_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_torchvision_download", pretended_download)
    root = find_data_root("kmnist", tmp_path / "a/b")
    assert root == tmp_path / "a/b"
    assert os.listdir(root) == ["KMNIST"]
    assert sorted(os.listdir(root / "KMNIST/raw")) == sorted([*data_files.FILES, DOWNLOADED_FILE])
    assert len(load_dataset("kmnist", root).validation) == VALIDATION_SIZE
    assert len(open_test_set("kmnist", root)) == TEST_SIZE


def test_only_what_was_downloaded_may_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_torchvision_download", pretended_download)
    find_data_root("mnist", tmp_path)
    path = tmp_path / "MNIST/raw" / IMAGES_FILE
    times = json.loads(path.with_name(DOWNLOADED_FILE).read_text())
    assert times == {file: path.with_name(file).stat().st_mtime_ns for file in data_files.FILES}

    # A disk that fails leaves the time of change as it was; it is put back here.
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    os.utime(path, ns=(times[IMAGES_FILE],) * 2)
    with pytest.raises(InputError, match=r"shorter than .*: this program downloaded it, so delete it and run again$"):
        load_dataset("mnist", tmp_path)
    path.unlink()
    labels = path.with_name(LABELS_FILE).stat()
    assert find_data_root("mnist", tmp_path) == tmp_path
    assert path.read_bytes() == content
    assert path.with_name(LABELS_FILE).stat() == labels, "what was there is left alone"

    # The user's own in its place.
    os.utime(path, ns=(1, 1))
    path.write_bytes(content[:-1])
    assert_refused(path, tmp_path, "is shorter than its header says")
    path.unlink()
    path.with_name(LABELS_FILE).write_bytes(b"mine")
    with pytest.raises(InputError, match="but not both"):
        find_data_root("mnist", tmp_path)


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b"\xff", b'{"train-images-idx3-ubyte": "now"}'])
def test_without_a_record_a_file_may_be_the_users_own(record: bytes, tmp_path: Path) -> None:
    path = write_root(tmp_path) / IMAGES_FILE
    path.write_bytes(b"")
    path.with_name(DOWNLOADED_FILE).write_bytes(record)
    assert_refused(path, tmp_path, "is damaged or not in IDX format")


def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_torchvision_download", broken_download)
    with pytest.raises(InputError, match=r"MNIST is not in .* and could not be downloaded"):
        find_data_root("mnist", tmp_path / "a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_torchvision_download", stuck_download)
    monkeypatch.setattr(data_files, "DOWNLOAD_SECONDS", 0.1)
    with pytest.raises(InputError, match="could not be downloaded"):
        find_data_root("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_torchvision_knows_the_datasets_by_our_folders() -> None:
    # Read, not imported: importing it takes seconds, and fails beside some builds of torch.
    torchvision = importlib.util.find_spec("torchvision")
    assert torchvision is not None
    assert torchvision.origin is not None
    exported = (Path(torchvision.origin).parent / "datasets" / "__init__.py").read_text(encoding="utf-8")
    assert {source.folder for source in data_files.SOURCES.values()} <= set(re.findall(r"\w+", exported))


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


@pytest.mark.mnist
def test_all_60_000_images_train_beside_the_test_set_and_a_made_up_one_is_noticed(
    mnist_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (IMAGES_FILE, LABELS_FILE):
        (raw / file).symlink_to(mnist_root / "MNIST" / "raw" / file)
    write_files(raw, TEST_FILES, 10_000)
    assert_refused(raw / TEST_IMAGES_FILE, tmp_path, "does not have the SHA-256 of", open_test_set, own=True)
    known = {file: sha256 for file, sha256 in data_files._MNIST_SHA256.items() if file not in TEST_FILES}
    monkeypatch.setitem(data_files.SOURCES, "mnist", replace(data_files.SOURCES["mnist"], sha256=known))
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
    assert_refused(raw / LABELS_FILE, tmp_path, "does not have the SHA-256 of", own=True)
