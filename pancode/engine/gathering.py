"""Reading many connections together, so that a crowd of them does not wake the controller for each line."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

from pancode.engine import clock

SPAN = 0.003
"""Seconds for which what comes may wait for more, unless it is the first after a while.

To be woken costs several times what it costs to take in a line.
"""


class Gathering:
    """Watches descriptors in a set of its own; the event loop only sees whether any of them is ready."""

    def __init__(self) -> None:
        """Begin with nothing to read."""
        self._set = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._read_at = 0.0
        self._is_watched = False

    def add(self, fd: int, read: Callable[[], None]) -> None:
        """Call `read` whenever there is something to read, or the other side has gone."""
        self._readers[fd] = read
        self._set.register(fd, select.EPOLLIN)
        if not self._is_watched:
            self._watch()

    def remove(self, fd: int) -> None:
        """Watch `fd` no more: before it is closed, as its number may come again at once."""
        if self._readers.pop(fd, None) is not None:
            self._set.unregister(fd)

    def _watch(self) -> None:
        asyncio.get_running_loop().add_reader(self._set.fileno(), self._woken)
        self._is_watched = True

    def _woken(self) -> None:
        """Read at once; if that was so a moment ago as well, look every SPAN from now on."""
        now = clock.monotonic()
        if now - self._read_at < SPAN:
            asyncio.get_running_loop().remove_reader(self._set.fileno())
            self._look_later()
        self._read_at = now
        self._read()

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(SPAN, self._look)

    def _look(self) -> None:
        """Read what has come meanwhile; where nothing has, the event loop watches again."""
        if self._set.poll(0):
            self._look_later()
            self._read()
        else:
            self._watch()

    def _read(self) -> None:
        for fd, _ in self._set.poll(0):
            if fd in self._readers:  # One that was read before it may have ended the others.
                self._readers[fd]()
