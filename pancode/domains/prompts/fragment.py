"""A fragment: a piece of prompt, and for which roles, models, grants and runtimes it is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pancode.domains.prompts.api import Occasion, Persona

CATEGORIES = (
    "identity",
    "constitution",
    "mode",
    "dispatch",
    "safety",
    "tool-guidance",
    "output-contract",
    "operational",
)
"""In the order in which they stand in a prompt; the later, the sooner one is dropped."""
REQUIRED = frozenset({"identity", "safety", "output-contract"})
"""The categories of which nothing is ever dropped."""
VARIABLES: Mapping[str, str] = {
    "agent": "the agent's name",
    "runtime": "the name of its runtime",
    "mode": "the mode of its grant",
    "level": "the safety level of its grant",
    "job": "its description, one line",
    "board": "the command for the session's task board",
    "skills": "the skills that it was given, one a line",
    "skills_dir": "the directory with its skills",
}
"""What may stand in a text as ${name}, and what is put in its place."""
ALWAYS = frozenset({"agent", "runtime", "mode", "level"})
"""The variables that have a value in every prompt."""
OF_THE_RUN = frozenset({"skills_dir"})
"""The variables that belong to the single run: they are put in after the hash."""
VARIABLE = re.compile(r"\$\{([^}\n]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One piece of text; an empty tuple means "all". `version` is raised whenever the text is changed."""

    id: str
    version: int
    category: str
    text: str
    order: int = 50
    roles: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    read_only: bool | None = None
    source: str = field(default="pancode", compare=False)

    @property
    def is_required(self) -> bool:
        """Whether it may never be dropped."""
        return self.category in REQUIRED

    @property
    def rank(self) -> tuple[int, int, str]:
        """Give its place in a prompt."""
        return CATEGORIES.index(self.category), self.order, self.id

    @property
    def variables(self) -> frozenset[str]:
        """Give the names of the variables in its text."""
        return frozenset(VARIABLE.findall(self.text))

    def is_for(self, persona: Persona, occasion: Occasion) -> bool:
        """Whether it is meant for this persona on this occasion."""
        grant = occasion.grant
        asked = (
            (self.roles, persona.role),
            (self.tiers, occasion.tier),
            (self.modes, grant.mode.value),
            (self.levels, grant.level.value),
            (self.runtimes, occasion.runtime),
        )
        reads = persona.read_only or not grant.may_write
        return self.read_only in (None, reads) and all(not words or word in words for words, word in asked)
