"""The loop breaker: what is refused or fails again and again ends the run, and lets its agent cool down."""

from __future__ import annotations

from enum import StrEnum

WARN_AT = 3
TRIP_AT = 5
COOL_DOWN_S = 600.0
MOST_ACTIONS = 1_000
"""Actions of one run that are counted; the one that failed longest ago is forgotten first."""


class Sign(StrEnum):
    """What a failure means, counted with those before it."""

    FINE = "fine"
    WARNING = "warning"
    TRIPPED = "tripped"


def sign(count: int) -> Sign:
    """Give the sign of the `count`th failure.

    >>> [sign(count).value for count in (2, 3, 4, 5)]
    ['fine', 'warning', 'warning', 'tripped']
    """
    if count >= TRIP_AT:
        return Sign.TRIPPED
    return Sign.WARNING if count >= WARN_AT else Sign.FINE


class RunLoop:
    """Counts, for one run, how often the same action was refused or failed."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._failures: dict[str, int] = {}

    def failed(self, digest: str) -> Sign:
        """Count that the action with this digest was refused, or failed."""
        count = self._failures.pop(digest, 0) + 1
        self._failures[digest] = count
        if len(self._failures) > MOST_ACTIONS:
            self._failures.pop(next(iter(self._failures)))
        return sign(count)

    def went_well(self, digest: str) -> None:
        """Forget an action's failures: it has worked."""
        self._failures.pop(digest, None)

    def count(self, digest: str) -> int:
        """Give how often this action has failed since it last worked."""
        return self._failures.get(digest, 0)


class AgentBreaker:
    """Counts, for each agent, the runs that failed; after too many of them the agent cools down."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def failed(self, agent: str, now: float) -> Sign:
        """Count a failed run of `agent`; `now` is in seconds of any clock, the same in every call."""
        count = self._failures.get(agent, 0) + 1
        told = sign(count)
        if told is Sign.TRIPPED:
            self._until[agent] = now + COOL_DOWN_S
            count = 0
        self._failures[agent] = count
        return told

    def went_well(self, agent: str) -> None:
        """Forget half of what an agent's failures count for: one run of it has worked."""
        self._failures[agent] = self._failures.get(agent, 0) // 2

    def waits(self, agent: str, now: float) -> float:
        """Give the seconds for which nothing is dispatched to `agent` any more; 0.0 for none."""
        left = max(0.0, self._until.get(agent, now) - now)
        if left > COOL_DOWN_S:  # The clock was set back meanwhile: nobody waits longer for that.
            left, self._until[agent] = COOL_DOWN_S, now + COOL_DOWN_S
        if not left:
            self._until.pop(agent, None)
        return left
