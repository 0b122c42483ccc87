"""What the scheduler decides about: the queued runs, the live ones, the providers and the machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pancode.domains.scheduling.health import Health
from pancode.domains.scheduling.limits import AGENT_NEEDS, SHELL_NEEDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A queued run. `since` is when it was queued; `at_once` bounds its group."""

    run: str
    agent: str
    since: float
    provider: str | None = None
    priority: int = 0
    after: tuple[str, ...] = ()
    parent: str | None = None
    group: str | None = None
    at_once: int | None = None

    @property
    def node(self) -> str | None:
        """The machine that answers its model calls; None for a vendor."""
        return node_of(self.provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A run that was let start, at `began`, and has not ended."""

    run: str
    agent: str
    began: float
    provider: str | None = None
    parent: str | None = None
    group: str | None = None

    @property
    def node(self) -> str | None:
        """The machine that answers its model calls; None for a vendor."""
        return node_of(self.provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that the decision is made from. `ended`: the statuses of ended runs that others wait for.

    `memory` is what the machine has free, in bytes; None where nobody can say. `offset` makes wall-clock
    seconds of the times here, which may be those of any clock that never jumps.
    """

    waiting: tuple[Waiting, ...]
    live: tuple[Live, ...] = ()
    ended: Mapping[str, str] = field(default_factory=dict)
    health: Mapping[str, Health] = field(default_factory=dict)
    memory: int | None = None
    draining: bool = False
    offset: float = 0.0


def node_of(provider: str | None) -> str | None:
    """Give the machine behind a provider that is known by its address.

    >>> [node_of(name) for name in ("10.0.0.7:8080", "anthropic", None)]
    ['10.0.0.7', None, None]
    """
    host, colon, port = (provider or "").rpartition(":")
    return host if colon and port.isdecimal() else None


def needs(provider: str | None) -> int:
    """Give the memory that is reckoned for a run, in bytes."""
    return SHELL_NEEDS if provider is None else AGENT_NEEDS
