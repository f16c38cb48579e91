"""Tests of search/runs/cluster.py."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.consistency import find_problems
from benchmarks.postgres_server import PostgresServer
from benchmarks.ray_nodes import STUDY, find_slots, ray_cluster, start_search
from search.runs import cluster as cluster_module
from search.runs.cluster import check_ray
from search.runs.config import RunConfig
from space.errors import InputError
from studies.slots import SlotState, TrialSlots

LINE = ("run", "--dataset", "digits", "--budget", "3000", "--pruner", "none", "--study", STUDY)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_cluster() as cluster:
        yield cluster


def test_a_store_that_nodes_can_not_reach_is_refused() -> None:
    with pytest.raises(InputError, match=r"--cluster needs a store that all nodes can reach, --storage postgresql://"):
        RunConfig(budget=8_000, cluster="auto")


def test_the_extra_is_named_where_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"--cluster needs Ray, the extra: pip install"):
        check_ray()


def test_workers_on_a_cluster_train_leave_and_are_lost_with_it(
    tmp_path: Path, cluster: Any, postgres: PostgresServer
) -> None:
    """One study in three calls: the first completes, the second is interrupted, the third loses the cluster."""
    storage = postgres.create_database("cluster")
    address = cluster.address
    options = ("--storage", storage, "--cluster", address)
    first = start_search(tmp_path, *LINE, "--trials", "3", *options)
    printed = first.communicate(timeout=120)
    assert first.returncode == 0, printed
    assert f"asking the Ray cluster {address} for workers" in printed[1]
    assert find_problems(tmp_path, 3, storage=storage) == []

    second = start_search(tmp_path, *LINE, "--trials", "500", *options, "--quiet")
    slots = slots_once_trained(second, storage, 4)
    second.send_signal(signal.SIGINT)
    printed = second.communicate(timeout=120)
    assert second.returncode == 130, printed
    assert slots.count(SlotState.RUNNING) == 0

    third = start_search(tmp_path, *LINE, "--trials", "500", *options, "--quiet")
    slots_once_trained(third, storage, slots.num_trained() + 1)
    cluster.remove_node(cluster.head_node, allow_graceful=False)
    printed = third.communicate(timeout=120)
    assert third.returncode == 1, printed
    assert printed[1].startswith(f"error: the Ray cluster {address} does not answer: nothing is lost, and ")
    assert printed[1].count("\n") == 1


def slots_once_trained(call: "subprocess.Popen[str]", storage: str, num_trials: int) -> TrialSlots:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and call.poll() is None:
        slots = find_slots(storage)
        if slots is not None and slots.num_trained() >= num_trials:
            return slots
        time.sleep(0.1)
    call.kill()
    pytest.fail(f"{num_trials} trials were not trained: {call.communicate()}")
