"""Searches on digits that are killed in every way at random moments, then finished and checked for losses.

    python -m benchmarks.chaos [--rounds N] [--seed N] [--json]
    python -m benchmarks.chaos --long [--kills 100] [--stops 4] [--trials 200] [--workers 8] [--seed N] [--postgres]

The long form is one search whose workers are killed at random moments, again and again, and some of them stopped for
60 s, which is longer than their leases. With --postgres the study is in a PostgreSQL server, which crashes and
comes back in the middle. Then it is checked whether anything was lost, trained twice or counted wrongly,
and that a kill has cost at most the epoch that it interrupted.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.consistency import count_epochs, find_problems, read_trained
from benchmarks.postgres_server import find_binaries, postgres_server
from benchmarks.processes import processes_in, worker_pids
from benchmarks.storm import Storm, describe, weather

ROOT = Path(__file__).resolve().parent.parent

Way = Literal["ctrl-c", "sigterm", "sigkill", "worker sigkill"]
WAYS: tuple[Way, ...] = ("ctrl-c", "sigterm", "sigkill", "worker sigkill")

STARTUP_SECONDS = 4.0
"""Approximate time until a call's workers train; kills at the start happen within it."""
TRAINING_SECONDS = 3.0
"""Longest time after a call's first epoch at which later kills happen."""
CLEAN_UP_SECONDS = 10.0
"""Longest time that processes may take to disappear after their call has ended."""
CALL_SECONDS = 240.0
"""Time after which a call is considered to hang."""

# Each trial has 15 epochs of at least a tenth of a second. More writes per second mean more kills in the middle of one,
# but a trial that ends immediately is never hit.
OPTIONS = ("--dataset", "digits", "--budget", "20000", "--workers", "2")


@dataclass(frozen=True)
class Kill:
    way: Way
    at_start: bool
    """Whether to kill in the first seconds of the call, rather than after its first epoch."""
    seconds: float
    """Time of the kill after the start of the call or after its first epoch."""

    def __str__(self) -> str:
        return f"{self.way} {self.seconds:.1f} s {'after the start' if self.at_start else 'into training'}"


@dataclass
class Call:
    """The result of one call of `run`."""

    exit_code: int
    sent: list[Kill] = field(default_factory=list)
    """Kills that were sent while the call was running."""
    problems: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="searches to run (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    parser.add_argument("--long", action="store_true", help="one search with many kills and stops of its workers")
    parser.add_argument("--kills", type=int, default=100, help="kills of the long form (default: 100)")
    parser.add_argument("--stops", type=int, default=4, help="workers that the long form stops (default: 4)")
    parser.add_argument("--trials", type=int, default=200, help="trials of the long form (default: 200)")
    parser.add_argument("--postgres", action="store_true", help="with --long: on a PostgreSQL server, which restarts")
    parser.add_argument("--workers", type=int, default=8, help="workers of the long form (default: 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.long:
        with ExitStack() as stack:
            server = None
            if options.postgres:
                binaries = find_binaries()
                if binaries is None:
                    parser.error("--postgres needs an installed PostgreSQL")
                server = stack.enter_context(postgres_server(binaries))
                server.create_database("chaos")
            storm = Storm(options.trials, options.workers, options.kills, options.stops, server)
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-"))
            weathered = weather(Path(name).resolve(), storm, random.Random(options.seed))
        print(json.dumps(asdict(weathered)) if options.json else describe(storm, weathered))
        sys.exit(1 if weathered.problems else 0)

    rounds = []
    num_problems = 0
    landed: Counter[Way] = Counter()
    for number in range(1, options.rounds + 1):
        calls, problems = run_round(random.Random(f"{options.seed} {number}"))
        problems += [problem for call in calls for problem in call.problems]
        num_problems += len(problems)
        landed.update(kill.way for call in calls for kill in call.sent)
        rounds.append({"calls": [asdict(call) for call in calls], "problems": problems})
        if not options.json:
            kills = " | ".join(", ".join(map(str, call.sent)) or "left alone" for call in calls)
            print(f"{number:>4}  {len(problems)} problems  {kills}", flush=True)
            for problem in problems:
                print(f"      {problem}", flush=True)
    if options.json:
        print(json.dumps({"rounds": rounds, "kills": landed, "num_problems": num_problems}))
    else:
        kills = ", ".join(f"{landed[way]} {way}" for way in WAYS)
        print(f"{len(rounds)} searches, {landed.total()} kills ({kills}): {num_problems} problems")
    sys.exit(1 if num_problems else 0)


def run_round(generator: random.Random) -> tuple[list[Call], list[str]]:
    """Run one search: some calls that are killed and one that is not; returns them and the problems of the store."""
    num_trials = generator.randint(4, 8)
    options = [*OPTIONS, "--seed", str(generator.randrange(1000))]
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name).resolve()
        calls = [
            run_call(folder, options, num_trials, random_kills(generator), generator)
            for _ in range(generator.randint(1, 3))
        ]
        calls.append(run_call(folder, options, num_trials, [], generator))
        return calls, find_problems(folder, num_trials)


def random_kills(generator: random.Random) -> list[Kill]:
    kills = []
    for _ in range(generator.randint(1, 3)):
        at_start = generator.random() < 0.3
        longest = STARTUP_SECONDS if at_start else TRAINING_SECONDS
        kills.append(Kill(generator.choice(WAYS), at_start, generator.uniform(0.0, longest)))
    return kills


def run_call(
    folder: Path, options: Sequence[str], num_trials: int, kills: Sequence[Kill], generator: random.Random
) -> Call:
    """Run a search in ``folder``, kill its workers one after another, and kill the call itself at most once.

    A call that is not killed itself must end with exit code 0, whatever happened to its workers.
    """
    trained_before = read_trained(folder)
    num_epochs_before = count_epochs(folder)
    log = folder / "stderr.txt"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "search", "run", *options, "--trials", str(num_trials)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # its own process group, as in a terminal
        )
    call = Call(exit_code=0)
    expected = {0}
    for kill in kills:
        _wait_for_moment(process, kill, folder, num_epochs_before)
        # Before it prints its first line, a call does not handle signals yet and may be ended by the signal itself.
        is_listening = log.stat().st_size > 0
        if process.poll() is not None or not send(process, kill.way, generator):
            continue
        call.sent.append(kill)
        if kill.way != "worker sigkill":
            expected = exit_codes(kill.way, is_listening=is_listening)
            break
    try:
        call.exit_code = process.wait(CALL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        call.exit_code = process.wait()
        call.problems.append(f"it did not end within {CALL_SECONDS:.0f} s")
    if left := wait_until_gone(folder, CLEAN_UP_SECONDS):
        call.problems.append(f"{len(left)} processes were left {CLEAN_UP_SECONDS:.0f} s after its end")
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    trained_after = read_trained(folder)
    if len(trained_after) == num_trials:  # the kill came too late to matter
        expected |= {0}
    if call.exit_code not in expected:
        call.problems.append(f"exit code {call.exit_code}, not {' or '.join(map(str, sorted(expected)))}")
    if call.exit_code in (0, 130) and "Traceback" in log.read_text(encoding="utf-8"):
        call.problems.append("a traceback on stderr")
    if lost := [number for number, trial in trained_before.items() if trained_after.get(number) != trial]:
        call.problems.append(f"trials {lost} are not what they were before")
    return call


def _wait_for_moment(process: subprocess.Popen[bytes], kill: Kill, folder: Path, num_epochs_before: int) -> None:
    while not kill.at_start and process.poll() is None and count_epochs(folder) == num_epochs_before:
        time.sleep(0.05)
    deadline = time.monotonic() + kill.seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def exit_codes(way: Way, *, is_listening: bool) -> set[int]:
    """Return the exit codes that are allowed for a call killed in this way."""
    if way == "sigkill":
        return {-signal.SIGKILL}
    if is_listening:
        return {130}
    return {130, -signal.SIGINT if way == "ctrl-c" else -signal.SIGTERM}


def send(process: subprocess.Popen[bytes], way: Way, generator: random.Random) -> bool:
    """Send a kill; returns whether there was a process to kill."""
    if way == "worker sigkill":
        workers = worker_pids(process.pid)
        if workers:
            os.kill(generator.choice(workers), signal.SIGKILL)
        return bool(workers)
    if way == "ctrl-c":  # a terminal sends it to the whole process group
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM if way == "sigterm" else signal.SIGKILL)
    return True


def wait_until_gone(folder: Path, seconds: float) -> list[int]:
    """Wait until a folder's processes are gone; returns those still running after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


if __name__ == "__main__":
    main()
