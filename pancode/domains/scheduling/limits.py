"""How many runs may be live at once, and what stays free of the machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MEGABYTE = 1_000_000
SHELL_NEEDS = 8 * MEGABYTE
"""Memory reckoned for a run that calls no model: its shim, its sandbox and a shell."""
AGENT_NEEDS = 300 * MEGABYTE
"""Memory reckoned for an agent CLI; the five take from 150 to 450 MB."""
FEWEST_RUNS = 50
RUNS_PER_CORE = 8
FEWEST_AT_PROVIDER = 20
AT_PROVIDER_PER_CORE = 4


@dataclass(frozen=True, slots=True)
class Most:
    """The most at once of one kind: one number for all, and others by name. None is no limit."""

    each: int | None = None
    named: Mapping[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int | None:
        """Give the limit that holds for this name."""
        return self.named.get(name, self.each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in force; `free` is the memory, in bytes, that runs leave to everything else."""

    session: int = FEWEST_RUNS
    agent: Most = field(default_factory=Most)
    provider: Most = field(default_factory=Most)
    node: Most = field(default_factory=Most)
    free: int = 256 * MEGABYTE


def default_session(cores: int) -> int:
    """Give the session's limit when nobody has set one.

    >>> [default_session(cores) for cores in (2, 16)]
    [50, 128]
    """
    return max(FEWEST_RUNS, RUNS_PER_CORE * cores)


def default_provider(cores: int) -> int:
    """Give the limit for each provider when nobody has set one.

    >>> [default_provider(cores) for cores in (2, 16)]
    [20, 64]
    """
    return max(FEWEST_AT_PROVIDER, AT_PROVIDER_PER_CORE * cores)


def most(text: str) -> Most:
    """Read a limit as it is written: one number, and others by name.

    >>> most("8, local=2").of("local")
    2
    """
    each: int | None = None
    named: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        value = int(number)
        if value < 1 or (equals and not name.strip()):
            raise ValueError(text)
        if equals:
            named[name.strip()] = value
        else:
            each = value
    return Most(each, named)
