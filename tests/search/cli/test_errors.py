"""Wrong input of every kind: one line that names the rule and the value, exit code 2, and nothing written."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from space.architecture import num_params
from space.search_space import SearchSpace
from studies.tables import SCHEMA_VERSION

SMALLEST = SearchSpace.default().smallest
RUN = "run --dataset digits --budget 3000 "

# Below, {studies} is a store with one study, {failed}, {rejected} and {weightless} are trials of it that hold no model,
# {smallest} is the space's smallest net, and {port} is taken. A sign "|" stands for a space inside an argument.
CASES: dict[str, tuple[str, list[str]]] = {
    # Values of run.
    "budget 0": ("run --budget 0", ["--budget must be at least {smallest}", str(SMALLEST), "not 0"]),
    "budget negative": ("run --budget -5", ["--budget must be at least {smallest}", "not -5"]),
    "budget below the smallest net": ("run --budget {too_small}", ["at least {smallest}", "not {too_small}"]),
    "ram no size": (RUN + "--max-ram 16q", ["--max-ram is a number of bytes, such as 8192, 16k or 1M, not '16q'"]),
    "macs negative": (RUN + "--max-macs=-5", ["--max-macs is a number of MACs, such as 8192, 16k or 1M, not '-5'"]),
    "flash 0": (RUN + "--max-flash 0", ["--max-flash must be a whole number from 1 to 1,000,000,000,000,000, not '0'"]),
    "ram below the smallest net": (
        RUN + "--max-ram 100",
        ["--max-ram must be at least 760, the least that a net of the space takes (3s:br ap ", "not 100"],
    ),
    "limits that no net meets at once": (
        RUN + "--max-ram 760 --max-macs 40k",
        ["no net of the space is within --budget 3000 and the limits (RAM of at most 760 bytes, ", "36,534 MACs"],
    ),
    "trials 0": (RUN + "--trials 0", ["--trials must be at least 1, not 0"]),
    "epochs 0": (RUN + "--epochs 0", ["--epochs must be from 1 to 15, not 0"]),
    "epochs 16": (RUN + "--epochs 16", ["--epochs must be from 1 to 15, not 16"]),
    "timeout 0": (RUN + "--timeout 0", ["--timeout must be above 0 seconds, not 0"]),
    "timeout not a number": (RUN + "--timeout nan", ["--timeout must be above 0 seconds, not nan"]),
    "study empty": (RUN + "--study |", ["--study must be a name, not ' '"]),
    "dataset": (
        "run --budget 3000 --dataset mnits",
        [
            "--dataset must be one of mnist, fashion-mnist, kmnist, digits, emnist-balanced, emnist-letters, cifar10, ",
            "svhn, or a folder or file that exists, not 'mnits'; did you mean mnist or kmnist?",
        ],
    ),
    "sampler": (RUN + "--sampler nsga", ["--sampler must be one of front, tpe, random, not 'nsga'"]),
    "pruner": (RUN + "--pruner median", ["--pruner must be one of size-aware, none, not 'median'"]),
    "seed": (RUN + "--seed -1", ["--seed must be from 0 to 2^63 - 1, not -1"]),
    "device": (RUN + "--device gpu", ["--device must be one of auto, cpu, cuda, xpu, mps, not 'gpu'"]),
    "engine": (RUN + "--engine numpy", ["--engine must be one of auto, native, torch, not 'numpy'"]),
    "device absent": (RUN + "--device {absent}", ["--device {absent} is not available; here: ", "cpu"]),
    "workers 0": (RUN + "--workers 0", ["--workers must be at least 1, not 0"]),
    "train size 0": (RUN + "--train-size 0", ["--train-size must be at least 1, not 0"]),
    "train size 1": (RUN + "--train-size 1", ["--train-size must be from 2 to 1197 for digits, not 1"]),
    "train size above all": (RUN + "--train-size 1198", ["--train-size must be from 2 to 1197 for digits, not 1198"]),
    "data absent": (
        "run --budget 3000 --data-root nowhere",
        ["MNIST is not in nowhere and could not be downloaded", "--data-root", "SEARCH_DATA_ROOT", "--dataset digits"],
    ),
    "confirm seeds 0": (RUN + "--confirm --confirm-seeds 0", ["--confirm-seeds must be at least 2, not 0"]),
    # Files of ranges.
    "space absent": (RUN + "--space none.toml", ["none.toml can't be read: No such file or directory"]),
    "space not TOML": (RUN + "--space junk.db", ["junk.db is not TOML: "]),
    "space key": ("space --space typo.toml", ["typo.toml: unknown key 'training.max_lrr'; did you mean 'max_lr'?"]),
    "space range empty": (RUN + "--space empty.toml", ["empty.toml: 'training.max_lr.1' is missing from []"]),
    "space range reversed": (
        RUN + "--space reversed.toml",
        ["reversed.toml: 'training.max_lr': a range reads [low, high], low first, not [0.3, 0.1]"],
    ),
    # Stores.
    "storage empty": (RUN + "--storage |", ["--storage must be a database URL", "not ' '"]),
    "storage of an unknown kind": ("status --storage maria:///x", ["must be a database URL", "not 'maria:///x'"]),
    "storage in no folder": (
        RUN + "--storage sqlite:///missing/studies.db",
        ["--storage sqlite:///missing/studies.db can't be opened: the folder missing does not exist"],
    ),
    "storage a folder": (RUN + "--storage sqlite:///.", ["--storage sqlite:///. is a folder: a file is needed"]),
    "storage in memory": (RUN + "--storage sqlite://", ["--storage must name a file", "not 'sqlite://'"]),
    "storage absent": ("status", ["there is no study store at sqlite:///studies.db; 'python -m search run' makes one"]),
    "store no database, to write": (
        RUN + "--storage sqlite:///junk.db",
        ["--storage sqlite:///junk.db can't be opened: file is not a database"],
    ),
    "store no database, to read": ("front --storage sqlite:///junk.db", ["can't be opened: file is not a database"]),
    "store of others, to write": (
        RUN + "--storage sqlite:///other.db",
        ["sqlite:///other.db is not a study store of this program"],
    ),
    "store of others, to read": (
        "export --storage sqlite:///other.db --out best",
        ["sqlite:///other.db is not a study store of this program"],
    ),
    "store newer, to write": (
        RUN + "--storage sqlite:///newer.db",
        ["sqlite:///newer.db has schema {newer}, newer than {current}"],
    ),
    "store newer, to read": ("status --storage sqlite:///newer.db", ["has schema {newer}, newer than {current}"]),
    # Studies and trials.
    "plot as JSON": ("front --storage {studies} --plot --json", ["--plot is for a table: leave out --json and --csv"]),
    "study of status": (
        "status --storage {studies} --study digit-300",
        ["no study 'digit-300' in {studies}; there are: digits-3000"],
    ),
    "study of front": ("front --storage {studies} --study x", ["no study 'x' in {studies}; there are: digits-3000"]),
    "study of export": (
        "export --storage {studies} --study digits-8000 --out best",
        ["no study 'digits-8000' in {studies}; there are: digits-3000"],
    ),
    "trial absent": (
        "export --storage {studies} --trial 999 --out best",
        ["study 'digits-3000' has no trial 999; its trials are numbered 0 to {rejected}"],
    ),
    "trial negative": ("export --storage {studies} --trial -1 --out best", ["has no trial -1"]),
    "trial failed": (
        "export --storage {studies} --trial {failed} --out best",
        ["trial {failed} was not completed (failed), so it has no weights"],
    ),
    "trial rejected": (
        "export --storage {studies} --trial {rejected} --out best",
        ["trial {rejected} was not completed (rejected), so it has no weights"],
    ),
    "trial without weights": (
        "export --storage {studies} --trial {weightless} --out best",
        ["trial {weightless} has no weights in ", "studies.db.artifacts"],
    ),
    "front above so many parameters": (
        "export --storage {studies} --max-params 10 --out best",
        ["no point of the front has at most 10 parameters; the smallest is trial "],
    ),
    "front below such an accuracy": (
        "export --storage {studies} --min-accuracy 0.99999 --out best",
        ["no point of the front reaches a validation accuracy of 0.99999; the closest is trial ", " with 0."],
    ),
    "accuracy in per cent": (
        "export --storage {studies} --min-accuracy 99 --out best",
        ["--min-accuracy is a fraction from 0 to 1, such as 0.994, not 99"],
    ),
    "two selectors": (
        "export --storage {studies} --trial 0 --max-params 2000 --out best",
        ["give one of --trial, --max-params and --min-accuracy, not several"],
    ),
    # Outputs.
    "format": (
        "export --storage {studies} --format pt --out best",
        ["--format must be one of safetensors, onnx, onnx-int8, pt2, c, c-int8, not 'pt'"],
    ),
    "output exists": (
        "export --storage {studies} --format onnx --out existing.txt",
        ["--out existing.txt exists already; --force replaces"],
    ),
    "output a folder of others": (
        "export --storage {studies} --force --out folder",
        ["--out folder was not written by an export, so it is not replaced"],
    ),
    "output a folder for one file": (
        "export --storage {studies} --force --format onnx --out folder",
        ["--out folder is a folder, but one file is to be written"],
    ),
    "output in no folder": (
        "export --storage {studies} --out missing/best",
        ["--out missing/best can't be written: the folder missing does not exist"],
    ),
    "output under a file": (
        "export --storage {studies} --out existing.txt/best",
        ["--out existing.txt/best can't be written"],
    ),
    "output of two formats": (
        "export --storage {studies} --format safetensors --out best.onnx",
        ["--out best.onnx is a file of the format onnx or onnx-int8, but --format is safetensors"],
    ),
    "output a looping link": (
        "export --storage {studies} --out loop",
        ["--out loop is a symbolic link, which is not replaced: name the folder itself"],
    ),
    "analysis named like a file": (
        "analyse 000-step3 --out report.html",
        ["--out report.html is named like a file, but a folder is written: leave out .html"],
    ),
    "training named like a file": (
        "train 000-step3 --out net.onnx",
        ["--out net.onnx is named like a file, but a folder is written: leave out .onnx"],
    ),
    "training in a looping link": ("train 000-step3 --out loop", ["--out loop is a symbolic link that leads nowhere"]),
    "table exists": ("front --storage {studies} --csv existing.txt", ["--csv existing.txt exists already"]),
    "table in no folder": (
        "front --storage {studies} --csv missing/front.csv",
        ["--csv missing/front.csv can't be written: "],
    ),
    # Notation.
    "token": ("count 8s:br|pp|gap", ["layer 2 'pp': unknown token (did you mean 'p'?); a layer is "]),
    "width 0": ("count 0s|gap", ["layer 1 '0s': a convolution's width must be from 1 to 99999, not 0"]),
    "no pixel left": (
        "count p|p|p|8v|8v|gap",
        ["layer 5 '8v': the spatial size must stay at least 1, but 1x1 would become -1x-1"],
    ),
    "no head": ("count 8s", ["an architecture ends in a head: gap or flat"]),
    # The dashboard.
    "port taken": (
        "dashboard --storage {studies} --port {port}",
        ["--port {port} can't be used: Address already in use"],
    ),
    "port 0": ("dashboard --storage {studies} --port 0", ["--port must be from 1 to 65535, not 0"]),
    "dashboard on nothing": ("dashboard --port {free}", ["there is no study store at sqlite:///studies.db"]),
    # The command line itself.
    "command": ("serach", ["No such command 'serach'"]),
    "option": ("run --bugdet 3000", ["No such option: --bugdet", "--budget"]),
    "option missing": ("run", ["Missing option '--budget'"]),
    "argument missing": ("count", ["Missing argument 'MODEL'"]),
    "value missing": ("run --budget", ["--budget"]),
    "not an integer": ("run --budget many", ["Invalid value for '--budget'", "valid integer"]),
    "half an epoch": (RUN + "--epochs 1.5", ["Invalid value for '--epochs'", "valid integer"]),
}


# One of each command is called as a person would; the others in this process, which is much quicker.
IN_PROCESSES = {
    "device absent",  # it asks a process of its own
    "storage absent",
    "table exists",
    "space key",
    "token",
    "port taken",
    "command",
}


@pytest.fixture(scope="session")
def places(small_study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What the braces of the cases stand for: a copy of the small study, with trials that can't be exported."""
    folder = tmp_path_factory.mktemp("damaged-study")
    shutil.copytree(small_study.folder, folder, dirs_exist_ok=True)
    url = f"sqlite:///{folder / 'studies.db'}"
    study = optuna.load_study(study_name=small_study.name, storage=url)
    weightless = next(trial for trial in study.get_trials() if "weights" in trial.user_attrs)
    (folder / "studies.db.artifacts" / weightless.user_attrs["weights"]).unlink()
    failed, rejected = study.ask(), study.ask()
    study.tell(failed, state=TrialState.FAIL)
    rejected.set_user_attr("outcome", "rejected")
    study.tell(rejected, state=TrialState.PRUNED)
    with socket.socket() as taken, socket.socket() as free:
        for probe in (taken, free):
            probe.bind(("127.0.0.1", 0))
        taken.listen()
        free_port = free.getsockname()[1]
        free.close()
        yield {
            "studies": url,
            "weightless": weightless.number,
            "failed": failed.number,
            "rejected": rejected.number,
            "smallest": num_params(SMALLEST),
            "too_small": num_params(SMALLEST) - 1,
            "current": SCHEMA_VERSION,
            "newer": SCHEMA_VERSION + 1,
            "port": taken.getsockname()[1],
            "free": free_port,
            # No machine has both of Apple's and Intel's.
            "absent": "xpu" if sys.platform == "darwin" else "mps",
        }


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The working folder: some files that the cases name."""
    for name, text in {
        "junk.db": "no database, and no TOML either\n" * 100,
        "existing.txt": "mine\n",
        "typo.toml": "[training]\nmax_lrr = [0.1, 0.2]\n",
        "empty.toml": "[training]\nmax_lr = []\n",
        "reversed.toml": "[training]\nmax_lr = [0.3, 0.1]\n",
        "folder/mine.txt": "mine\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    for name, statements in {
        "other.db": "CREATE TABLE songs (title TEXT);",
        "newer.db": f"CREATE TABLE search_schema_version (version INTEGER PRIMARY KEY);"
        f"INSERT INTO search_schema_version VALUES ({SCHEMA_VERSION + 1});",
    }.items():
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(statements)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_gets_one_line_and_leaves_no_trace(search, search_here, files, places, case: str) -> None:
    line, fragments = CASES[case]
    store = Path(str(places["studies"]).removeprefix("sqlite:///")).parent
    before = contents(files), contents(store)
    arguments = [argument.format(**places).replace("|", " ") for argument in line.split()]
    call = search if case in IN_PROCESSES else search_here
    assert_refused(call(*arguments, **OFFLINE), [fragment.format(**places) for fragment in fragments])
    assert (contents(files), contents(store)) == before


def test_the_native_engine_is_refused_where_it_cannot_be_compiled(search, files) -> None:
    before = contents(files)
    result = search(
        *RUN.split(), "--engine", "native", CXX="/nonexistent/c++", SEARCH_CACHE_DIR=os.fspath(files / "cache")
    )
    assert_refused(result, ["--engine native is not available: CXX=/nonexistent/c++ does not run"])
    assert contents(files) == before


def assert_refused(result: subprocess.CompletedProcess[str], fragments: list[str]) -> None:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    message = result.stderr.strip()
    assert message.startswith("error: ")
    assert len(message.splitlines()) == 1
    for fragment in fragments:
        assert fragment in message


# A download is refused here at once, so that no test depends on a network.
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below one, without what SQLite keeps beside a database that is open for reading."""
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith("-shm") and not (path.name.endswith("-wal") and path.stat().st_size == 0)
    }
