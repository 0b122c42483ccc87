"""How a loop comes to its end when the model hasn't said so itself, and what the model is told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pancode.worker.protocol import AgentEvent, Reason

WARN_AFTER, END_AFTER = 4, 8
"""So many times in a row the same call with the same outcome."""
MOST_NUDGES = 3
SOON, MOST_IN_VAIN = 4, 3
"""Answers within which a conversation that was summed up is full too soon, and how often that may be."""


class End(Exception):  # noqa: N818 -- it is an end, and need not be an error
    """The run ends without the model's own last word; the text says why."""

    def __init__(self, reason: Reason, why: str, http: int | None = None) -> None:
        """Name the reason in the words of a result."""
        super().__init__(why)
        self.reason: Reason = reason
        self.http = http

    def record(self, turns: int, model: str | None = None) -> AgentEvent:
        """Give the final record; `model` is who has answered."""
        return {
            "kind": "finished",
            "ok": False,
            "reason": self.reason,
            "message": str(self),
            "http": self.http,
            "turns": turns,
            "model": model,
        }


class Repeats:
    """Notices a model that makes the same call again and again."""

    def __init__(self) -> None:
        """Nothing has been called."""
        self._last: tuple[str, str, str] | None = None
        self._count = 0

    def note(self, name: str, args: str, result: str) -> str | None:
        """Take in a call and its result; give a word for the model, raise End when words haven't helped.

        >>> seen = Repeats()
        >>> [seen.note("ls", "{}", "a.py") is None for _ in range(4)]
        [True, True, True, False]
        """
        call = (name, args, result)
        self._count = self._count + 1 if call == self._last else 1
        self._last = call
        if self._count >= END_AFTER:
            raise End(
                "loop", f"the model made the same call of {name} {self._count} times with the same result"
            )
        if self._count < WARN_AFTER:
            return None
        return (
            f"You have made this call {self._count} times in a row, with the same result. Do something else."
        )


class Fullness:
    """Notices a conversation that is full again at once, however often it is summed up."""

    def __init__(self) -> None:
        """It has never been full."""
        self._last: int | None = None
        self._in_vain = 0

    def note(self, turns: int) -> None:
        """Take in that it is full after so many answers; raise End when summaries haven't helped.

        >>> full = Fullness()
        >>> [full.note(turns) for turns in (20, 21, 40, 41, 42)]
        [None, None, None, None, None]
        """
        is_soon = self._last is not None and turns - self._last < SOON
        self._in_vain = self._in_vain + 1 if is_soon else 0
        self._last = turns
        if self._in_vain >= MOST_IN_VAIN:
            raise End("loop", "the conversation fills the model's window again after each summary of it")


class Scouting:
    """The bound of a scout: after so many calls it is told to report, after twice as many it is ended."""

    def __init__(self, report_after: int | None) -> None:
        """None: no bound."""
        self._most = report_after
        self._count = 0
        self._is_told = False

    def note(self) -> str | None:
        """Count a call; give a word for the model once it is time to report."""
        self._count += 1
        if self._most is None or self._count < self._most:
            return None
        if self._count >= 2 * self._most:
            raise End("budget", f"the scout made {self._count} tool calls and didn't report")
        if self._is_told:
            return None
        self._is_told = True
        return "Report now: you have made as many tool calls as you may. Answer with what you have found."
