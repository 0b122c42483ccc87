"""Ended runs that are kept for reading, and which of them go when there are too many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from pancode.core.state import Finished, Run
from pancode.domains.agents.api import ORCHESTRATOR

KEPT_WINDOWS = 10
"""Windows of ended runs that stay open for reading; `pancode logs` shows the others."""
READ_S = 2.0
"""Seconds that the window of a turn stays which the command pane has shown; its shim ends meanwhile."""
KEPT_RUNS = 100
"""Ended runs that stay in memory and on the status pane."""


class Shelf:
    """Ended runs in the order in which they ended."""

    def __init__(self, close: Callable[[str], None], forget: Callable[[str], None]) -> None:
        """`close` closes a pane, `forget` drops a run from memory."""
        self._close = close
        self._forget = forget
        self._runs: deque[str] = deque()
        self._panes: deque[str] = deque()

    def keep(self, run: Run) -> None:
        """Keep an ended run, and let go of those that ended long before it."""
        self._runs.append(run.id)
        if run.pane is not None and _was_heard(run):
            asyncio.get_running_loop().call_later(READ_S, self._close, run.pane)
        elif run.pane is not None:
            self._panes.append(run.pane)
        while len(self._panes) > KEPT_WINDOWS:
            self._close(self._panes.popleft())
        while len(self._runs) > KEPT_RUNS:
            self._forget(self._runs.popleft())


def _was_heard(run: Run) -> bool:
    """Whether it is a turn of the conversation that ended well: the command pane has shown all of it."""
    return run.agent == ORCHESTRATOR and isinstance(run.state, Finished) and run.state.status == "done"
