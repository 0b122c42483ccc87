"""Adding up what the agents say they cost; a run that doesn't say is counted, never taken as 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pancode.core.state import World
from pancode.engine.store import Store


class Ledger:
    """The session's money: ended runs from the index, live ones from the world.

    The built-in shell calls no model, so its silence about money is no gap.
    """

    def __init__(self, store: Store, world: Callable[[], World]) -> None:
        """Read the index once; `refresh` reads it again."""
        self._store = store
        self._world = world
        self._ended = store.totals()

    def refresh(self) -> None:
        """Read what has ended again; called whenever a run ends."""
        self._ended = self._store.totals()

    def spent(self) -> dict[str, Any]:
        """Give what has been spent; `unknown_runs` are ended runs whose agent reported no cost."""
        live = sum(run.tally.usd or 0.0 for run in self._world().runs.values() if run.is_live)
        return {
            "limit_usd": None,
            "spent_usd": round(self._ended["usd"] + live, 6),
            "unknown_runs": self._ended["unknown_cost"],
        }
