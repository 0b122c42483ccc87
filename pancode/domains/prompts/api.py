"""What other domains may ask of the prompts: the system prompt of one worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pancode.core.grants import Grant

TOKEN_LIMIT = 2048
"""The most tokens (counted as four characters each) that a worker's system prompt may have."""
OWN_LIMIT = 5000
"""The most characters of an agent's own `system_prompt`; the rest of the room is PanCode's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """What the prompt is written for: one agent as it is about to run on one runtime."""

    name: str
    description: str
    system_prompt: str = ""
    read_only: bool = False
    bare: bool = False
    """A built-in agent that is just its CLI: people expect it to behave as they know it."""


class Prompts(Protocol):
    """Compiles system prompts; pure, so the same persona and grant always give the same text."""

    def compile_prompt(
        self, persona: Persona, grant: Grant, runtime: str, board: str | None = None
    ) -> str | None:
        """Give the worker's system prompt, at most TOKEN_LIMIT tokens; None: leave the CLI's own alone.

        `board` is the command by which it reaches the session's task board, if it can.
        """
