"""A search on a Ray cluster of this machine, of which nodes are killed and added, and at last the head.

    python -m benchmarks.ray_nodes [--trials N] [--json]

starts a PostgreSQL server and a Ray cluster of three nodes with a CPU each, searches on it, kills a node in the middle
of a trial, adds another, kills the head, and lets the command worker finish the study without Ray. It prints what
happened and what is wrong with the study, if anything, and ends with exit code 1 in that case.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest.mock import patch

from benchmarks.consistency import find_problems
from benchmarks.postgres_server import PostgresServer, find_binaries, postgres_server
from studies.slots import SlotState, TrialSlots
from studies.storage import Store

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent

STUDY = "nodes"
OPTIONS = ("--dataset", "digits", "--budget", "20000", "--pruner", "none", "--study", STUDY)
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
"""Resources of a node, with the smallest object store that Ray takes."""
SECONDS = 600.0
"""Time after which something that is waited for is considered not to happen."""


@dataclass
class Course:
    """What became of the search."""

    seconds: float = 0.0
    trials_at_kill: int = 0
    trials_at_addition: int = 0
    trials_at_end_of_cluster: int = 0
    message: str = ""
    """What the search said when the cluster was gone."""
    problems: list[str] = field(default_factory=list)


def search_on_nodes(folder: Path, server: PostgresServer, num_trials: int) -> Course:
    """Let a study begin on a cluster and end without it; ``folder`` is where the calls run."""
    storage = server.create_database("nodes")
    started, course = time.monotonic(), Course()
    with ray_cluster() as cluster:
        node = cluster.add_node(**NODE)
        cluster.add_node(**NODE)
        command = (*OPTIONS, "--trials", str(num_trials), "--cluster", cluster.address, "--quiet")
        run = start_search(folder, "run", *command, "--storage", storage)
        slots = _await(lambda: find_slots(storage), "the study begins")
        _await(lambda: _num_running(slots) == 3, "three workers train")
        cluster.remove_node(node, allow_graceful=False)
        course.trials_at_kill = slots.num_trained()
        _await(lambda: slots.num_trained() > course.trials_at_kill + 2, "the others go on")
        cluster.add_node(**NODE)
        course.trials_at_addition = slots.num_trained()
        _await(lambda: _num_running(slots) == 3, "three workers train again")
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        _, stderr = run.communicate(timeout=SECONDS)
        course.trials_at_end_of_cluster = slots.num_trained()
        course.message = stderr.strip()
        if run.returncode != 1 or course.message.count("\n"):
            course.problems.append(f"the search ended with exit code {run.returncode}")
    plain = start_search(folder, "worker", "--workers", "2", "--quiet", "--study", STUDY, "--storage", storage)
    _, stderr = plain.communicate(timeout=SECONDS)
    if plain.returncode != 0:
        course.problems.append(f"the worker ended with exit code {plain.returncode}: {stderr}")
    course.problems += find_problems(folder, num_trials, storage=storage, study=STUDY)
    course.seconds = round(time.monotonic() - started, 1)
    return course


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Yield a cluster whose head has one CPU; it is ended and its files are removed at last."""
    # Ray would run workers with a niceness of 15, which on a busy machine lets them starve.
    environment = {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    # The folder's path must be short, since it holds sockets.
    with (
        TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        patch.dict(os.environ, environment | {"RAY_TMPDIR": folder}),
    ):
        from ray.cluster_utils import Cluster

        # The head writes its address there, whether or not another of its processes has made the folder by then.
        (Path(folder) / "ray").mkdir()
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "temp_dir": folder})
        try:
            yield cluster
        finally:
            cluster.shutdown()  # type: ignore[no-untyped-call]


def start_search(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command in a folder; what it prints can be read at its end."""
    return subprocess.Popen(
        [sys.executable, "-m", "search", *arguments],
        cwd=folder,
        # A cluster whose head does not come back is lost after that time, which is a minute by default.
        env=os.environ | {"PYTHONPATH": str(ROOT), "RAY_gcs_rpc_server_reconnect_timeout_s": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def find_slots(storage: str) -> TrialSlots | None:
    """Return the slots of the study called `STUDY`, or None if there is none yet."""
    store = Store.find(storage)
    return None if store is None or STUDY not in store.study_names() else TrialSlots(store.database, STUDY)


def _num_running(slots: TrialSlots) -> int:
    return sum(slot.trial_number is not None for slot in slots.read((SlotState.RUNNING,)))


def _await(look: Callable[[], T | None], what: str) -> T:
    """Return what ``look`` returns, once it is true or an object. Raises `TimeoutError` if that takes too long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"it took more than {SECONDS:.0f} s until {what}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60, help="trials of the study (default: 60)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed: its initdb is neither in /usr/lib/postgresql nor on the path")
    with TemporaryDirectory() as folder, postgres_server(binaries) as server:
        course = search_on_nodes(Path(folder), server, arguments.trials)
    if arguments.json:
        print(json.dumps(asdict(course)))
    else:
        print(
            f"{arguments.trials} trials in {course.seconds:.0f} s: a node of three was killed after "
            f"{course.trials_at_kill}, another was added after {course.trials_at_addition}, the head was killed and "
            f"the search ended after {course.trials_at_end_of_cluster}, and workers without Ray did the rest"
        )
        print("\n".join((course.message, *course.problems, f"{len(course.problems)} problems")))
    return 1 if course.problems else 0


if __name__ == "__main__":
    sys.exit(main())
