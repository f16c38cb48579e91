"""The file that report writes: its numbers are those of the other commands, and it needs nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.study_report.overview import StudyReader
from search.study_report.report import write_report
from space.errors import InputError
from studies.storage import Store
from studies.trials import Outcome
from tests.search.conftest import make_study_of_every_outcome
from tests.stores import EARLIER_SCHEMAS, make_search, restore_store, train_one


def data_in(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_numbers_are_those_of_the_other_commands(search_here, copied_study) -> None:
    done = search_here("report", "--out", "report.html", "--target", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    data = data_in(copied_study.folder / "report.html")
    overview, details = data["overview"], data["details"]
    status, trials = search_here.json("status"), search_here.json("trials")
    shown = search_here.json("front")
    assert overview["front"] == [{name: point[name] for name in overview["front"][0]} for point in shown]
    for point in shown:
        detail = details[str(point["trial"])]
        taken = {"flash_bytes": detail["flash_bytes"], "ram_bytes": detail["ram_bytes"], "num_macs": detail["macs"]}
        assert taken == {name: point[name] for name in taken}
    assert overview["num_trained"] == status["trained"] == copied_study.num_trials
    assert overview["counts"] == {outcome.value: status[outcome] for outcome in Outcome}
    assert {row[0]: (row[1], row[2], row[4], row[6]) for row in overview["trials"]} == {
        trial["trial"]: (trial["outcome"], trial["num_params"], trial["num_epochs"], trial["notation"])
        for trial in trials
    }
    assert sum(group["epochs"] for group in overview["spent"]) == sum(trial["num_epochs"] for trial in trials)
    best = overview["answer"]["best"]
    assert all(best[key] == status["best"][key] for key in ("trial", "num_params", "val_accuracy", "notation"))
    assert f"trial {best['trial']}, {100 * best['val_accuracy']:.2f} % of the validation images" in done.stdout
    assert "\npass: 50 % wanted, " in done.stdout
    curves = {trial["trial"]: [] for trial in trials}
    for epoch in search_here.json("curves"):
        curves[epoch["trial"]].append(round(epoch["val_accuracy"], 5))
    assert {int(trial): detail["val"] for trial, detail in details.items()} == curves
    for trial in trials:
        detail = details[str(trial["trial"])]
        assert sum(layer[3] for layer in detail["layers"]) == trial["num_params"]
        if trial["outcome"] == "complete":
            confusion = detail["confusion"]
            num_wrong = sum(number for _, _, number in confusion["wrong"])
            assert sum(confusion["right"]) + num_wrong == overview["num_validation"] == 300
            assert sum(confusion["right"]) / 300 == pytest.approx(trial["val_accuracy"])
    shown = details[str(best["trial"])]["mistakes"]
    assert shown[0]["image"].startswith("data:image/png;base64,")


def test_the_file_names_no_other_host(search_here, copied_study) -> None:
    assert search_here("report", "--out", "report.html").returncode == 0
    text = (copied_study.folder / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}, "a name, not an address"
    assert not re.search(r"<(?:script|img|link|iframe)[^>]* (?:src|href)=\"(?!data:)", text)
    assert "connect-src 'none'" in text


def test_a_file_that_exists_is_replaced_only_if_told(search_here, copied_study) -> None:
    path = copied_study.folder / "report.html"
    path.write_text("mine")
    refused = search_here("report", "--out", "report.html")
    assert (refused.returncode, refused.stderr) == (2, "error: --out report.html exists already; --force replaces it\n")
    assert path.read_text() == "mine"
    assert search_here("report", "--out", "report.html", "--force").returncode == 0
    assert data_in(path)["overview"]["study"] == copied_study.name


@pytest.mark.parametrize("target", [0.0, -1.0, 1.01, float("nan"), float("inf")])
def test_a_target_is_a_fraction(target: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--target is a fraction above 0 and at most 1"):
        write_report(
            tmp_path / "new", study=None, storage="sqlite:///none.db", target=target, max_params=None, force=False
        )


def test_every_outcome_is_told_and_what_has_not_ended(tmp_path: Path) -> None:
    search = make_study_of_every_outcome(tmp_path)
    overview = StudyReader(Store.open_read_only(search.store.url), search.name).read()
    assert overview["counts"] == {
        "complete": 2, "pruned": 1, "diverged": 1, "rejected": 21, "duplicate": 1, "failed": 1
    }  # fmt: skip
    assert overview["pruned_after"] == [(1, 1)]
    assert dict(overview["reasons"]) == {"diverged: diverged in a test": 1, "failed: lost": 1}
    assert overview["state"]["running"] == 0


def test_a_study_grows_while_it_is_read(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    reader = StudyReader(Store.open_to_watch(search.store.url), search.name)
    assert reader.read()["front"] == []
    train_one(search, 8, [0.6, 0.9])
    assert [point["trial"] for point in reader.read()["front"]] == [0]
    train_one(search, 4, [0.6, 0.95])
    overview = reader.read()
    assert [point["trial"] for point in overview["front"]] == [1]
    assert [row[:2] for row in overview["trials"]] == [[0, "complete"], [1, "complete"]]


@pytest.mark.parametrize("schema", EARLIER_SCHEMAS)
def test_studies_of_earlier_versions_have_a_page_without_confusions(schema: int, tmp_path: Path) -> None:
    url = restore_store(tmp_path, schema)
    out = tmp_path / "report.html"
    write_report(out, study=None, storage=url, target=0.8, max_params=None, force=False)
    data = data_in(out)
    confirmed = data["overview"]["confirmed"]
    assert confirmed
    assert data["overview"]["answer"]["is_confirmed"]
    best = data["overview"]["answer"]["best"]
    assert np.isclose(best["confirmed"]["accuracy"], confirmed[-1]["accuracy"])
    assert all("confusion" not in detail for detail in data["details"].values())
