"""What the agent's events add up to: tokens, money, turns, tool calls, last words and last trouble."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.protocol import Cost, Usage

COUNTED = ("input", "output", "cache_read", "cache_write", "reasoning")
LONGEST_RESULT = 1_000_000
"""Characters of an agent's last message that are kept as the run's result."""
MOST_UNKNOWN = 200
"""Kinds of records that nobody understood, each counted for itself; what is beyond is counted together."""


class Tally:
    """Fed with every event of the agent in order; every figure is None until the agent gives one."""

    __slots__ = (
        "_calls",
        "_length",
        "_open",
        "_said",
        "_tools",
        "_turns",
        "cost",
        "events",
        "finished",
        "last_at",
        "problem",
        "retrying",
        "session",
        "tokens",
        "unknown",
    )

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.tokens: dict[str, int | None] = dict.fromkeys(COUNTED)
        self.cost: float | None = None
        self.events: dict[str, int] = {}
        self.unknown: dict[str, int] = {}
        self.finished: Mapping[str, Any] | None = None
        self.problem: Mapping[str, Any] | None = None
        self.session: str | None = None
        self.retrying = False
        self.last_at: float | None = None
        self._turns = 0
        self._calls = 0
        self._tools: dict[str, str] = {}
        self._said: list[str] = []
        self._length = 0
        self._open = False

    def add(self, event: Mapping[str, Any], now: float) -> None:
        """Take in one event, seen at the monotonic time `now`."""
        kind = event["kind"]
        self.events[kind] = self.events.get(kind, 0) + 1
        self.last_at = now
        self.retrying = kind == "retrying"
        take = getattr(self, f"_on_{kind}", None)
        if take is not None:
            take(event)

    def _on_text(self, event: Mapping[str, Any]) -> None:
        if not event.get("delta"):
            self._said = [event["text"][:LONGEST_RESULT]]
            self._open = False
            return
        if not self._open:
            self._said = []
            self._length = 0
            self._open = True
        if self._length < LONGEST_RESULT:
            self._said.append(event["text"][:LONGEST_RESULT])
            self._length += len(event["text"])

    def _on_turn(self, _event: Mapping[str, Any]) -> None:
        self._turns += 1
        self._open = False

    def _on_tool_started(self, event: Mapping[str, Any]) -> None:
        self._calls += 1
        self._tools[event["id"]] = event["name"]
        self._open = False
        # The model answered after whatever went wrong before, so that can't explain a bad end.
        self.problem = None

    def _on_tool_finished(self, event: Mapping[str, Any]) -> None:
        self._tools.pop(event["id"], None)

    def _on_usage(self, event: Mapping[str, Any]) -> None:
        self.tokens = merged(self.tokens, event)

    def _on_cost(self, event: Mapping[str, Any]) -> None:
        before = self.cost if event["scope"] == "step" and self.cost is not None else 0.0
        self.cost = before + event["usd"]

    def _on_session(self, event: Mapping[str, Any]) -> None:
        self.session = event["id"]

    def _on_finished(self, event: Mapping[str, Any]) -> None:
        self.finished = event

    def _on_problem(self, event: Mapping[str, Any]) -> None:
        self.problem = event

    def _on_unknown(self, event: Mapping[str, Any]) -> None:
        self.count_unknown(event["type"])

    def count_unknown(self, what: str) -> None:
        """Count a record that nobody understood."""
        if what not in self.unknown and len(self.unknown) >= MOST_UNKNOWN:
            what = "others"
        self.unknown[what] = self.unknown.get(what, 0) + 1

    @property
    def tool(self) -> str | None:
        """The name of the tool that has run longest of those still running."""
        return next(iter(self._tools.values()), None)

    @property
    def turns_seen(self) -> int:
        """Model requests seen in the stream."""
        return self._turns

    @property
    def spent(self) -> int:
        """All tokens known to be used: fresh, cached, written to the cache, and output."""
        return sum(self.tokens[name] or 0 for name in ("input", "output", "cache_read", "cache_write"))

    @property
    def usage(self) -> Usage:
        """The usage record of the run."""
        turns = self._turns or (self.finished or {}).get("turns")
        tokens = self.tokens
        return {
            "input": tokens["input"],
            "output": tokens["output"],
            "cache_read": tokens["cache_read"],
            "cache_write": tokens["cache_write"],
            "reasoning": tokens["reasoning"],
            "turns": turns,
            "tool_calls": self._calls if self.events else None,
        }

    @property
    def money(self) -> Cost:
        """The cost record of the run, in the agent's own words."""
        return {"usd": self.cost, "source": "unknown" if self.cost is None else "agent"}

    @property
    def result(self) -> str | None:
        """What the agent says came out: its final record's text, else its last message."""
        final: str | None = (self.finished or {}).get("result")
        said = "".join(self._said).strip() if final is None else final
        return said[:LONGEST_RESULT] or None


def merged(known: Mapping[str, int | None], event: Mapping[str, Any]) -> dict[str, int | None]:
    """Give the tokens after one more usage event: a total replaces, a step adds, None says nothing.

    >>> merged({"input": 5}, {"scope": "step", "input": 2})
    {'input': 7}
    >>> merged({"input": 5}, {"scope": "total", "input": 2})
    {'input': 2}
    """
    after = dict(known)
    for name in known:
        figure = event.get(name)
        if figure is not None:
            after[name] = (known[name] or 0) + figure if event["scope"] == "step" else figure
    return after
