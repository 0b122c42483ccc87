"""Loops that stand by: forked, and practised, before anybody asks for them.

Most of what a fresh fork costs is the memory that its first request makes its own; one that stands by has
paid for it already.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pancode.native.asked import Asked, pass_on

MOST = 2
"""How many stand by: each holds some 15 MB of its own."""
QUIET_S = 0.5
"""So long after the last request another one is made: what was just started has the processor first."""
AFTER_DEATH_S = 60.0
"""So long after one has ended unasked, which would happen to the next one, too."""


@dataclass(frozen=True, slots=True)
class Spare:
    """A loop that waits for its request at the other end of `line`."""

    pid: int
    line: socket.socket


class Spares:
    """Those that stand by, and when to make another one."""

    def __init__(self) -> None:
        """None is there; the first is due at once."""
        self._ready: list[Spare] = []
        self._due = time.monotonic()

    def lines(self) -> Iterator[socket.socket]:
        """Give the lines to them, which no other child may hold."""
        return (each.line for each in self._ready)

    def next_at(self) -> float | None:
        """Give when to make another one; None: there are enough."""
        return None if len(self._ready) >= MOST else self._due

    def add(self, spare: Spare) -> None:
        """Have one more."""
        self._ready.append(spare)
        self.wait()

    def wait(self, seconds: float = QUIET_S) -> None:
        """Make no other one before `seconds` have passed."""
        self._due = max(self._due, time.monotonic() + seconds)

    def hand(self, asked: Asked, fds: Sequence[int]) -> int | None:
        """Give a request to one of them, with its descriptors; give its pid, None if there is none."""
        self.wait()
        while self._ready:
            spare = self._ready.pop(0)
            try:
                with spare.line:
                    pass_on(spare.line, asked, fds)
            except OSError:
                continue  # It has ended.
            return spare.pid
        return None

    def ended(self, pid: int) -> None:
        """A child of the host has ended."""
        for spare in [each for each in self._ready if each.pid == pid]:
            self._ready.remove(spare)
            spare.line.close()
            self.wait(AFTER_DEATH_S)


def pair() -> tuple[socket.socket, socket.socket]:
    """Make the line to a spare: its end, and the host's, which doesn't wait for it."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return theirs, ours
