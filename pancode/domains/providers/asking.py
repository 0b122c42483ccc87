"""Which servers are asked for their models, and what they answered; a process of its own asks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pancode.domains.providers.api import Engine, Facts
from pancode.domains.providers.listing import Listed
from pancode.engine.beside import answered

MODULE = "pancode.domains.providers.probing"
PATIENCE_S = 20.0
"""Seconds for the process that asks, on a machine that is very busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to be asked. The key travels through a pipe, and is in no argument list."""

    provider: str
    engine: Engine
    url: str
    local: bool
    key: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether it is spoken to without TLS."""
        return self.url.startswith("http://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a server has answered: its models, or why there are none; `took_ms` until then."""

    provider: str
    at: float
    took_ms: float
    models: tuple[Listed, ...] = ()
    error: str | None = None


def found_from_json(row: Mapping[str, Any]) -> Found:
    """Read back what the process that asks has printed."""
    models = tuple(Listed(**{**one, "facts": Facts(**one["facts"])}) for one in row["models"])
    return Found(**{**row, "models": models})


def ask(endpoints: Iterable[Endpoint]) -> list[Found]:
    """Ask these servers, in a process of its own; OSError where it can't be started or dies."""
    rows = answered(MODULE, [asdict(endpoint) for endpoint in endpoints], PATIENCE_S)
    return [found_from_json(row) for row in rows]
