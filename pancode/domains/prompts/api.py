"""What other domains may ask of the prompts: the system prompt of one worker, made of fragments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pancode.core.grants import Grant

Role = Literal["orchestrator", "worker", "scout"]
Tier = Literal["frontier", "mid", "small"]

LETTERS = 4
"""Characters that count as one token."""
TOKEN_LIMITS: Mapping[Role, int] = {"orchestrator": 4096, "worker": 2048, "scout": 1024}
"""The most tokens that a system prompt may have, by role."""
OWN_LIMITS: Mapping[Role, int] = {"orchestrator": 5000, "worker": 5000, "scout": 2000}
"""The most characters of an agent's own `system_prompt`, by role; the rest of the room is PanCode's."""
OWN_LIMIT = max(OWN_LIMITS.values())
JOB_LIMIT = 200
"""Characters of an agent's description that its prompt repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Whom the prompt is written for: one agent. `skills` maps the names of what it was given to a line."""

    name: str
    description: str = ""
    system_prompt: str = ""
    read_only: bool = False
    role: Role = "worker"
    skills: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What it is about to run as, and on.

    `runtime` is the ID of the runtime, `runs_on` its name for people. `board` is the command by which it
    reaches the session's task board, `skills_dir` the directory with its skills; None: there is none.
    """

    grant: Grant
    runtime: str
    runs_on: str
    tier: Tier = "mid"
    board: str | None = None
    skills_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """One fragment that is in a prompt; `source` is "pancode", or the path of the user's file.

    The agent's own words are one without a version.
    """

    id: str
    version: int
    category: str
    tokens: int
    source: str = "pancode"

    @property
    def name(self) -> str:
        """Give its id with its version."""
        return f"{self.id}@{self.version}" if self.version else self.id


@dataclass(frozen=True, slots=True)
class Compiled:
    """A system prompt and what it is made of.

    `kept` is the text without what belongs to the single run, so that `hash`, its SHA-256, is the same
    for all runs that were told the same.
    """

    text: str
    kept: str
    hash: str
    used: tuple[Used, ...]
    dropped: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)  # agent, role, tier, runtime, mode, level

    @property
    def tokens(self) -> int:
        """Give the estimate: four characters are a token."""
        return tokens(self.text)

    def to_json(self) -> dict[str, Any]:
        """Give it as spec.json and the receipt have it, without its text."""
        return {
            "hash": self.hash,
            "role": self.about.get("role"),
            "tier": self.about.get("tier"),
            "tokens": self.tokens,
            "fragments": [used.name for used in self.used],
            "dropped": list(self.dropped),
        }


class Prompts(Protocol):
    """Compiles system prompts; the same persona, occasion and files always give the same text."""

    def compile_prompt(self, persona: Persona, occasion: Occasion) -> Compiled:
        """Give the system prompt, within the role's limit."""

    def keep(self, compiled: Compiled) -> None:
        """Keep the text of a prompt that was given to a run, once for the project."""


def tokens(text: str) -> int:
    """Estimate the tokens of a text.

    >>> tokens("four"), tokens("five5")
    (1, 2)
    """
    return -(-len(text) // LETTERS)
