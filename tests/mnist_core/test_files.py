import os
import resource
from pathlib import Path

import pytest

from mnist_core.files import write_whole
from space.errors import FullDiskError, InputError

FULL = OSError(28, "No space left on device")


def content_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("content", [b"", b"new", bytes(range(256)) * 10_000], ids=len)
@pytest.mark.parametrize("before", [None, b"a longer content of old"])
def test_a_file_holds_what_was_written_and_is_alone(content: bytes, before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    if before is not None:
        path.write_bytes(before)
    write_whole(path, content)
    assert content_of(tmp_path) == {"model.bin": content}


def test_a_path_in_the_working_folder_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole(Path("model"), b"content")
    assert content_of(tmp_path) == {"model": b"content"}


def test_the_content_is_on_the_disk_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    fsync, replace = os.fsync, os.replace
    done = []

    def note_fsync(descriptor: int) -> None:
        # Buffers are flushed, or fsync would bring only a part of it to the disk.
        assert os.fstat(descriptor).st_size == len(b"new content")
        assert path.read_bytes() == b"old"
        fsync(descriptor)
        done.append("fsync")

    def note_replace(source: Path, target: Path) -> None:
        replace(source, target)
        done.append("replace")

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_whole(path, b"new content")
    assert done == ["fsync", "replace"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("before", [{}, {"model.bin": b"old"}], ids=["new", "old"])
def test_a_write_that_fails_leaves_what_was_there(
    call: str, before: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)

    def fail(*_arguments: object) -> None:
        assert len(content_of(tmp_path)) == len(before) + 1, "what is written so far has a name of its own"
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(FullDiskError) as caught:
            write_whole(tmp_path / "model.bin", b"new content")
    assert str(caught.value) == f"{tmp_path / 'model.bin'} can't be written: No space left on device"
    assert content_of(tmp_path) == before


def test_content_that_finds_no_room_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    # A file that may not grow is as good as a disk that is full: half of the content is written, then no more.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(FullDiskError, match=r"model\.bin can't be written: File too large$"):
            write_whole(path, bytes(2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content_of(tmp_path) == {"model.bin": b"old"}


PLACES = {
    "nowhere/model.bin": "No such file or directory",
    "folder": "Is a directory",
    "file/model.bin": "Not a directory",
    "n" * 300: "File name too long",
}


@pytest.mark.parametrize(
    ("place", "reason"),
    PLACES.items(),
    ids=lambda text: text[:20],
)
def test_a_place_that_cannot_be_written_is_named(place: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match=rf"{place} can't be written: {reason}$") as caught:
        write_whole(tmp_path / place, b"content")
    assert isinstance(caught.value, InputError)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"old"
