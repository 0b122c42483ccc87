"""What the tools of the orchestrator are given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.state import Run, World

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Asks one verb of the controller as the operator would; what a call may say there is this domain's word."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One call's surroundings: the run of the turn, the call's own key, where it works, its variables."""

    run: Run
    key: str
    cwd: str
    env: Mapping[str, str]

    def part(self, number: int | str) -> str:
        """Give a key for one of several requests of the same call."""
        return f"{self.key}/{number}"


@dataclass(frozen=True, slots=True)
class Around:
    """The controller, as far as the tools reach."""

    world: Callable[[], World]
    ask: Ask


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a call: whether it did what it was to do, and what the model is told."""

    ok: bool
    text: str

    def to_json(self) -> dict[str, Any]:
        """Give it as the socket has it."""
        return {"ok": self.ok, "text": self.text}
