import csv
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace

from search.reports.fronts import confirmed_csv, front_csv, print_confirmed_front, print_front, print_unconfirmed
from search.sampling.estimate import Estimate, Estimates
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint
from studies.records import read_front
from studies.study import SearchStudy

SMALL = FrontPoint(1, 94, 0.8, "4s:br gap fc10+")

# 76 and 152 weights, 14 and 18 channels of 9 bytes, two rows of the layer table; 9 pixels, the map, and 10 sums.
TAKEN_BY_SMALL = {"flash_bytes": 76 + 14 * 9 + 96, "ram_bytes": 9 + 4 + 40, "num_macs": 28_224 + 40}
TAKEN_BY_LARGE = {"flash_bytes": 152 + 18 * 9 + 96, "ram_bytes": 9 + 8 + 40, "num_macs": 56_448 + 80}
LARGE = FrontPoint(0, 178, 0.9, "8s:br gap fc10+")
ESTIMATES = Estimates({SMALL.trial: Estimate(0.79514, 0.0123), LARGE.trial: Estimate(0.88, 0.02)})
FEW = Estimates(missing="they need 8 complete trials, and the study has 2")
CONFIRMED = ConfirmedPoint(
    trial=1,
    num_params=1_234,
    notation="4s:br gap fc10+",
    seeds=(7, 8, 9),
    accuracy=0.81239,
    low=0.7949,
    high=0.8301,
    effective_images=500.0,
    degrees_of_freedom=2.0,
    front_probability=0.934,
    val_accuracy=0.8,
)


def test_the_front_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    front = read_front(study.store.database, study.name)
    small = {"trial": 1, "num_params": 94, "val_accuracy": 0.8, "notation": "4s:br gap fc10+", **TAKEN_BY_SMALL}
    large = {"trial": 0, "num_params": 178, "val_accuracy": 0.9, "notation": "8s:br gap fc10+", **TAKEN_BY_LARGE}
    assert json.loads(printed(print_front, front, ESTIMATES, as_json=True)) == [
        {**small, "estimate": 0.79514, "estimate_std": 0.0123},
        {**large, "estimate": 0.88, "estimate_std": 0.02},
    ]
    unknown = {"estimate": None, "estimate_std": None}
    assert json.loads(printed(print_front, front, FEW, as_json=True)) == [small | unknown, large | unknown]
    assert json.loads(printed(print_front, [], FEW, as_json=True)) == []


def test_the_front_as_a_table(printed: Callable[..., str]) -> None:
    header, *rows, empty, note = printed(print_front, [SMALL, LARGE], ESTIMATES, as_json=False).splitlines()
    assert " ".join(header.split()) == "parameters val accuracy estimate flash bytes RAM bytes MACs trial notation"
    assert [" ".join(row.split()) for row in rows] == [
        "94 80.00 % 79.51 ± 1.23 % 298 53 28,264 1 4s:br gap fc10+",
        "178 90.00 % 88.00 ± 2.00 % 410 57 56,528 0 8s:br gap fc10+",
    ]
    assert empty == ""
    assert "one standard deviation" in note
    assert printed(print_front, [], FEW, as_json=False) == "the front is empty: no trial is complete yet\n"


def test_a_front_without_estimates_says_why(printed: Callable[..., str]) -> None:
    header, row, _, _, note = printed(print_front, [SMALL, LARGE], FEW, as_json=False).splitlines()
    assert "estimate" not in header
    assert " ".join(row.split()) == "94 80.00 % 298 53 28,264 1 4s:br gap fc10+"
    assert note == "No estimates: they need 8 complete trials, and the study has 2."


def test_long_notations_stay_on_one_line_in_a_pipe(printed: Callable[..., str]) -> None:
    notation = " ".join(["48s:brd0.05"] * 40)
    assert not sys.stdout.isatty()
    _, row, *_ = printed(print_front, [FrontPoint(0, 10**6, 0.9, notation)], FEW, as_json=False).splitlines()
    assert row.endswith(notation)


def test_the_front_as_csv() -> None:
    header = "trial,num_params,val_accuracy,notation,flash_bytes,ram_bytes,num_macs,estimate,estimate_std"
    assert front_csv([SMALL, LARGE], ESTIMATES).splitlines() == [
        header,
        "1,94,0.8,4s:br gap fc10+,298,53,28264,0.79514,0.0123",
        "0,178,0.9,8s:br gap fc10+,410,57,56528,0.88,0.02",
    ]
    assert front_csv([SMALL], FEW).splitlines()[1] == "1,94,0.8,4s:br gap fc10+,298,53,28264,,"
    assert front_csv([], FEW) == f"{header}\n"


def test_a_confirmed_front_as_a_table_says_what_its_numbers_are(printed: Callable[..., str]) -> None:
    header, row, empty, note = printed(print_confirmed_front, [CONFIRMED], as_json=False).splitlines()
    headings = (
        "parameters test accuracy shrunken 95 % interval on the front val accuracy flash bytes RAM bytes MACs trial "
        "notation"
    )
    assert " ".join(header.split()) == headings
    cells = ["1,234", "81.24", "%", "-", "79.49-83.01", "%", "93", "%", "80.00", "%", "298", "53", "28,264", "1"]
    assert row.split() == [*cells, *CONFIRMED.notation.split()]
    assert empty == ""
    assert note.startswith("Means over 3 seeds")
    assert note.endswith("A shrunken mean, for comparing rows, needs 5 members of different sizes.")
    _, row, _, note = printed(print_confirmed_front, [replace(CONFIRMED, shrunken=0.8081)], as_json=False).splitlines()
    assert row.split()[:5] == ["1,234", "81.24", "%", "80.81", "%"]
    assert "drawn towards the trend" in note


def test_a_confirmed_front_as_json_and_csv_keeps_every_digit(printed: Callable[..., str]) -> None:
    (point,) = json.loads(printed(print_confirmed_front, [CONFIRMED], as_json=True))
    assert point == {**asdict(CONFIRMED), "seeds": [7, 8, 9], **TAKEN_BY_SMALL}
    (row,) = csv.DictReader(confirmed_csv([CONFIRMED]).splitlines())
    assert (float(row["accuracy"]), float(row["low"]), int(row["trial"])) == (0.81239, 0.7949, 1)
    assert json.loads(row["seeds"]) == [7, 8, 9]
    assert printed(print_confirmed_front, [], as_json=True) == "[]\n"
    assert "Means over" not in printed(print_confirmed_front, [], as_json=False)


def test_a_front_names_its_points_that_are_not_confirmed(printed: Callable[..., str]) -> None:
    assert "Not on the confirmed front: trial 0; " in printed(print_unconfirmed, [SMALL, LARGE], [CONFIRMED])
    assert printed(print_unconfirmed, [SMALL], [CONFIRMED]) == ""
    assert printed(print_unconfirmed, [SMALL, LARGE], []) == ""


def test_what_a_net_that_cannot_be_read_takes_is_not_known(printed: Callable[..., str]) -> None:
    damaged = FrontPoint(1, 94, 0.8, "4x:br")
    row = printed(print_front, [damaged], FEW, as_json=False).splitlines()[1]
    assert row.split()[3:] == ["-", "-", "-", "1", "4x:br"]
    (point,) = json.loads(printed(print_front, [damaged], FEW, as_json=True))
    assert (point["flash_bytes"], point["ram_bytes"], point["num_macs"]) == (None, None, None)
