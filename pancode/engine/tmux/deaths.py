"""Tells at once when a process ends that isn't a child: a pane's shim, found again after a restart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

_START_FIELD = 19
"""Where `starttime` stands in /proc/PID/stat, counted from the state that follows the name."""


def start_ticks(pid: int) -> int | None:
    """Give when `pid` started, in clock ticks since boot; None if there is no such process (zombies count).

    Together with the pid this names one process for good: a pid alone is given out again.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[_START_FIELD])
    except (OSError, ValueError, IndexError):
        return None


class Deaths:
    """Watches processes by pidfd: half a millisecond from death to callback, nothing while they live."""

    def __init__(self, on_death: Callable[[int], None]) -> None:
        """Call `on_death(pid)` once for each watched process that ends."""
        self._on_death = on_death
        self._descriptors: dict[int, int] = {}

    def watch(self, pid: int, started: int | None = None) -> bool:
        """Watch `pid`; False, and no callback, if it is gone or isn't the one that started at `started`."""
        if pid in self._descriptors:
            return True
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        # Asked after the descriptor is held: from here on the pid can't mean another process.
        if started is not None and start_ticks(pid) != started:
            os.close(descriptor)
            return False
        self._descriptors[pid] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._died, pid)
        return True

    def forget(self, pid: int) -> None:
        """Stop watching `pid`, if it was watched."""
        descriptor = self._descriptors.pop(pid, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Stop watching all."""
        for pid in list(self._descriptors):
            self.forget(pid)

    def _died(self, pid: int) -> None:
        self.forget(pid)
        self._on_death(pid)


def nudge(server_pid: int) -> None:
    """Make tmux collect its dead panes.

    Builds with utempter lose the SIGCHLD of a pane's death (up to four in five): the pane then looks
    dead without a status. Any other SIGCHLD makes the server look again, and does no harm.
    """
    os.kill(server_pid, signal.SIGCHLD)
