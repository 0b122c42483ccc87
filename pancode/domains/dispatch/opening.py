"""Opens the panes of runs: the lease first, so that nothing is started twice whoever dies on the way."""

from __future__ import annotations

import sys

from pancode.core.errors import PanError
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.leases import Leases
from pancode.engine.shipped import boot_file
from pancode.engine.tmux.failure import TmuxGoneError
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes

TRIES = 3
"""How often a pane is opened anew after the connection to tmux has broken on the way."""


class Opening:
    """Starts workers in panes."""

    def __init__(self, folders: Folders, panes: WorkerPanes) -> None:
        """Open panes in `panes` for the runs of `folders`."""
        self.leases = Leases(folders)
        self._folders = folders
        self._panes = panes

    async def open(self, run: str, agent: str) -> WorkerPane | None:
        """Open a run's pane; None if a worker has begun the run whose pane isn't known.

        TmuxGoneError if tmux ended on the way: the next controller goes on with the run, which has not
        begun, or finds its worker. Any other PanError says why it can't be started, ever: a shim that
        comes late then finds its lease outdated.
        """
        try:
            return await self._open(run, agent)
        except TmuxGoneError:
            raise
        except PanError:
            if await self.leases.take(run) is None:
                return await self._find(run)
            raise

    async def _open(self, run: str, agent: str) -> WorkerPane | None:
        spec = self._folders.spec(run) or {}
        for _ in range(TRIES):
            epoch = await self.leases.take(run)
            if epoch is None:
                return await self._find(run)
            argv = [sys.executable, "-I", "-S", boot_file(), self._folders.path(run), str(epoch)]
            try:
                return await self._panes.open(run, agent, argv, str(spec.get("cwd") or "/"))
            except TmuxGoneError:
                # Nobody knows whether the order arrived; a server that lives says it.
                if (pane := await self._find(run)) is not None:
                    return pane
        raise PanError("the connection to tmux breaks again and again")

    async def _find(self, run: str) -> WorkerPane | None:
        return by_run(await self._panes.all()).get(run)


def by_run(panes: list[WorkerPane]) -> dict[str, WorkerPane]:
    """Give the panes by their run; one that lives stands before one in which a shim gave way.

    >>> dead, alive = WorkerPane("k3f", "%1", "@1", 5, is_dead=True), WorkerPane("k3f", "%0", "@0", 4)
    >>> by_run([alive, dead])["k3f"].pane
    '%0'
    """
    return {pane.run_id: pane for pane in sorted(panes, key=lambda pane: not pane.is_dead)}
