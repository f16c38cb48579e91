"""optuna-dashboard on a store that a search made, over HTTP: ours with model files, and the plain command."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 90


@pytest.fixture
def serve(search) -> Iterator[Callable[..., str]]:
    """Starts a server in the test's folder and gives its address once it answers; Ctrl-C ends it, cleanly."""
    processes: list[subprocess.Popen[str]] = []

    def start(*line: str) -> str:
        port = free_port()
        process = subprocess.Popen(
            [*line, "--port", str(port)],
            cwd=search.folder,
            env=search.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, process.communicate()
            try:
                get(f"{address}/api/meta")
                return address
            except OSError:
                assert time.monotonic() < deadline, "it does not answer"
                time.sleep(0.2)

    yield start
    for process in processes:
        os.killpg(process.pid, signal.SIGINT)
        try:
            stdout, stderr = process.communicate(timeout=20)
        finally:
            process.kill()
        if process.args[1:3] == ["-m", "search"]:
            assert process.returncode in (0, 130)
            assert stdout == f"optuna-dashboard on http://127.0.0.1:{process.args[-1]}/ (Ctrl-C ends it)\n"
            assert "Traceback" not in stderr


def test_our_dashboard_serves_studies_and_models_to_this_machine_alone(
    search, search_here, copied_study, serve
) -> None:
    address = serve(*search.line("dashboard"))
    check_studies(address, search_here.json("front"))
    check_artifacts(address, copied_study.folder / "studies.db.artifacts")
    port = address.rpartition(":")[2]
    bound = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    assert f"0100007F:{int(port):04X}" in bound
    assert f"00000000:{int(port):04X}" not in bound


def test_plain_optuna_dashboard_serves_the_same_store(search_here, copied_study, serve) -> None:
    program = Path(sys.executable).with_name("optuna-dashboard")
    address = serve(str(program), "sqlite:///studies.db", "--artifact-dir", "studies.db.artifacts")
    check_studies(address, search_here.json("front"))
    check_artifacts(address, copied_study.folder / "studies.db.artifacts")


def check_studies(address: str, front: list[dict[str, Any]]) -> None:
    ids = {study["study_name"]: study["study_id"] for study in get_json(f"{address}/api/studies")["study_summaries"]}
    assert set(ids) == {"digits-3000", "digits-3000.curves"}

    study = get_json(f"{address}/api/studies/{ids['digits-3000']}")
    assert study["directions"] == ["maximize", "minimize"]
    assert study["objective_names"] == ["val_accuracy", "num_params"]
    points = {trial["number"]: trial["values"] for trial in study["best_trials"]}
    assert points == {point["trial"]: [point["val_accuracy"], point["num_params"]] for point in front}
    assert len(study["trials"]) == 6
    for trial in study["trials"]:
        attributes = {attribute["key"]: attribute["value"] for attribute in trial["user_attrs"]}
        assert {"notation", "num_params", "val_accuracy", "outcome", "seconds"} <= set(attributes)
        assert {"stage1_width1", "batch_size", "max_lr"} <= {param["name"] for param in trial["params"]}

    curves = get_json(f"{address}/api/studies/{ids['digits-3000.curves']}")
    assert (curves["directions"], curves["objective_names"]) == (["maximize"], ["val_accuracy"])
    assert curves["has_intermediate_values"]
    assert len(curves["trials"]) == 6
    values = {trial["number"]: trial.get("values") for trial in study["trials"]}
    for trial in curves["trials"]:
        curve = trial["intermediate_values"]
        assert [value["step"] for value in curve] == list(range(1, len(curve) + 1))
        assert trial["values"] == [curve[-1]["value"]]
        attributes = {attribute["key"]: attribute["value"] for attribute in trial["user_attrs"]}
        if trial["state"] == "Complete":
            assert values[int(attributes["trial"])][0] == curve[-1]["value"]


def check_artifacts(address: str, folder: Path) -> None:
    """Every completed trial's model file can be downloaded."""
    assert get_json(f"{address}/api/meta")["artifact_is_available"]
    summaries = get_json(f"{address}/api/studies")["study_summaries"]
    study_id = next(study["study_id"] for study in summaries if study["study_name"] == "digits-3000")
    complete = [
        trial for trial in get_json(f"{address}/api/studies/{study_id}")["trials"] if trial["state"] == "Complete"
    ]
    assert complete
    for trial in complete:
        (artifact,) = trial["artifacts"]
        assert artifact["filename"] == f"trial-{trial['number']}.safetensors"
        served = get(f"{address}/artifacts/{study_id}/{trial['trial_id']}/{artifact['artifact_id']}")
        assert served == (folder / artifact["artifact_id"]).read_bytes()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read()


def get_json(url: str) -> Any:
    return json.loads(get(url))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
