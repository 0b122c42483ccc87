"""The socket at which loops are asked for; light, as it has to be there before anything heavy is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct

_BACKLOG = 128
_HEAD = 1 << 16
"""Bytes of a journal in which the start of its worker stands."""


def listen(path: str) -> socket.socket:
    """Listen on the Unix socket `path`, taking the place of a host that was killed; raise OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    new = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    listener.bind(new)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    os.rename(new, path)
    return listener


class Guard:
    """Knows who may ask: shims for their own runs, and the session's controller.

    The kernel says which process is at the other end. One in a worker's sandbox is neither of them.
    """

    def __init__(self, runs: str, controller: str) -> None:
        """Guard the runs in the directory `runs`; the controller is who listens on `controller`."""
        self._runs = runs
        self._controller = controller

    def is_shim_of(self, line: socket.socket, folder: str) -> bool:
        """Whether the other end has begun the run in `folder`, by the word of the run's own journal."""
        pid = _peer(line)
        if pid is None or os.path.dirname(folder) != self._runs:
            return False
        try:
            with open(os.path.join(folder, "events.jsonl"), "rb") as file:
                head = file.read(_HEAD)
        except OSError:
            return False
        return any(_started(record) == pid for record in head.splitlines())

    def is_controller(self, line: socket.socket) -> bool:
        """Whether the other end is the controller of the session."""
        pid = _peer(line)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked, contextlib.suppress(OSError):
            asked.setblocking(False)
            asked.connect(self._controller)
            return pid is not None and _peer(asked) == pid
        return False


def _peer(line: socket.socket) -> int | None:
    """Give the process at the other end; None for that of another user, unless it is root."""
    raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    return int(pid) if uid in (os.getuid(), 0) else None


def _started(record: bytes) -> int | None:
    if b"started" not in record:
        return None
    try:
        found = json.loads(record)
        return int(found["pid"]) if found["kind"] == "started" and found["src"] == "shim" else None
    except (ValueError, TypeError, KeyError):
        return None
