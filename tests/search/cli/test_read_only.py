"""A store in a folder that one may only read: it is read without a trace, and writers say that they can't write."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

READERS = (
    ("status", "--json"),
    ("front",),
    ("trials", "--csv"),
    ("curves", "--csv"),
    ("count", "0"),
    ("evaluate", "BEST", "--json"),
    ("report", "--out", "PAGE", "--force"),
    ("export", "--format", "safetensors", "--out", "OUT"),
)
WRITERS = (
    ("run", "--dataset", "digits", "--budget", "3000", "--study", "digits-3000", "--trials", "7"),
    ("run", "--dataset", "digits", "--budget", "3000", "--study", "another"),
    ("confirm", "--device", "cpu"),
    ("dashboard", "--writable"),
)
# Prints exit code, stdout and stderr of each call, all made in one process, and whether the store's folder is writable.
PROGRAM = """
import contextlib, io, json, os, sys
from search.cli.app import main
ended = [os.access(sys.argv[1], os.W_OK)]
for line in json.loads(sys.argv[2]):
    sys.argv, out, error = ["search", *line], io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main()
        except SystemExit as end:
            ended.append([end.code, out.getvalue(), error.getvalue()])
print(json.dumps(ended))
"""
# Lets the permissions of files count for the program that follows, even where the tests are run by root: gives up
# CAP_DAC_OVERRIDE (1) with PR_CAPBSET_DROP (24). Not as a `preexec_fn`: that runs in a copy of this process, where a
# lock that another thread held when it was copied is never released, so it may wait for ever.
UNPRIVILEGED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


def only_readable(folder: Path) -> dict[str, tuple[int, int]]:
    """Take away the right to write, and return each file with its owner and the time it was written."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return written(folder)


def written(folder: Path) -> dict[str, tuple[int, int]]:
    found = [(path, path.stat()) for path in folder.rglob("*")]
    return {str(path.relative_to(folder)): (status.st_uid, status.st_mtime_ns) for path, status in found}


@pytest.mark.skipif(sys.platform != "linux", reason="root is held to permissions as Linux does it")
def test_a_store_that_one_may_only_read(search_here, small_study, environment, tmp_path: Path) -> None:
    folder, with_log = tmp_path / "theirs", tmp_path / "with-log"
    shutil.copytree(small_study.folder, folder)
    with closing(sqlite3.connect(folder / "studies.db")) as writer:
        writer.execute("DELETE FROM pareto_front WHERE num_params = (SELECT max(num_params) FROM pareto_front)")
        writer.commit()
        shutil.copytree(folder, with_log)  # as a writer leaves it that is killed
    shutil.rmtree(folder)
    shutil.copytree(small_study.folder, folder)
    assert {"studies.db-wal", "studies.db-shm"} <= {path.name for path in with_log.iterdir()}
    url = f"sqlite:///{folder / 'studies.db'}"
    best = search_here.json("status", "--storage", small_study.url)["best"]["trial"]
    *rest, _ = search_here.json("front", "--storage", small_study.url)
    assert rest
    own = {"BEST": str(best), "OUT": str(tmp_path / "best.safetensors"), "PAGE": str(tmp_path / "page.html")}
    readers = [[own.get(word, word) for word in line] for line in READERS]
    expected = [search_here(*line, "--storage", small_study.url) for line in readers]
    (tmp_path / "best.safetensors").unlink()

    before = only_readable(folder), only_readable(with_log)
    lines = [[*line, "--storage", url] for line in (*readers, *WRITERS)]
    lines.append(["run", "--dataset", "digits", "--budget", "3000", "--storage", str(folder / "new.db")])
    lines.append(["front", "--json", "--storage", f"sqlite:///{with_log / 'studies.db'}"])
    ended = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, PROGRAM, str(folder), json.dumps(lines)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,  # one process makes all calls, and a busy machine may take a tenth of its usual speed
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    is_writable, *results = json.loads(ended.stdout)
    assert not is_writable
    for line, result, there in zip(readers, results, expected, strict=False):
        assert result == [0, there.stdout, there.stderr], line
    advice = "name a store in a folder of your own, or copy studies.db and studies.db.artifacts to one"
    for line, result in zip(WRITERS, results[len(readers) :], strict=False):
        reason = f"--storage {url} can't be written: you may not write to {folder / 'studies.db'}; {advice}"
        assert result == [2, "", f"error: {reason}\n"], line
    new = f"--storage sqlite:///{folder / 'new.db'} can't be created: you may not write to {folder}"
    assert results[-2] == [2, "", f"error: {new}; name a store in a folder of your own\n"]
    code, printed, said = results[-1]
    assert (code, json.loads(printed), said) == (0, rest, "")  # only the log knows what was deleted
    assert (written(folder), written(with_log)) == before
