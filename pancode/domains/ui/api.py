"""What the ui domain asks of whoever draws the status line and the pane borders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Display(Protocol):
    """Sets tmux user options; both calls return at once, and a pane that has gone is not an error."""

    def set_global(self, options: Mapping[str, str]) -> None:
        """Set global options such as {"@pancode_mode": "build"}."""

    def set_pane(self, pane: str, options: Mapping[str, str]) -> None:
        """Set options of one pane ("%5"), such as {"@state": "working"}."""
