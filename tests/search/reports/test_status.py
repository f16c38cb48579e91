import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.models.layers import print_layers
from search.reports.fronts import print_front, write_front_csv
from search.reports.status import print_status
from search.runs.config import RunConfig
from search.runs.summary import RunSummary, print_run
from space.architecture import ArchitectureSpec
from space.errors import InputError
from studies.pareto import FrontPoint, most_accurate
from studies.records import read_front
from studies.study import SearchStudy
from studies.trials import Outcome, count_outcomes
from tests.stores import BUDGET, begin, living_worker, make_search, suggest, train_one

SMALL = FrontPoint(1, 94, 0.8, "4s:br gap fc10+")
LARGE = FrontPoint(0, 178, 0.9, "8s:br gap fc10+")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Calls a function and gives what it printed on stdout."""

    def call(function: Callable[..., None], *arguments: object, **options: object) -> str:
        function(*arguments, **options)
        return capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    """One trial of each outcome but two complete ones, and one in training by a worker that is not there."""
    study = make_search(tmp_path_factory.mktemp("report"))
    train_one(study, 8, [0.6, 0.9])
    train_one(study, 4, [0.5, 0.8])
    train_one(study, 8, [0.3], Outcome.PRUNED)
    train_one(study, 9, [], Outcome.DIVERGED)
    study.add_rejected(suggest(100), BUDGET)
    study.add_duplicate(suggest(4), study.study.trials[1])
    study.tell_failed(begin(study, 5).number, "lost")
    begin(study, 6).set_user_attr("num_redrawn", 20)
    return study


def start_trial(study: SearchStudy, worker: int) -> None:
    slot = study.slots.claim(1_000, worker)
    assert slot is not None
    study.slots.assign(slot, begin(study, 6).number, 136)


# The best


@pytest.mark.parametrize(
    ("front", "best"),
    [
        ([], None),
        ([SMALL], SMALL),
        ([SMALL, LARGE], LARGE),
        ([FrontPoint(0, 200, 0.9, ""), FrontPoint(5, 100, 0.9, "")], FrontPoint(5, 100, 0.9, "")),
        ([FrontPoint(7, 100, 0.9, ""), FrontPoint(5, 100, 0.9, "")], FrontPoint(5, 100, 0.9, "")),
    ],
)
def test_the_best(front: list[FrontPoint], best: FrontPoint | None) -> None:
    assert most_accurate(front) == best


# status


def test_status_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert status == {
        "study": "digits-1000",
        "trained": 4,
        "complete": 2,
        "pruned": 1,
        "diverged": 1,
        "rejected": 21,
        "duplicate": 1,
        "interrupted": 1,
        "running": 0,
        "best": {"trial": 0, "num_params": 178, "val_accuracy": 0.9, "notation": "8s:br gap fc10+"},
        "seconds": 10.0,
        "engines": ["torch on cpu"],
        "test_openings": [],
    }
    integers = ("trained", "complete", "pruned", "rejected", "duplicate", "diverged", "running")
    assert all(type(status[name]) is int for name in integers)


def test_status_of_a_study_without_trials(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert (status["best"], status["seconds"], status["engines"], status["trained"]) == (None, 0.0, [], 0)
    text = printed(print_status, study.store, study.name, as_json=False)
    assert "best" not in text
    assert "engine      -" in text


def test_only_the_trials_of_living_workers_are_running(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    for worker in (11, 12, 13):
        start_trial(study, worker)
    with living_worker(study.store.lock_path, 11), living_worker(study.store.lock_path, 13):
        status = json.loads(printed(print_status, study.store, study.name, as_json=True))
        assert status["running"] == 2
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert status["running"] == 0


def test_status_as_text(study: SearchStudy, printed: Callable[..., str]) -> None:
    text = printed(print_status, study.store, study.name, as_json=False)
    shown = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert shown == {
        "study": "digits-1000",
        "trained": "4",
        "complete": "2",
        "pruned": "1",
        "diverged": "1",
        "rejected": "21",
        "duplicate": "1",
        "interrupted": "1",
        "running": "0",
        "best": "90.00 % at 178 parameters (trial 0): 8s:br gap fc10+",
        "time": "0:10 of training",
        "engine": "torch on cpu",
        "test": "set    not opened",
    }


# front


def test_the_front_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    front = read_front(study.store.database, study.name)
    assert json.loads(printed(print_front, front, as_json=True)) == [
        {"trial": 1, "num_params": 94, "val_accuracy": 0.8, "notation": "4s:br gap fc10+"},
        {"trial": 0, "num_params": 178, "val_accuracy": 0.9, "notation": "8s:br gap fc10+"},
    ]
    assert json.loads(printed(print_front, [], as_json=True)) == []


def test_the_front_as_a_table(printed: Callable[..., str]) -> None:
    header, *rows = printed(print_front, [SMALL, LARGE], as_json=False).splitlines()
    assert header.split() == ["parameters", "val", "accuracy", "trial", "notation"]
    assert [row.split(maxsplit=4) for row in rows] == [
        ["94", "80.00", "%", "1", "4s:br gap fc10+"],
        ["178", "90.00", "%", "0", "8s:br gap fc10+"],
    ]
    assert printed(print_front, [], as_json=False) == "the front is empty: no trial is complete yet\n"


def test_long_notations_stay_on_one_line_in_a_pipe(printed: Callable[..., str]) -> None:
    notation = " ".join(["48s:brd0.05"] * 40)
    assert not sys.stdout.isatty()
    _, row = printed(print_front, [FrontPoint(0, 10**6, 0.9, notation)], as_json=False).splitlines()
    assert row.endswith(notation)


def test_the_front_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "front.csv"
    write_front_csv([SMALL, LARGE], path)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["trial", "num_params", "val_accuracy", "notation"],
            ["1", "94", "0.8", "4s:br gap fc10+"],
            ["0", "178", "0.9", "8s:br gap fc10+"],
        ]


def test_a_csv_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "front.csv"
    path.write_text("mine")
    with pytest.raises(InputError, match=r"--csv .*front\.csv exists already"):
        write_front_csv([SMALL], path)
    assert path.read_text() == "mine"


def test_a_csv_file_in_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--csv .*front\.csv can't be written: "):
        write_front_csv([SMALL], tmp_path / "no" / "front.csv")


# run


def summary_of(search: SearchStudy, **fields: Any) -> RunSummary:
    return RunSummary(
        **{
            "study": search.name,
            "counts": count_outcomes(search.study.trials),
            "num_trained": search.slots.num_trained(),
            "front": read_front(search.store.database, search.name),
            "seconds": 3_725.04,
            "interrupted": False,
            "timed_out": False,
        }
        | fields
    )


def config(**settings: Any) -> RunConfig:
    return RunConfig(**{"budget": BUDGET, "dataset": "digits", "trials": 4} | settings)


def test_a_run_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    large = {"trial": 0, "num_params": 178, "val_accuracy": 0.9, "notation": "8s:br gap fc10+"}
    small = {"trial": 1, "num_params": 94, "val_accuracy": 0.8, "notation": "4s:br gap fc10+"}
    assert json.loads(printed(print_run, summary_of(study), config(), as_json=True)) == {
        "study": "digits-1000",
        "trained": 4,
        "complete": 2,
        "pruned": 1,
        "diverged": 1,
        "rejected": 21,
        "duplicate": 1,
        "interrupted": 1,
        "seconds": 3725.0,
        "best": large,
        "front": [small, large],
    }


def test_a_run_as_text(study: SearchStudy, printed: Callable[..., str]) -> None:
    text = printed(print_run, summary_of(study), config(), as_json=False)
    first, *_ = text.splitlines()
    assert first.startswith("digits-1000: 4 trained (2 complete, 1 pruned, 1 diverged, 21 rejected, ")
    assert first.endswith(") in 1:02:05")
    assert "Best: trial 0, 90.00 % of the validation images at 178 parameters: 8s:br gap fc10+" in text
    assert "python -m search export --study digits-1000 --out digits-1000-best\n" in text
    assert "python -m search dashboard\n" in text
    assert "the same command with more --trials" in text


def test_a_run_that_is_not_at_its_end_tells_how_many_trials_are_left(
    study: SearchStudy, printed: Callable[..., str]
) -> None:
    text = printed(print_run, summary_of(study, interrupted=True), config(trials=10), as_json=False)
    assert "the same command again trains the 6 trials that are left" in text
    assert "more --trials" not in text


def test_the_commands_of_a_run_can_be_pasted(study: SearchStudy, printed: Callable[..., str]) -> None:
    given = config(storage="sqlite:///my studies.db", study="it's mine")
    text = printed(print_run, summary_of(study, study="it's mine"), given, as_json=False)
    assert "dashboard --storage 'sqlite:///my studies.db'\n" in text
    assert """export --study 'it'"'"'s mine' --storage 'sqlite:///my studies.db' --out """ in text


def test_a_run_without_a_complete_trial(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    text = printed(print_run, summary_of(study), config(), as_json=False)
    assert "0 trained" in text
    assert "Best" not in text
    assert "export" not in text
    assert json.loads(printed(print_run, summary_of(study), config(), as_json=True))["best"] is None


# count

STEP3 = "8v:rbd0.05 16v:rbd0.05 p 8k1 16v:rbd0.05 16v:rbd0.05 16v:rbd0.05 gap fc10"
# Worked out by hand: layer, output shape, parameters, receptive field, multiply-accumulates
STEP3_LAYERS: list[tuple[str, list[int], int, int, int]] = [
    ("8v:rbd0.05", [8, 26, 26], 88, 3, 48_672),
    ("16v:rbd0.05", [16, 24, 24], 1_184, 5, 663_552),
    ("p", [16, 12, 12], 0, 6, 0),
    ("8k1", [8, 12, 12], 128, 6, 18_432),
    ("16v:rbd0.05", [16, 10, 10], 1_184, 10, 115_200),
    ("16v:rbd0.05", [16, 8, 8], 2_336, 14, 147_456),
    ("16v:rbd0.05", [16, 6, 6], 2_336, 18, 82_944),
    ("gap", [16, 1, 1], 0, 28, 0),
    ("fc10", [10, 1, 1], 160, 28, 160),
]


def test_a_count_as_json(printed: Callable[..., str]) -> None:
    count = json.loads(printed(print_layers, ArchitectureSpec.from_text(STEP3), as_json=True))
    layers = count.pop("layers")
    assert count == {
        "notation": STEP3,
        "num_params": 7_416,
        "num_macs": 1_076_416,
        "weights_bytes": 4 * 7_416,
        "inference_activation_bytes": 4 * (8 * 26 * 26 + 16 * 12 * 12),
        "all_activation_bytes": 4 * 22_090,
    }
    assert [
        (row["layer"], row["output_shape"], row["num_params"], row["receptive_field"], row["num_macs"])
        for row in layers
    ] == STEP3_LAYERS
    assert [row["share"] for row in layers] == pytest.approx([num / 7_416 for _, _, num, _, _ in STEP3_LAYERS])


def test_a_count_as_a_table(printed: Callable[..., str]) -> None:
    text = printed(print_layers, ArchitectureSpec.from_text(STEP3), as_json=False)
    header, *rows, _, memory = text.splitlines()
    assert header.split() == ["layer", "output", "shape", "parameters", "share", "receptive", "field", "MACs"]
    assert [" ".join(row.split()) for row in rows] == [
        "8v:rbd0.05 8x26x26 88 1.2 % 3x3 48,672",
        "16v:rbd0.05 16x24x24 1,184 16.0 % 5x5 663,552",
        "p 16x12x12 0 0.0 % 6x6 0",
        "8k1 8x12x12 128 1.7 % 6x6 18,432",
        "16v:rbd0.05 16x10x10 1,184 16.0 % 10x10 115,200",
        "16v:rbd0.05 16x8x8 2,336 31.5 % 14x14 147,456",
        "16v:rbd0.05 16x6x6 2,336 31.5 % 18x18 82,944",
        "gap 16x1x1 0 0.0 % 28x28 0",
        "fc10 10x1x1 160 2.2 % 28x28 160",
        "total 7,416 100.0 % 1,076,416",
    ]
    for part in ("weights 29.0 KiB", "activations at most 30.1 KiB at a time", "86.3 KiB in all"):
        assert part in memory


def test_a_count_of_nothing(printed: Callable[..., str]) -> None:
    count = json.loads(printed(print_layers, ArchitectureSpec.from_text("p gap"), as_json=True))
    assert (count["num_params"], count["num_macs"]) == (0, 0)
    assert [row["share"] for row in count["layers"]] == [0.0, 0.0]
    assert "total" in printed(print_layers, ArchitectureSpec.from_text("p gap"), as_json=False)
