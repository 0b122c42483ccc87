"""Finds and ends what a tmux server leaves: the processes that its panes started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pancode.engine.tmux.deaths import start_ticks
from pancode.engine.tmux.server import wait_gone

_PPID_FIELD = 1


@dataclass(frozen=True, slots=True)
class Process:
    """One process for good: a pid is given out again, a pid with its start isn't."""

    pid: int
    started: int

    @property
    def lives(self) -> bool:
        """Whether it is still there, be it as a zombie."""
        return start_ticks(self.pid) == self.started

    @property
    def runs(self) -> bool:
        """Whether it is still there, and no zombie."""
        return self.lives and not _is_zombie(self.pid)


def descendants(root: int) -> list[Process]:
    """Give all processes below `root`, without this one and those that started it."""
    parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
    ours = set()
    at = os.getpid()
    while at > 1 and at not in ours:
        ours.add(at)
        at = parents.get(at, 0)
    found: list[int] = []
    level = [root]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return _named(pid for pid in found if pid not in ours)


def marked(variable: str, under: str) -> list[Process]:
    """Give the processes whose environment names a path below `under` in `variable`: a run's leftovers."""
    mark = f"\0{variable}={under}{os.sep}".encode()
    return _named(pid for pid in _pids() if pid != os.getpid() and mark in b"\0" + _read(pid, "environ"))


def carrying(variable: str) -> list[tuple[Process, str]]:
    """Give the processes whose environment has `variable`, each with its value; not this one."""
    mark, found = f"\0{variable}=".encode(), []
    for pid in _pids():
        started, told = start_ticks(pid), b"\0" + _read(pid, "environ")
        at = told.find(mark)
        if at >= 0 and started is not None and pid != os.getpid() and not _is_zombie(pid):
            value = told[at + len(mark) :].partition(b"\0")[0]
            found.append((Process(pid, started), os.fsdecode(value)))
    return found


def server_of(socket: str) -> int | None:
    """Give the process that was started as the tmux server of `socket`, for one that doesn't answer."""
    for pid in _pids():
        words = _read(pid, "cmdline").split(b"\0")
        if b"new-session" in words and os.fsencode(socket) in words and os.path.basename(words[0]) == b"tmux":
            return pid
    return None


def end(processes: Iterable[Process], patience: float) -> list[int]:
    """Wait up to `patience` seconds for all to go by themselves, then SIGKILL the rest; give whom."""
    until = time.monotonic() + patience
    left = [process for process in processes if process.lives]
    for process in left:
        wait_gone(process.pid, max(0.0, until - time.monotonic()))
    stubborn = [process for process in left if process.lives and not _is_zombie(process.pid)]
    for process in stubborn:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
    for process in stubborn:
        wait_gone(process.pid, 1.0)
    return [process.pid for process in stubborn]


def _named(pids: Iterable[int]) -> list[Process]:
    return [Process(pid, started) for pid in pids if (started := start_ticks(pid)) is not None]


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _fields(pid: int) -> list[str]:
    return _read(pid, "stat").decode("ascii", "replace").rpartition(")")[2].split()


def _parent(pid: int) -> int | None:
    fields = _fields(pid)
    return int(fields[_PPID_FIELD]) if len(fields) > _PPID_FIELD else None


def _is_zombie(pid: int) -> bool:
    return _fields(pid)[:1] == ["Z"]


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
