"""What other domains may ask of scheduling."""

from __future__ import annotations

from typing import Any, Protocol


class Spending(Protocol):
    """What the session has cost so far."""

    def spent(self) -> dict[str, Any]:
        """Give `limit_usd` (None: none is set), `spent_usd`, and `unknown_runs`: how many didn't say."""
