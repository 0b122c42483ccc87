"""Finds the processes of one session that chaos has started, and kills them and no others."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from pancode.engine.places import Places
from pancode.engine.shipped import boot_file
from pancode.engine.tmux.deaths import start_ticks
from pancode.engine.tmux.server import look

KINDS = ("controller", "shim", "agent", "tmux", "forks", "gateway")


@dataclass(frozen=True, slots=True)
class Prey:
    """One process for good, by pid and start; `run` is whose it is, None for one that serves them all."""

    kind: str
    pid: int
    started: int
    run: str | None


def hunt(places: Places) -> list[Prey]:
    """Give what lives of a session and may be killed: its home is marked in each one's environment."""
    found = []
    for pid in _pids():
        started = start_ticks(pid)
        told = None if started is None else _told(pid, places)
        if told is not None and started is not None:
            found.append(Prey(told[0], pid, started, told[1]))
    return found


def remaining(places: Places) -> list[int]:
    """Give every living process that carries the session's home or its runtime directory anywhere."""
    marks = [os.fsencode(path) for path in (places.home, places.runtime)]
    found = []
    for pid in _pids():
        told = _read(pid, "cmdline") + b"\0" + _read(pid, "environ")
        if any(mark in told for mark in marks) and not _is_zombie(pid):
            found.append(pid)
    return found


def kill(prey: Prey, places: Places) -> bool:
    """SIGKILL it; False if it has gone. The descriptor is held before it is looked at a second time."""
    try:
        descriptor = os.pidfd_open(prey.pid)
    except OSError:
        return False
    try:
        if start_ticks(prey.pid) != prey.started or _told(prey.pid, places) != (prey.kind, prey.run):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _told(pid: int, places: Places) -> tuple[str, str | None] | None:
    """Give kind and run of a process of this session; None for every other."""
    words = _read(pid, "cmdline").split(b"\0")[:-1]
    kind, run = kind_of([os.fsdecode(word) for word in words], places)
    environment = _read(pid, "environ").split(b"\0")
    if kind == "agent":
        run = next((each[15:].decode() for each in environment if each.startswith(b"PANCODE_RUN_ID=")), "")
        folder = os.fsencode(f"PANCODE_RUN_DIR={places.runs}/{run}")
        return (kind, run) if run and folder in environment else None
    if kind == "tmux":  # Its clients, and a child that hasn't become a pane's program yet, look alike.
        return (kind, None) if look(places.tmux_socket).pid == pid else None
    is_ours = os.fsencode(f"PANCODE_HOME={places.home}") in environment
    return (kind, run) if kind is not None and is_ours else None


def kind_of(words: list[str], places: Places) -> tuple[str | None, str | None]:
    """Tell from a command line which part of a session this is, and of which run if that stands there."""
    if words[1:4] == ["-P", "-m", "pancode.app"]:
        return "controller", None
    if words[1:4] == ["-P", "-m", "pancode.gateway"]:
        return "gateway", None
    if words[1:4] == ["-I", "-S", boot_file()] and places.fork_socket in words:
        return "forks", None
    if words[1:4] == ["-I", "-S", boot_file()] and words[4:] and os.path.dirname(words[4]) == places.runs:
        return "shim", os.path.basename(words[4])
    if words[:1] == ["tmux"] and places.tmux_socket in words:
        return "tmux", None
    if (words[1:4] == ["-I", "-S", "-c"] and words[5:]) or (words[:1] == ["sleep"] and not words[2:]):
        return "agent", None
    return None, None


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]


def _is_zombie(pid: int) -> bool:
    return _read(pid, "stat").rpartition(b")")[2].split()[:1] in ([b"Z"], [])


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
