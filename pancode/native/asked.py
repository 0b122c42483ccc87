"""What the native host is asked for, as it comes over a line: a loop by a shim, or that one soon will."""

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


@dataclass(frozen=True, slots=True)
class Announced:
    """The first loops of the runs in `folders` will be asked for in a moment, each by its shim."""

    folders: tuple[str, ...]


def receive(line: socket.socket, most: int) -> tuple[Asked | Announced | None, list[int]]:
    """Read what is asked, and the `most` descriptors that come with a request; None for nonsense."""
    try:
        data, fds, flags, _ = socket.recv_fds(line, LONGEST, most)
    except OSError:
        return None, []
    for fd in fds:
        os.set_inheritable(fd, False)
    if flags & socket.MSG_CTRUNC or not data.endswith(b"\n"):
        return None, fds
    try:
        found = [json.loads(each) for each in data.splitlines()]
        if not fds and all("announced" in each for each in found):
            return Announced(tuple(str(folder) for each in found for folder in each["announced"])), fds
        if len(fds) != most or len(found) != 1:
            return None, fds
        (one,) = found
        return Asked(str(one["folder"]), int(one["generation"]), str(one["key"])), fds
    except (ValueError, TypeError, KeyError):
        return None, fds


def announce(line: socket.socket, folder: str) -> None:
    """Say that the first loop of the run in `folder` will be asked for; raise OSError."""
    line.sendall(json.dumps({"announced": [folder]}).encode() + b"\n")


def pass_on(line: socket.socket, asked: Asked, fds: Sequence[int]) -> None:
    """Send a request with its descriptors; raise OSError."""
    said = {"folder": asked.folder, "generation": asked.generation, "key": asked.key}
    socket.send_fds(line, [json.dumps(said).encode() + b"\n"], list(fds))
