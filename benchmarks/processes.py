"""Looking at the processes of a command, for the benchmarks that kill or measure them. Only Linux has /proc."""

from contextlib import suppress
from pathlib import Path


def parents() -> dict[int, int]:
    """Return the parent of each process."""
    found = {}
    for pid in _all_pids():
        with suppress(OSError):  # it is gone
            # The state and the parent follow the name, which is in brackets and may contain anything.
            found[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def family_of(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def worker_pids(parent: int) -> list[int]:
    """Return the spawned children of a process, without multiprocessing's resource tracker."""
    pids = []
    for pid, its_parent in parents().items():
        with suppress(OSError):  # it is gone
            if its_parent == parent and b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                pids.append(pid)
    return pids


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is a folder: everything that a call there has started."""
    pids = []
    for pid in _all_pids():
        with suppress(OSError):  # it is gone or belongs to another user
            if Path(f"/proc/{pid}/cwd").readlink() == folder:
                pids.append(pid)
    return pids


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
