"""Shows facts on the status line and the pane borders, without anybody waiting for tmux."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.panes import Panes

Spawn = Callable[[str, Coroutine[Any, Any, None]], None]


class TmuxDisplay:
    """Sets user options in the background; a pane that has gone is no error."""

    def __init__(self, panes: Panes, spawn: Spawn) -> None:
        """Set through `panes`, in tasks made by `spawn`."""
        self._panes = panes
        self._spawn = spawn

    def set_global(self, options: Mapping[str, str]) -> None:
        """Set global options such as {"@pancode_mode": "build"}."""
        self._spawn("status line", self._panes.set_globals(options))

    def set_pane(self, pane: str, options: Mapping[str, str]) -> None:
        """Set options of one pane ("%5"), such as {"@state": "working"}."""
        if pane:
            self._spawn("pane border", self._set_pane(pane, options))

    async def _set_pane(self, pane: str, options: Mapping[str, str]) -> None:
        try:
            await self._panes.set_options(pane, options)
        except TmuxError:
            return  # Closed meanwhile.
