"""What may be in a place where a file is expected."""

import os
import socket
import tempfile
from pathlib import Path


def make_other(path: Path, kind: str) -> str:
    """Put something else than a file at a path; returns what it is called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "folder":
            path.mkdir()
            return "a folder"
        case "named pipe":
            os.mkfifo(path)
            return "a named pipe"
        case "device":
            path.symlink_to("/dev/zero")
            return "a device"
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                # The path itself may be too long for one.
                short = tempfile.mktemp(dir="/tmp")
                server.bind(short)
            os.rename(short, path)
            return "a socket"
        case "looping link":
            path.symlink_to(path.name)
            return "a link that leads back to itself"
        case _:
            path.symlink_to("nowhere")
            return "a link to nowhere, which does not exist"


KINDS = ("folder", "named pipe", "device", "socket", "looping link", "link to nothing")
