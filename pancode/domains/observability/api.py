"""What other domains may ask of observability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pancode.core.state import Tally


@dataclass(frozen=True, slots=True)
class About:
    """What never changes while the controller lives: session, project, controller, tmux."""

    facts: dict[str, Any]


class Snapshot(Protocol):
    """The session at this moment, in the shape of `pancode status --json`."""

    def status(self) -> dict[str, Any]:
        """Give the whole status; docs/json.md lists its keys."""

    def session(self) -> dict[str, Any]:
        """Give what is not a worker: mode, safety, budget, totals, attached."""

    def row(self, run_id: str) -> dict[str, Any]:
        """Give one worker's row; KeyError for a run that is not in memory."""


def usage(tally: Tally) -> dict[str, int | None]:
    """Give a tally's tokens, turns and tool calls; None = the agent doesn't say."""
    return {
        "input": tally.input,
        "output": tally.output,
        "cache_read": tally.cache_read,
        "cache_write": tally.cache_write,
        "reasoning": tally.reasoning,
        "turns": tally.turns,
        "tool_calls": tally.tool_calls,
    }
