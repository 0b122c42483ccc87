"""What a shim asks the native host for, as it comes over a line together with descriptors."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A loop for the run in `folder`; `generation` counts those that it has had, `key` is for its model."""

    folder: str
    generation: int
    key: str = field(repr=False)


def receive(line: socket.socket, most: int) -> tuple[Asked | None, list[int]]:
    """Read a request and the descriptors, at most `most`, that came with it; None for nonsense."""
    try:
        data, fds, flags, _ = socket.recv_fds(line, LONGEST, most)
    except OSError:
        return None, []
    for fd in fds:
        os.set_inheritable(fd, False)
    if flags & socket.MSG_CTRUNC or len(fds) != most or not data.endswith(b"\n"):
        return None, fds
    try:
        found = json.loads(data)
        return Asked(str(found["folder"]), int(found["generation"]), str(found["key"])), fds
    except (ValueError, TypeError, KeyError):
        return None, fds


def pass_on(line: socket.socket, asked: Asked, fds: Sequence[int]) -> None:
    """Send a request with its descriptors; raise OSError."""
    said = {"folder": asked.folder, "generation": asked.generation, "key": asked.key}
    socket.send_fds(line, [json.dumps(said).encode() + b"\n"], list(fds))
