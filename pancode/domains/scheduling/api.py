"""What other domains may ask of scheduling."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from pancode.core.state import Run
from pancode.domains.scheduling.amounts import FIGURES, parse_limit
from pancode.domains.scheduling.charges import NO_MODEL
from pancode.domains.scheduling.limits import default_provider, default_session, most

__all__ = [
    "NO_MODEL", "Prospect", "Queue", "Spending", "allows_more", "at_once_by_default", "is_larger",
    "parse_limit",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A run that might be queued, as far as the queue looks at it."""

    agent: str
    provider: str | None
    priority: int = 0
    after: tuple[str, ...] = ()
    parent: str | None = None


class Queue(Protocol):
    """What the queue would do."""

    def forecast(self, prospect: Prospect) -> str | None:
        """Give the sentence about what would hold such a run at this moment; None: nothing."""

    def answered(self, provider: str) -> tuple[int, int] | None:
        """Give how many of how many last requests the provider has answered; None: too few, or long ago."""


class Spending(Protocol):
    """What the session has cost so far."""

    def spent(self) -> dict[str, Any]:
        """Give `limit_usd` (None: none is set), `spent_usd`, and `unknown_runs`: how many didn't say."""

    def cost(self, run: Run) -> dict[str, Any]:
        """Give what a run has cost so far: `usd` (None: nobody knows) and `source`, whose figure that is."""

    def expected(self, agent: str, model: str | None) -> dict[str, Any]:
        """Give what a run is expected to cost: `median`, `high` (nine of ten cost less), and the `basis`.

        Both amounts have `usd`, `tokens` and `turns`; `told` is whether its own past says some of it, and
        `priced` whether it says the dollars.
        """

    def rates(self, model: str | None) -> tuple[float, float] | None:
        """Give dollars a token, in and out, where they are known at once."""

    async def learn(self, models: Iterable[str]) -> None:
        """Look up the rates of these models beside everything else, so that they are known at once."""


def is_larger(before: str | None, after: str | None) -> bool:
    """Whether a limit, as people write it, gives more of any figure; None is no limit.

    >>> is_larger("5usd", "4usd"), is_larger("5usd", "9 turns"), is_larger(None, "9 turns")
    (False, True, False)
    """
    old, new = (None if text is None else parse_limit(text) for text in (before, after))
    pairs = [(getattr(old, one, None), getattr(new, one, None)) for one in FIGURES]
    return any(was is not None and (now is None or now > was) for was, now in pairs)


def allows_more(before: str | None, after: str | None) -> bool:
    """Whether a limit of runs at once lets more of any name be live; None is no limit.

    >>> allows_more("8,local=2", "4,local=2"), allows_more("8,local=2", "4")
    (False, True)
    """
    if before is None or after is None:
        return before is not None
    old, new = most(before), most(after)
    names = ("", *old.named, *new.named)
    pairs = [(old.of(name), new.of(name)) for name in names]
    return any(was is not None and (now is None or now > was) for was, now in pairs)


def at_once_by_default() -> tuple[int, int]:
    """Give how many runs of the session, and of one provider, are live together where nobody says it."""
    cores = os.cpu_count() or 1
    return default_session(cores), default_provider(cores)
