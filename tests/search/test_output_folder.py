import os
import signal
from pathlib import Path

import pytest

from search.output_folder import check_target, replace_folder, temporary_folder
from space.errors import InputError

FILES = ("model.c", "model.h", "config.json")


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("files", [FILES, None])
def test_what_is_not_there_may_be_written_with_and_without_force(files: tuple[str, ...] | None, tmp_path: Path) -> None:
    for force in (False, True):
        check_target(tmp_path / "out", "export", files, force=force)
        with pytest.raises(InputError, match=r"--out .*out can't be written: the folder .*missing does not exist"):
            check_target(tmp_path / "missing" / "out", "export", files, force=force)
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=r"the folder .*file does not exist"):
            check_target(tmp_path / "file" / "out", "export", files, force=force)


# What a folder holds, whether an export may replace it
FOLDERS = {
    "a whole export": (FILES, True),
    "a part of one": (("model.c",), True),
    "nothing": ((), False),
    "another file": ((*FILES, "mine.txt"), False),
    "a hidden one": ((*FILES, ".git"), False),
    "files of another command": (("config.json", "state.safetensors"), False),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_is_replaced_only_by_force_and_only_if_all_in_it_may_go(case: str, tmp_path: Path) -> None:
    names, may_go = FOLDERS[case]
    out = tmp_path / "out"
    out.mkdir()
    for name in names:
        (out / name).write_text("mine")
    with pytest.raises(InputError, match="exists already; --force replaces what an earlier export wrote"):
        check_target(out, "export", FILES, force=False)
    if may_go:
        check_target(out, "export", FILES, force=True)
    else:
        with pytest.raises(InputError, match="was not written by an export, so it is not replaced"):
            check_target(out, "export", FILES, force=True)
    assert contents(out) == dict.fromkeys(names, "mine")


def test_a_file_and_a_folder_do_not_replace_each_other(tmp_path: Path) -> None:
    file, folder = tmp_path / "model.onnx", tmp_path / "model"
    file.touch()
    folder.mkdir()
    check_target(file, "export", None, force=True)
    with pytest.raises(InputError, match=r"--out .*model is a folder, but --format writes one file"):
        check_target(folder, "export", None, force=True)
    with pytest.raises(InputError, match="was not written by an analysis"):
        check_target(file, "analysis", FILES, force=True)


def test_a_temporary_folder_is_beside_and_gone_however_it_is_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with temporary_folder(out) as folder:
        assert (folder.parent, folder.is_dir(), out.exists()) == (tmp_path, True, False)
        (folder / "half").write_text("half")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no such model"), temporary_folder(out) as folder:
        (folder / "half").write_text("half")
        raise InputError("no such model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_temporary_folder_is_gone_after_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), temporary_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("half")
        signal.raise_signal(number)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) == before


def test_a_temporary_folder_that_cannot_be_made_is_told_of_the_one_that_was_wanted(tmp_path: Path) -> None:
    expected = r"^--out .*out can't be written: No such file or directory$"
    with pytest.raises(InputError, match=expected), temporary_folder(tmp_path / "missing" / "out"):
        raise AssertionError


def test_a_folder_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("first", "second"):
        with temporary_folder(out) as folder:
            (folder / text).write_text(text)
            (folder / "deeper").mkdir()
            (folder / "deeper" / "file").write_text(text)
            replace_folder(folder, out)
        assert contents(out) == {text: text, "deeper/file": text}
        assert out.stat().st_mode & 0o777 == 0o755, "others may read it"
        assert os.listdir(tmp_path) == ["out"]
