"""A search from start to end with the real command, and every command that reads what it stored."""

import csv
import io
import json
import re
import shlex
import signal
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pexpect
import pytest

from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import resolve_engine
from space.architecture import ArchitectureSpec, num_params
from space.search_space import SearchSpace

OUTCOMES = ("complete", "pruned", "diverged", "rejected", "duplicate", "failed")
MODEL_FILES = ("model.safetensors", "model.onnx", "model.pt2", "model.h", "model.c")
FILES_BESIDE = ("config.json", "README.md", "confusion.png", "predict.py", "examples.npy")

TORCH_NAME = resolve_engine("torch", "cpu").name
"""In bfloat16 where this CPU has it."""


def test_results_go_to_stdout_and_progress_to_stderr(small_study, default_engine) -> None:
    made = small_study.made
    summary, *_ = made.stdout.splitlines()
    assert summary.startswith("digits-3000: 6 trained (")
    # MACs are as wide as the front's numbers, which depend on the order in which two workers end.
    assert re.search("parameters  val accuracy  flash bytes  RAM bytes {2,}MACs  trial  notation", made.stdout)
    assert "\nBest: trial " in made.stdout
    assert "Open dashboard:  python -m search dashboard\n" in made.stdout
    assert made.stdout.endswith("Continue:        the same command with more --trials\n")

    headline, starting, *trials = made.stderr.splitlines()
    about = "digits-3000: 6 trials of up to 3,000 parameters, 4 epochs, on digits"
    assert headline.startswith(f"{about}; engine {default_engine.name} on ")
    assert starting == "starting 2 workers: loading PyTorch and the images"
    assert [line.split()[0] for line in trials] == [f"{place}/6" for place in range(1, 7)]
    assert all(" % " in line and " epochs " in line for line in trials)


def test_the_same_command_again_trains_nothing(search, copied_study) -> None:
    before = dump(copied_study.folder)
    again = search(*copied_study.arguments, "--log", "run.log")
    assert again.returncode == 0
    assert (copied_study.folder / "run.log").read_text(encoding="utf-8") == again.stderr
    assert "6 trials (6 already trained) of" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert without_time(again.stdout) == without_time(copied_study.made.stdout)
    assert dump(copied_study.folder) == before


def test_more_trials_go_on_with_another_sampler_pruner_and_engine(
    search, search_here, copied_study, default_engine
) -> None:
    """Where there is no compiler, that is PyTorch, and the headline says why."""
    before = trials_of(copied_study.folder)
    assert {trial["run"]["engine"] for trial in before.values() if "run" in trial} == {default_engine.name}
    more = search(
        *copied_study.arguments,
        *("--trials", "7", "--sampler", "random", "--pruner", "none", "--device", "cpu", "--workers", "1", "--json"),
        CXX="/nonexistent/c++",
        SEARCH_CACHE_DIR=str(copied_study.folder / "cache"),
    )
    assert more.returncode == 0, more.stderr
    reason = "no native trainer: CXX=/nonexistent/c++ does not run"
    assert f"on digits; engine {TORCH_NAME} on cpu ({reason}), store sqlite:///studies.db" in more.stderr
    assert not (copied_study.folder / "cache").exists()
    summary = json.loads(more.stdout)
    assert list(summary) == ["study", "trained", *OUTCOMES, "seconds", "best", "front"]
    assert (summary["study"], summary["trained"]) == ("digits-3000", 7)
    assert summary["complete"] + summary["pruned"] + summary["diverged"] == 7
    assert summary["best"].items() <= max(summary["front"], key=lambda point: point["val_accuracy"]).items()
    assert summary["front"] == search_here.json("front")

    after = trials_of(copied_study.folder)
    assert {number: after[number] for number in before} == before
    (added,) = (after[number]["run"] for number in after.keys() - before.keys())
    assert (added["sampler"], added["pruner"], added["engine"]) == ("random", "none", TORCH_NAME)
    runs = [trial["run"] for trial in after.values() if "run" in trial]
    assert search_here.json("status")["engines"] == sorted({f"{run['engine']} on {run['device']}" for run in runs})


@pytest.mark.parametrize(
    ("options", "differences"),
    [
        (["--epochs", "3", "--seed", "2"], ["epochs was 4 and is now 3", "seed was 1 and is now 2"]),
        (
            ["--budget", "4000", "--train-size", "600", "--study", "digits-3000"],
            ["budget was 3000 and is now 4000", "train_size was 1197 and is now 600"],
        ),
        (["--space", "narrow.toml"], ["space: architecture.dropout was [0.0, 0.03] and is now [0.0, 0.01]"]),
    ],
    ids=["epochs and seed", "budget and train size", "space"],
)
def test_other_settings_are_refused_for_the_same_study(search_here, copied_study, options, differences) -> None:
    (copied_study.folder / "narrow.toml").write_text("[architecture]\ndropout = [0.0, 0.01]\n", encoding="utf-8")
    before = dump(copied_study.folder)
    refused = search_here(*copied_study.arguments, *options)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("error: study 'digits-3000' was made differently: ")
    assert all(difference in line for difference in differences)
    assert line.count(" is now ") == len(differences)
    assert dump(copied_study.folder) == before


def test_timeout_ends_a_call_and_the_next_goes_on_in_a_terminal_until_ctrl_c(search, search_here) -> None:
    run = search.line(
        *("run", "--dataset", "digits", "--budget", "3000", "--trials", "500", "--epochs", "2", "--workers", "1"),
        *("--train-size", "300"),
    )
    ended = search(*run[3:], "--timeout", "5")
    assert ended.returncode == 0, ended.stderr
    assert "time is up: ending after the running epochs" in ended.stderr
    status = search_here.json("status")
    assert status["trained"] < 500
    assert status["running"] == 0
    assert f"trains the {500 - status['trained']} trials that are left" in ended.stdout

    terminal = pexpect.spawn(
        run[0],
        run[1:],
        cwd=str(search.folder),
        env=search.environment | {"TERM": "xterm-256color"},
        dimensions=(50, 160),
        encoding="utf-8",
        codec_errors="replace",  # the echo of Ctrl-C, which shows nothing, may come in the middle of a character
        timeout=120,
    )
    terminal.logfile_read = io.StringIO()
    already = f" ({status['trained']} already trained)" if status["trained"] else ""
    headline = f"digits-3000-train300-epochs2: 500 trials{already} of up to 3,000 parameters"
    try:
        for text in (headline, "/500 trained", "in training", "front so far", " %"):
            terminal.expect(styled(text))
        terminal.sendintr()
        for text in ("interrupted: ending after the running epochs", "Best: trial ", "Continue: "):
            terminal.expect(styled(text))
        terminal.expect(pexpect.EOF)
        terminal.wait()
    finally:
        terminal.kill(signal.SIGKILL)
    assert terminal.exitstatus == 130
    assert "^C" not in terminal.logfile_read.getvalue(), "what is drawn stays whole"
    after = search_here.json("status")
    assert (after["running"], after["failed"]) == (0, 0)
    assert after["trained"] >= status["trained"]
    left = [trial for trial in trials_of(search.folder).values() if trial["state"] == "RUNNING"]
    assert len(left) == after["interrupted"]


def test_status_tells_how_far_a_study_is(search_here, small_study) -> None:
    status = search_here.json("status", "--storage", small_study.url)
    numbers = {name: status[name] for name in ("trained", *OUTCOMES, "running")}
    assert all(type(number) is int for number in numbers.values())
    assert numbers["trained"] == numbers["complete"] + numbers["pruned"] + numbers["diverged"] == 6
    assert numbers["running"] == 0
    front = search_here.json("front", "--storage", small_study.url)
    assert status["best"].items() <= max(front, key=lambda point: point["val_accuracy"]).items()
    assert status["seconds"] > 0

    # The store named by the environment, and the study by name.
    text = search_here("status", "--study", "digits-3000", SEARCH_STORAGE=small_study.url).stdout
    rows = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert {name: int(rows[name]) for name in numbers} == numbers
    assert rows["study"] == "digits-3000"
    assert rows["best"].startswith(f"{100 * status['best']['val_accuracy']:.2f} % at ")


def test_front_as_table_json_and_csv(search_here, small_study) -> None:
    points = search_here.json("front", "--storage", small_study.url)
    assert points
    for point in points:
        assert list(point) == [
            "trial",
            "num_params",
            "val_accuracy",
            "notation",
            "flash_bytes",
            "ram_bytes",
            "num_macs",
            "estimate",
            "estimate_std",
        ]
        assert point["estimate"] is None, "too few trials are complete"
        assert num_params(ArchitectureSpec.from_text(point["notation"])) == point["num_params"] <= 3000
        assert 0 < point["val_accuracy"] <= 1
    sizes = [(point["num_params"], point["val_accuracy"]) for point in points]
    assert sizes == sorted(sizes)
    assert len({size for size, _ in sizes}) == len({accuracy for _, accuracy in sizes})

    heading, *rows, _, why_no_estimates = search_here("front", "--storage", small_study.url).stdout.splitlines()
    assert "complete trials" in why_no_estimates
    assert " ".join(heading.split()) == "parameters val accuracy flash bytes RAM bytes MACs trial notation"
    taken = [[f"{point[name]:,}" for name in ("flash_bytes", "ram_bytes", "num_macs")] for point in points]
    assert [row.rstrip().split(maxsplit=7) for row in rows] == [
        [f"{point['num_params']:,}", f"{100 * point['val_accuracy']:.2f}", "%", *sizes, str(point["trial"]), net]
        for point, sizes, net in zip(points, taken, (point["notation"] for point in points), strict=True)
    ]

    plot = search_here("front", "--storage", small_study.url, "--plot").stdout
    assert plot.count("●") == len(points)
    assert plot.endswith(search_here("front", "--storage", small_study.url).stdout)

    written = search_here("front", "--storage", small_study.url, "--csv", "front.csv")
    assert (written.returncode, written.stderr) == (0, "")
    with (search_here.folder / "front.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {key: "" if value is None else str(value) for key, value in point.items()} for point in points
        ]


def test_trials_and_curves_as_table_json_and_csv(search_here, small_study) -> None:
    trials = search_here.json("trials", "--storage", small_study.url)
    assert [trial["trial"] for trial in trials] == sorted(trials_of(small_study.folder))
    assert {"outcome", "num_params", "notation", "stage1_width1", "max_lr"} <= set(trials[0])
    curves = search_here.json("curves", "--storage", small_study.url)
    ends = {row["trial"]: row["val_accuracy"] for row in curves}
    assert ends == {trial["trial"]: trial["val_accuracy"] for trial in trials if trial["val_accuracy"] is not None}

    # Without a file, CSV goes to stdout, wherever the option stands.
    for command, rows in (("trials", trials), ("curves", curves)):
        written = search_here(command, "--storage", small_study.url, "--csv", "table.csv")
        assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
        table = (search_here.folder / "table.csv").read_text(encoding="utf-8")
        (search_here.folder / "table.csv").unlink()
        assert [row["trial"] for row in csv.DictReader(table.splitlines())] == [str(row["trial"]) for row in rows]
        assert search_here(command, "--csv", "--storage", small_study.url).stdout == table
        assert search_here(command, "--storage", small_study.url, "--csv").stdout == table
        assert search_here(command, "--storage", small_study.url, "--csv", "-").stdout == table
        lines = search_here(command, "--storage", small_study.url).stdout.splitlines()
        assert [line.split()[0] for line in lines[1 : len(ends) + 1]] == list(map(str, ends))
    refused = search_here("trials", "--storage", small_study.url, "--csv", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: give one of --json and --csv, not both\n"


def test_space_prints_ranges_that_it_reads_back(search_here) -> None:
    printed = search_here("space")
    assert printed.returncode == 0
    assert SearchSpace.model_validate(tomllib.loads(printed.stdout)) == SearchSpace.default()
    (search_here.folder / "mine.toml").write_text("[training]\nmax_lr = [0.1, 0.2]\n", encoding="utf-8")
    mine = search_here("space", "--space", "mine.toml").stdout
    assert "max_lr = [0.1, 0.2]" in mine
    (search_here.folder / "whole.toml").write_text(mine, encoding="utf-8")
    assert search_here("space", "--space", "whole.toml").stdout == mine


def test_count_shows_each_layer(search_here) -> None:
    notation = "8s:br p 12v:br gap fc10+"
    counted = search_here.json("count", notation)
    assert {key: counted[key] for key in counted if key != "layers"} == {
        "notation": notation,
        "num_params": 1_106,
        "num_macs": 56_448 + 124_416 + 120,
        "weights_bytes": 4 * 1_106,
        "inference_activation_bytes": 4 * (28 * 28 + 8 * 14 * 14),
        "all_activation_bytes": 4 * (784 + 8 * 28 * 28 + 8 * 14 * 14 + 12 * 12 * 12 + 12 + 10),
        "flash_bytes": 72 + 864 + 120 + 9 * (8 + 12 + 10) + 3 * 48,
        "ram_bytes": 8 * 14 * 14 + 9 * 8 + 12 + 4 * 12,
    }
    keys = ("layer", "output_shape", "num_params", "receptive_field", "num_macs")
    assert [tuple(layer[key] for key in keys) for layer in counted["layers"]] == [
        ("8s:br", [8, 28, 28], 88, 3, 56_448),
        ("p", [8, 14, 14], 0, 4, 0),
        ("12v:br", [12, 12, 12], 888, 8, 124_416),
        ("gap", [12, 1, 1], 0, 30, 0),
        ("fc10+", [10, 1, 1], 130, 30, 120),
    ]
    assert sum(layer["share"] for layer in counted["layers"]) == pytest.approx(1)

    table = search_here("count", notation).stdout
    assert ["12v:br", "12x12x12", "888", "80.3", "%", "8x8", "124,416"] in [row.split() for row in table.splitlines()]
    assert table.endswith(
        "Memory for one image in fp32: weights 4.3 KiB, activations at most 9.2 KiB at a time, 40.5 KiB in all\n"
        "As C with integers, without code and stack: flash 1,470 bytes, RAM 1,700 bytes, 180,984 MACs\n"
    )


def test_export_writes_a_folder_that_gives_the_stored_accuracy(search_here, copied_study, monkeypatch) -> None:
    (command,) = [line for line in copied_study.made.stdout.splitlines() if line.startswith("Export it:")]
    _, _, printed = command.partition("python -m search ")
    exported = search_here(*shlex.split(printed))
    assert (exported.returncode, exported.stderr) == (0, "")
    assert [line.partition(": ")[0] for line in exported.stdout.splitlines()] == [
        *(f"digits-3000-best/model{ending}" for ending in (".safetensors", ".onnx", "-int8.onnx", ".pt2", ".c")),
        "--format c-int8",
    ]
    folder = search_here.folder / "digits-3000-best"
    # A net this small may lose too much in int8.
    assert {path.name for path in folder.iterdir()} - {"model-int8.onnx"} == {*MODEL_FILES, *FILES_BESIDE}
    best = search_here.json("status")["best"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert {key: config[key] for key in ("trial", "num_params", "val_accuracy")} == {
        key: best[key] for key in ("trial", "num_params", "val_accuracy")
    }
    assert metadata_of(folder / "model.safetensors")["trial"] == best["trial"]
    assert_accurate(folder / "model.onnx", load_dataset("digits", None), best["val_accuracy"])

    refused = search_here(*shlex.split(printed))
    assert refused.returncode == 2
    assert "digits-3000-best exists already" in refused.stderr
    (folder / "model.safetensors").write_bytes(b"stale")
    monkeypatch.setattr("search.export.bundle.FORMATS_INSIDE", ("safetensors",))
    replaced = search_here(*shlex.split(printed), "--force")
    (first, *_, last) = exported.stdout.splitlines()
    assert (replaced.returncode, replaced.stdout.splitlines()) == (0, [first, last])
    assert metadata_of(folder / "model.safetensors")["trial"] == best["trial"]
    assert not (folder / "model.onnx").exists()
    left = [path.name for path in search_here.folder.iterdir() if not path.name.startswith("studies.")]
    assert left == ["digits-3000-best"]


def test_export_chooses_by_size_accuracy_or_trial_and_writes_one_file(search_here, small_study) -> None:
    front = search_here.json("front", "--storage", small_study.url)
    export = ("export", "--storage", small_study.url)
    smallest, best = front[0], front[-1]

    by_size = search_here(*export, "--out", "a.safetensors", "--max-params", smallest["num_params"])
    assert by_size.returncode == 0, by_size.stderr
    assert metadata_of(search_here.folder / "a.safetensors")["trial"] == smallest["trial"]

    by_accuracy = search_here(*export, "--out", "b.onnx", "--min-accuracy", best["val_accuracy"])
    assert by_accuracy.returncode == 0, by_accuracy.stderr
    assert_accurate(search_here.folder / "b.onnx", load_dataset("digits", None), best["val_accuracy"])

    complete = [number for number, trial in trials_of(small_study.folder).items() if trial.get("outcome") == "complete"]
    chosen = next((number for number in complete if number != best["trial"]), best["trial"])
    by_number = search_here(*export, "--format", "safetensors", "--out", "c.safetensors", "--trial", chosen)
    assert by_number.returncode == 0, by_number.stderr
    assert metadata_of(search_here.folder / "c.safetensors")["trial"] == chosen
    assert sorted(path.name for path in search_here.folder.iterdir()) == ["a.safetensors", "b.onnx", "c.safetensors"]


@pytest.mark.mnist
def test_a_search_on_mnist_ends_in_a_model_file(search, search_here, mnist_root: Path) -> None:
    run = ("run", "--budget", "3000", "--data-root", mnist_root, "--train-size", "1000")
    made = search(*run, "--epochs", "2", "--trials", "3", "--workers", "1")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("mnist-3000-train1000-epochs2: 3 trained (")

    status = search_here.json("status")
    assert (status["trained"], status["running"]) == (3, 0)
    front = search_here.json("front")
    assert all(point["num_params"] <= 3000 for point in front)
    assert max(point["val_accuracy"] for point in front) > 0.3

    exported = search_here("export", "--out", "best.onnx", "--data-root", mnist_root)
    assert exported.returncode == 0, exported.stderr
    assert_accurate(search.folder / "best.onnx", load_dataset("mnist", mnist_root), status["best"]["val_accuracy"])


def styled(text: str) -> str:
    """A pattern for the text with colours and other styles anywhere in it."""
    return r"(?:\x1b\[[\d;]*m)*".join(map(re.escape, text))


def dump(folder: Path) -> list[str]:
    """All that the store holds, as SQL, without the count of transactions."""
    with closing(sqlite3.connect(folder / "studies.db")) as connection:
        return [line for line in connection.iterdump() if not line.startswith('INSERT INTO "searches"')]


def trials_of(folder: Path) -> dict[int, dict[str, Any]]:
    """State and user attributes of each trial of the only search in a store, by number."""
    with closing(sqlite3.connect(folder / "studies.db")) as connection:
        rows = connection.execute(
            "SELECT number, state, key, value_json FROM trials"
            " JOIN studies USING (study_id) LEFT JOIN trial_user_attributes USING (trial_id)"
            " WHERE study_name IN (SELECT study_name FROM searches)"
        )
        trials: dict[int, dict[str, Any]] = {}
        for number, state, key, value in rows:
            trial = trials.setdefault(number, {"state": state})
            if key is not None:
                trial[key] = json.loads(value)
    return trials


def without_time(text: str) -> list[str]:
    first, *rest = text.splitlines()
    return [first.rpartition(" in ")[0], *rest]


def metadata_of(path: Path) -> dict[str, Any]:
    """What a safetensors file says of itself: JSON behind eight bytes that give its length."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["small-model-search"])


def assert_accurate(path: Path, data: Dataset, val_accuracy: float) -> None:
    """With numpy and onnxruntime alone, the file is right as often as stored, give or take one validation image."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images, labels = data.validation.images, data.validation.labels
    num_right = 0
    for first in range(0, len(labels), 500):
        pixels = np.moveaxis(images[first : first + 500], 3, 1).astype(np.float32) / 255
        (logits,) = session.run(None, {session.get_inputs()[0].name: pixels})
        num_right += int((logits.argmax(axis=1) == labels[first : first + 500]).sum())
    assert abs(num_right - round(val_accuracy * len(labels))) <= 1
