"""What the gateway holds for its agents at once: connections, calls of one run, bytes of requests."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

LINES = 1024
"""Connections of the whole session."""
STRANGERS = 512
"""Connections on which no run has named itself yet; the oldest of them makes way for another one.

More than are taken in at one time: whoever asks at once is heard before it would have to make way.
"""
LINES_OF_RUN = 128
"""Connections of one run: twice as many as it may have calls under way."""
CALLS = 64
"""Calls of one run that are under way together; an agent with many helpers has a dozen."""
BYTES = 512 << 20
"""Of requests that have not been answered yet."""


class Room:
    """Counts; who asks for more than there is gets a no."""

    def __init__(self, calls: int = CALLS, most: int = BYTES) -> None:
        """Begin with nothing taken."""
        self._calls = calls
        self._left = most
        self._under_way: Counter[str] = Counter()

    def begin(self, run: str) -> bool:
        """Take a place for a call of the run."""
        if self._under_way[run] >= self._calls:
            return False
        self._under_way[run] += 1
        return True

    def end(self, run: str) -> None:
        """Give the place of a call back."""
        self._under_way[run] -= 1
        if not self._under_way[run]:
            del self._under_way[run]

    def take(self, size: int) -> bool:
        """Take so many bytes, unless that is more than there are."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        self._left += size


class Guest(Protocol):
    """A connection."""

    def hang_up(self) -> None:
        """End it at once."""


class Lobby:
    """Who is connected. A flood of connections that name no run, or of one run, keeps out no other run."""

    def __init__(self, lines: int = LINES, strangers: int = STRANGERS, of_run: int = LINES_OF_RUN) -> None:
        """Begin with nobody."""
        self._lines = lines
        self._most_strangers = strangers
        self._most_of_run = of_run
        self._strangers: dict[Guest, None] = {}
        self._known: dict[Guest, str] = {}
        self._of: Counter[str] = Counter()

    def enter(self, guest: Guest) -> bool:
        """Let a connection in, if need be in the place of the oldest stranger; False if there is no room."""
        is_full = len(self._strangers) + len(self._known) >= self._lines
        if is_full or len(self._strangers) >= self._most_strangers:
            oldest = next(iter(self._strangers), None)
            if oldest is None:
                return False
            self.leave(oldest)
            oldest.hang_up()
        self._strangers[guest] = None
        return True

    def name(self, guest: Guest, run: str) -> bool:
        """Note whose connection it is; False if that run has as many as one may have."""
        if self._known.get(guest) == run:
            return True
        if self._of[run] >= self._most_of_run:
            return False
        self.leave(guest)
        self._known[guest] = run
        self._of[run] += 1
        return True

    def leave(self, guest: Guest) -> None:
        """Forget a connection."""
        self._strangers.pop(guest, None)
        run = self._known.pop(guest, None)
        if run is not None:
            self._of[run] -= 1
            if not self._of[run]:
                del self._of[run]
