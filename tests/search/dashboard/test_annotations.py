"""What optuna-dashboard is told of our studies beyond what the store holds."""

import json
import urllib.request
from typing import Any

import pytest

from search.dashboard.annotations import figures, study_note, trial_note
from search.study_report.details import _net
from search.study_report.overview import StudyReader
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from studies.records import read_front
from studies.storage import Store
from tests.stores import restore_store


def described(port: int, name: str) -> dict[str, Any]:
    def ask(path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    ids = {study["study_name"]: study["study_id"] for study in ask("/api/studies")["study_summaries"]}
    return ask(f"/api/studies/{ids[name]}")


def test_a_study_is_explained_and_its_front_has_notes(watched_study, serve_here) -> None:
    study = described(serve_here(watched_study.url), watched_study.name)
    front = read_front(Store.open_read_only(watched_study.url).database, watched_study.name)
    note = study["note"]["body"]
    for text in ("**3,000 trainable parameters** on digits", "300 held-out images", "python -m search export --study"):
        assert text in note
    for point in front:
        assert (
            f"| {point.num_params:,} | {100 * point.val_accuracy:.2f} % | {point.trial} | `{point.notation}` |" in note
        )
    noted = {trial["number"]: trial["note"]["body"] for trial in study["trials"] if trial["note"]["body"]}
    assert noted.keys() == {point.trial for point in front}
    assert "| `gap` | global average pooling |" in noted[front[0].trial]
    plots = {plot["id"]: json.loads(plot["graph_object"]) for plot in study["plotly_graph_objects"]}
    assert plots.keys() == {"front", "hypervolume", "curves"}
    shown = next(trace for trace in plots["front"]["data"] if trace["name"] == "on the front")
    assert shown["x"] == [point.num_params for point in front]
    assert shown["y"] == pytest.approx([1 - point.val_accuracy for point in front])
    curves = {trace["name"] for trace in plots["curves"]["data"]}
    assert "on the front" in curves

    of_curves = described(serve_here(watched_study.url), f"{watched_study.name}.curves")
    assert of_curves["note"]["body"].startswith(f"The learning curves of the study `{watched_study.name}`")


def test_one_epoch_is_one() -> None:
    overview = {
        "study": "digits-700",
        "settings": {"budget": 700, "dataset": "digits"},
        "epochs": 1,
        "num_validation": 300,
        "front": [],
        "commands": [],
        "space": "",
    }
    assert "Each trial trains for at most 1 epoch. " in study_note(overview)
    candidate = CandidateSpec(ArchitectureSpec.from_text("4s:br gap fc10+"), TrainingConfig(epochs=1))
    assert "\n\nTrained with 1 epoch, batches of " in trial_note(_net(candidate))


def test_what_a_person_wrote_stays(copied_study, serve_here) -> None:
    from optuna_dashboard import save_note

    study = Store.open(copied_study.url).load_study(copied_study.name)
    save_note(study, "mine")
    assert described(serve_here(copied_study.url), copied_study.name)["note"] == {"version": 1, "body": "mine"}


def test_a_confirmed_front_has_its_intervals(tmp_path) -> None:
    store = Store.open_read_only(restore_store(tmp_path, 1))
    overview = StudyReader(store, "digits-700").read()
    confirmed = next(trace for trace in figures(overview)["front"]["data"] if trace["name"].startswith("confirmed"))
    for point, error, above, below in zip(
        overview["confirmed"],
        confirmed["y"],
        *(confirmed["error_y"][end] for end in ("array", "arrayminus")),
        strict=True,
    ):
        assert error == pytest.approx(1 - point["accuracy"])
        assert error + above == pytest.approx(1 - point["low"])
        assert error - below == pytest.approx(1 - point["high"])
