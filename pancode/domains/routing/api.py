"""What other domains may ask of routing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a task asks for. `needs` are the operator's words; `max_cost` is in dollars.

    `reads_only`: the mode changes nothing, so only agents that never do are asked. None: not named.
    """

    agent: str | None = None
    runtime: str | None = None
    model: str | None = None
    endpoint: str | None = None
    needs: tuple[str, ...] = ()
    max_cost: float | None = None
    reads_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What the task gets, and why, as the run keeps it: `record` is JSON.

    `hold_to`: the dollars that the run may spend; None: a machine of the operator's does it, or nobody has
    set any.
    """

    agent: str
    runtime: str
    model: str | None
    why: str
    record: Mapping[str, Any]
    hold_to: float | None = None


class Router(Protocol):
    """The routing domain's service."""

    def route(self, wanted: Wanted, environment: Mapping[str, str]) -> Routed | None:
        """Give the best way to do it; None where there is nothing to choose.

        PanError USAGE names a word in `needs` that is none, NOT_FOUND the nearest miss where nothing fits.
        """
