"""What other domains may ask of what is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Sharing(Protocol):
    """What people and workers share, as everybody asks it."""

    def answer(
        self, verb: str, args: Mapping[str, Any], by: str, agent: str | None = None
    ) -> Mapping[str, Any]:
        """Carry out list, get, set, append, remove, history, checkpoint, checkpoints, drop or restore.

        `by` is "operator" or the id of a run, `agent` its agent. PanError says why not.
        """
