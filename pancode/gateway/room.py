"""What the gateway holds for its agents at once: connections, calls of one run, bytes of requests."""

from __future__ import annotations

from collections import Counter

LINES = 1024
"""Connections of the whole session."""
CALLS = 64
"""Calls of one run that are under way together; an agent with many helpers has a dozen."""
BYTES = 512 << 20
"""Of requests that have not been answered yet."""


class Room:
    """Counts; who asks for more than there is gets a no."""

    def __init__(self, lines: int = LINES, calls: int = CALLS, most: int = BYTES) -> None:
        """Begin with nothing taken."""
        self.lines = lines
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
