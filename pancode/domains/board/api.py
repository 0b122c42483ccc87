"""What other domains may ask of the task board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Tasks(Protocol):
    """The board, as people and workers ask it."""

    def answer(
        self, verb: str, args: Mapping[str, Any], by: str, call: str | None = None
    ) -> Mapping[str, Any]:
        """Carry out list, show, create, update or check for "operator" or a run; PanError says why not.

        What has changed the board with a key `call` changes it once: made again, it gives that task as it is.
        """
