"""What other domains may ask of scheduling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pancode.core.state import Run


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


class Spending(Protocol):
    """What the session has cost so far."""

    def spent(self) -> dict[str, Any]:
        """Give `limit_usd` (None: none is set), `spent_usd`, and `unknown_runs`: how many didn't say."""

    def cost(self, run: Run) -> dict[str, Any]:
        """Give what a run has cost so far: `usd` (None: nobody knows) and `source`, whose figure that is."""

    def expected(self, agent: str, model: str | None) -> dict[str, Any]:
        """Give what a run is expected to cost: `median`, `high` (nine of ten cost less), and the `basis`.

        Both amounts have `usd`, `tokens` and `turns`.
        """
