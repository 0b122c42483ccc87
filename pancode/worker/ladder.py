"""The end ladder: which signal goes to the worker when; pure, the clock comes in."""

from __future__ import annotations

from pancode.worker.signals import SIGINT, SIGKILL, SIGTERM

ASK_S = 2.0
"""From SIGINT, which agents take as "stop and tidy up", to SIGTERM."""
TERM_S = 2.0
"""From SIGTERM to SIGKILL."""
LEFT_BEHIND_S = 0.1
"""From SIGTERM to SIGKILL for what an agent leaves behind when it has itself ended."""
KILL_EVERY_S = 0.02
"""Between two rounds of SIGKILL: what was born meanwhile gets the next one; doubles up to SLOWEST_S."""
SLOWEST_S = 0.25
GIVE_UP_S = 10.0
"""After so long, what is left can't be killed by us: a hung disk holds it, or it is another user's."""

_ASKED = ((SIGINT, ASK_S), (SIGTERM, TERM_S), (SIGKILL, KILL_EVERY_S))
_LEFT = ((SIGTERM, LEFT_BEHIND_S), (SIGKILL, KILL_EVERY_S))
_FORCED = ((SIGKILL, KILL_EVERY_S),)


class Ladder:
    """Holds still until told to begin; then `due` gives each signal once its time has come."""

    __slots__ = ("_at", "_every", "_killing_since", "_steps")

    def __init__(self) -> None:
        """Begin on the ground."""
        self._steps: tuple[tuple[int, float], ...] = ()
        self._at: float | None = None
        self._every = KILL_EVERY_S
        self._killing_since: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the end has begun."""
        return self._at is not None

    def ask(self, now: float) -> None:
        """Begin at the first rung, unless it has begun."""
        if self._at is None:
            self._steps, self._at = _ASKED, now

    def force(self, now: float) -> None:
        """Go to SIGKILL at once."""
        if self._killing_since is None:
            self._steps, self._at = _FORCED, now

    def sweep(self, now: float) -> None:
        """The agent has ended: what it left gets SIGTERM now, unless it is already further up."""
        if self._killing_since is None:
            self._steps, self._at = _LEFT, now

    def due(self, now: float) -> int | None:
        """Give the signal to send now, None if it isn't time."""
        if self._at is None or now < self._at:
            return None
        signal, wait = self._steps[0]
        if len(self._steps) > 1:
            self._steps = self._steps[1:]
        else:
            if self._killing_since is None:
                self._killing_since = now
            wait, self._every = self._every, min(2 * self._every, SLOWEST_S)
        self._at = now + wait
        return signal

    def next_at(self) -> float | None:
        """Give when `due` has something again."""
        return self._at

    def hopeless(self, now: float) -> bool:
        """Whether SIGKILL has been tried for long enough to give up."""
        return self._killing_since is not None and now - self._killing_since > GIVE_UP_S
