"""The worker panes of a session, as dispatch needs them: opened, found again, watched, closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pancode.engine.tmux.deaths import Deaths
from pancode.engine.tmux.panes import PaneRef, Panes


@dataclass(frozen=True, slots=True)
class WorkerPane:
    """A run's pane: tmux's ids, and its shim, or what holds the pane for as long as the shim lives."""

    run_id: str
    pane: str
    window: str
    shim_pid: int
    is_dead: bool = False
    tty: str = ""


class WorkerPanes:
    """Joins tmux's panes with the watch over their processes."""

    def __init__(self, panes: Panes) -> None:
        """Work over `panes`."""
        self._panes = panes
        self._deaths = Deaths(self._died)
        self._told: dict[int, Callable[[], None]] = {}

    async def open(self, run_id: str, agent: str, argv: Sequence[str], cwd: str) -> WorkerPane:
        """Open a pane without stealing the focus; TmuxError when tmux can't."""
        ref = await self._panes.new_worker_window(run_id, agent, argv, cwd, {})
        return WorkerPane(run_id, ref.pane, ref.window, ref.pid, tty=ref.tty)

    async def restart(self, pane: WorkerPane, argv: Sequence[str], cwd: str) -> WorkerPane:
        """Start `argv` in a pane that is there, instead of what runs in it; TmuxError if it is gone."""
        ref = await self._panes.respawn(pane.pane, argv, cwd)
        return replace(pane, shim_pid=ref.pid, is_dead=False)

    async def all(self) -> list[WorkerPane]:
        """List the panes that carry a run id, dead ones among them."""
        rows = await self._panes.list_panes()
        return [WorkerPane(row.run_id, row.pane, row.window, row.pid, row.dead) for row in rows if row.run_id]

    async def close(self, pane: str) -> None:
        """Close a pane; one that is gone already doesn't matter."""
        await self._panes.close_pane(pane)

    async def hidden(self) -> list[str]:
        """Give the names of the hidden session's windows."""
        return await self._panes.hidden_windows()

    async def open_hidden(self, name: str, argv: Sequence[str], cwd: str) -> None:
        """Run `argv` in a window of the hidden session; it closes when that ends."""
        await self._panes.new_hidden_window(name, argv, cwd)

    async def show(self, window: str, pane: str) -> None:
        """Bring a run to the front for whoever is attached."""
        await self._panes.show(PaneRef(pane, 0, window))

    def on_death(self, pid: int, told: Callable[[], None]) -> None:
        """Call `told` once when process `pid` has ended; at once if it has already."""
        self._told[pid] = told
        if not self._deaths.watch(pid):
            self._died(pid)

    def _died(self, pid: int) -> None:
        told = self._told.pop(pid, None)
        if told is not None:
            told()
