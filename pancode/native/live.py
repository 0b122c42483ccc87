"""What a command prints while it runs, for the pane: whole lines, no faster than a person reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from pancode.native.records import Records

FIRST_S = 1.0
"""A command that ends sooner is told by its result alone."""
EVERY_S = 0.5
MOST_LINES = 10
"""Lines that are told at a time, the last ones; of the others their number."""
LONGEST_LINE = 200
_LONGEST_PIECE = 4000
"""Characters of a line that has no end yet: of a progress bar, it may be, which is drawn again and again."""


class Live:
    """One command's output on its way to the pane."""

    def __init__(self, records: Records, call: str) -> None:
        """Tell by `records` what the call with the id `call` prints; nothing before `FIRST_S` have passed."""
        self._records = records
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + FIRST_S
        self._waiting: asyncio.TimerHandle | None = None
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._count = 0
        self._rest = ""
        self._has_told = False

    def feed(self, text: str) -> None:
        """Take in what was printed."""
        *lines, rest = (self._rest + text).split("\n")
        self._rest = rest[-_LONGEST_PIECE:]
        self._lines.extend(lines)
        self._count += len(lines)
        if self._count and self._waiting is None:
            self._waiting = self._loop.call_at(self._due, self._tell)

    def end(self) -> None:
        """The command has ended; the rest is told where some of it was told before."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._has_told:
            self._lines.append(self._rest)
            self._count += 1
            self._tell()

    def _tell(self) -> None:
        left = self._count - len(self._lines)
        # Of a line that was drawn again and again the last time counts.
        lines = [line.rstrip("\r").rpartition("\r")[2][:LONGEST_LINE] for line in self._lines]
        words = "\n".join([f"… {left} lines", *lines] if left else lines).strip("\n")
        self._lines.clear()
        self._count, self._waiting, self._has_told = 0, None, True
        self._due = self._loop.time() + EVERY_S
        if words:
            # A shim that has gone ends the loop by its line.
            with contextlib.suppress(OSError):
                self._records.say({"kind": "output", "id": self._call, "text": f"{words}\n"})
