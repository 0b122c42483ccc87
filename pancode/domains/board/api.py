"""What other domains may ask of the task board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Tasks(Protocol):
    """The board, as people and workers ask it."""

    def answer(self, verb: str, args: Mapping[str, Any], by: str) -> Mapping[str, Any]:
        """Carry out list, show, create, update or check for "operator" or a run; PanError says why not."""
