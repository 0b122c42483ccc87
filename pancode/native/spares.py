"""Loops that stand by: forked, and practised, before anybody asks for them.

Most of what a fresh fork costs is the memory that its first request makes its own; one that stands by has
paid for it already. One that is announced reads its run's job while the shim is being started.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pancode.native.asked import Asked, announce, pass_on

MOST = 2
"""How many stand by: each holds some 15 MB of its own."""
QUIET_S = 0.2
"""So long after the last request another one is made: what was just started has the processor first."""
AFTER_DEATH_S = 60.0
"""So long after one has ended unasked, which would happen to the next one, too."""
MOST_ANNOUNCED = 32
ANNOUNCED_S = 30.0
"""How long an announced loop waits for its shim: a machine that is very busy takes seconds to start one."""


@dataclass(frozen=True, slots=True)
class Spare:
    """A loop that waits for its request at the other end of `line`; `until` when, if it is announced."""

    pid: int
    line: socket.socket
    until: float = 0.0

    def announce(self, folder: str) -> bool:
        """Let it get ready for a run; False if it has ended."""
        with contextlib.suppress(OSError):
            announce(self.line, folder)
            return True
        self.line.close()
        return False


class Spares:
    """Those that stand by, those that were announced, and when to make another one."""

    def __init__(self, make: Callable[[], Spare | None]) -> None:
        """None is there; the first is due at once. `make` gives a fresh one, that hasn't practised."""
        self._make = make
        self._ready: list[Spare] = []
        self._announced: dict[str, Spare] = {}
        self._due = time.monotonic()

    def lines(self) -> Iterator[socket.socket]:
        """Give the lines to them, which no other child may hold."""
        return (each.line for each in (*self._ready, *self._announced.values()))

    def next_at(self) -> float | None:
        """Give when to make another one, or to let one go; None: there is nothing to do."""
        times = [each.until for each in self._announced.values()]
        return min(times if len(self._ready) >= MOST else [*times, self._due], default=None)

    def is_due(self, now: float) -> bool:
        """Whether another one is to be made; lets those go that were announced and never asked for."""
        for folder in [name for name, each in self._announced.items() if now >= each.until]:
            self._announced.pop(folder).line.close()
        return len(self._ready) < MOST and now >= self._due

    def add(self, spare: Spare) -> None:
        """Have one more."""
        self._ready.append(spare)
        self.wait()

    def wait(self, seconds: float = QUIET_S) -> None:
        """Make no other one before `seconds` have passed."""
        self._due = max(self._due, time.monotonic() + seconds)

    def announce(self, folder: str) -> None:
        """Have one get ready for the run in `folder`, for which a shim will ask in a moment."""
        if folder in self._announced or len(self._announced) >= MOST_ANNOUNCED:
            return
        spare = self._take(folder)
        if spare is not None:
            self._announced[folder] = Spare(spare.pid, spare.line, time.monotonic() + ANNOUNCED_S)

    def hand(self, asked: Asked, fds: Sequence[int]) -> int | None:
        """Give a request to one of them, with its descriptors; give its pid, None if there can't be one."""
        ready = self._announced.pop(asked.folder, None)
        if ready is not None and asked.generation:
            ready.line.close()  # What it has read is of a time before the run's first loop.
            ready = None
        spare = ready or self._take(asked.folder)
        if spare is None:
            return None
        with spare.line:
            try:
                pass_on(spare.line, asked, fds)
            except OSError:
                return None  # It has ended; the shim asks again.
        return spare.pid

    def _take(self, folder: str) -> Spare | None:
        self.wait()
        while self._ready:
            spare = self._ready.pop(0)
            if spare.announce(folder):
                return spare
        fresh = self._make()
        return fresh if fresh is not None and fresh.announce(folder) else None

    def ended(self, pid: int) -> None:
        """A child of the host has ended."""
        for folder in [name for name, each in self._announced.items() if each.pid == pid]:
            self._announced.pop(folder).line.close()
        for spare in [each for each in self._ready if each.pid == pid]:
            self._ready.remove(spare)
            spare.line.close()
            self.wait(AFTER_DEATH_S)


def pair() -> tuple[socket.socket, socket.socket]:
    """Make the line to a spare: its end, and the host's, which doesn't wait for it."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return theirs, ours
