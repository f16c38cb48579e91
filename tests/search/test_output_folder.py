import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from search.output_folder import check_folder, check_parent, check_target, replace_folder, temporary_folder
from space.errors import FullDiskError, InputError

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
    with pytest.raises(InputError, match=r"--out .*model is a folder, but one file is to be written"):
        check_target(folder, "export", None, force=True)
    with pytest.raises(InputError, match="was not written by an analysis"):
        check_target(file, "analysis", FILES, force=True)


def make_links(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "to-folder").symlink_to("real")
    (folder / "to-nothing").symlink_to("missing")
    (folder / "loop").symlink_to("loop")


@pytest.mark.parametrize("link", ["to-folder", "to-nothing", "loop"])
@pytest.mark.parametrize("files", [FILES, None])
def test_a_link_is_never_replaced(files: tuple[str, ...] | None, link: str, tmp_path: Path) -> None:
    make_links(tmp_path)
    for force in (False, True):
        with pytest.raises(InputError, match=rf"--out .*{link} is a symbolic link, which is not replaced"):
            check_target(tmp_path / link, "export", files, force=force)
    check_target(tmp_path / "to-folder" / "out", "export", files, force=False)
    with pytest.raises(InputError, match=r"the folder .*loop does not exist"):
        check_target(tmp_path / "loop" / "out", "export", files, force=False)


@pytest.mark.parametrize("out", ["", ".", "..", "/", "a/.."])
def test_an_output_has_a_name_of_its_own(out: str) -> None:
    with pytest.raises(InputError, match=r"^--out .* must end in a name of its own, such as .*my-model$"):
        check_target(Path(out), "export", FILES, force=True)


def test_an_output_that_no_file_system_takes_is_refused(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 256)
    with pytest.raises(InputError, match="File name too long"):
        check_target(too_long, "export", FILES, force=False)
    with pytest.raises(InputError, match="File name too long"):
        check_folder("--out", too_long)
    longest = tmp_path / ("x" * 255)
    check_target(longest, "export", FILES, force=False)
    with temporary_folder(longest) as folder:
        replace_folder(folder, longest)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(InputError, match=r"fifo is no ordinary file, but one file is to be written"):
        check_target(fifo, "export", None, force=True)


def test_a_folder_is_not_named_like_a_file(tmp_path: Path) -> None:
    for name in ("report.html", "net.PT", "code.c"):
        expected = rf"--out .*{name} is named like a file, but a folder is written: leave out {Path(name).suffix}$"
        with pytest.raises(InputError, match=expected):
            check_target(tmp_path / name, "export", FILES, force=False)
        with pytest.raises(InputError, match=expected):
            check_folder("--out", tmp_path / name)
        check_target(tmp_path / name, "export", None, force=False)
        (tmp_path / name).mkdir()
        check_folder("--out", tmp_path / name)  # a training that lies there can be continued
    check_folder("--out", tmp_path / "run-1.5")
    check_target(tmp_path / "run-1.5", "export", FILES, force=False)


def test_a_folder_to_write_into_may_exist_or_be_made_or_be_linked(tmp_path: Path) -> None:
    make_links(tmp_path)
    for name in ("real", "to-folder", "new", "new/deeper", "to-folder/new"):
        check_folder("--tensorboard", tmp_path / name)
    for name in ("loop", "to-nothing"):
        with pytest.raises(InputError, match=rf"--out .*{name} is a symbolic link that leads nowhere"):
            check_folder("--out", tmp_path / name)
        with pytest.raises(InputError, match=r"--out .*new can't be written"):
            check_folder("--out", tmp_path / name / "new")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"--out .*file is a file; it must be a folder"):
        check_folder("--out", tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"--out .*pipe is a named pipe; it must be a folder"):
        check_folder("--out", tmp_path / "pipe")
    with pytest.raises(InputError, match=r"--out .*new can't be written"):
        check_folder("--out", tmp_path / "file" / "new")


def test_a_folder_that_may_not_be_written_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    for check in (check_folder, check_parent):
        with pytest.raises(InputError, match=rf"--out .*new can't be written: the folder {tmp_path} is not writable"):
            check("--out", tmp_path / "new")
    with pytest.raises(InputError, match=rf"--out {tmp_path} is not writable"):
        check_folder("--out", tmp_path)


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


def test_what_was_put_aside_is_put_back_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = "digits-1000-balanced-accuracy-epochs3"
    out, other = tmp_path / f"{begin}-best", tmp_path / f"{begin}-smallest"
    rename = os.replace

    def replace(old: Path, new: Path) -> None:
        if new == out:
            raise RuntimeError
        rename(old, new)

    out.mkdir()
    (out / "model.c").write_text("old")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError), temporary_folder(out) as folder:
        patch.setattr(os, "replace", replace)
        replace_folder(folder, out)
    assert not out.exists()
    check_target(other, "export", FILES, force=True)
    assert not other.exists(), "it is not that of another name that begins alike"
    check_target(out, "export", FILES, force=True)
    assert contents(out) == {"model.c": "old"}


def test_a_full_disk_is_told_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(FullDiskError, match=f"^--out {tmp_path / 'out'} can't be written: No space left$"):  # noqa: SIM117
        with temporary_folder(tmp_path / "out") as folder:
            raise FullDiskError(f"{folder / 'model.onnx'} can't be written: No space left")


@pytest.mark.parametrize("killed_at", ["first rename", "second rename", "removal"])
def test_a_kill_while_a_folder_is_replaced_loses_nothing(
    killed_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, new = tmp_path / "o[u]t", Path(tempfile.mkdtemp(dir=tmp_path, prefix=".o[u]t-"))
    for folder, text in ((out, "old"), (new, "new")):
        folder.mkdir(exist_ok=True)
        (folder / "model.c").write_text(text)
    others = [tmp_path / name for name in (".o[u]t-old", ".o[u]t-12345678-old", ".out-12345678-old", ".o[u]t-12345678")]
    for other in others:
        other.mkdir()
        (other / "mine.txt").write_text("mine")

    class Killed(BaseException):
        pass

    renames = iter([os.replace, os.replace])

    def replace(*paths: Path) -> None:
        rename = next(renames)
        if killed_at == "first rename" or (killed_at == "second rename" and paths[1] == out):
            raise Killed
        rename(*paths)

    def remove(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(os, "replace", replace)
        patch.setattr(shutil, "rmtree", remove)
        replace_folder(new, out)

    with pytest.raises(InputError, match="exists already; --force replaces"):
        check_target(out, "export", FILES, force=False)
    check_target(out, "export", FILES, force=True)
    assert contents(out) == {"model.c": "new" if killed_at == "removal" else "old"}
    assert ("was put back" in capsys.readouterr().err) == (killed_at == "second rename")
    left = {path.name for path in tmp_path.iterdir()} - {out.name, *(other.name for other in others)}
    # A temporary folder alone may be one that another call is filling.
    assert left == ({new.name} if killed_at == "first rename" else set())
    assert all(contents(other) == {"mine.txt": "mine"} for other in others)
