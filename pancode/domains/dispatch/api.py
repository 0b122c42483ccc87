"""What other domains may ask of dispatch."""

from __future__ import annotations

from typing import Any, Protocol


class Orders(Protocol):
    """Sends orders to the shims of runs."""

    def order(self, run: str, order: dict[str, Any]) -> None:
        """Send an order to a run's shim, at once or as soon as it reports."""
