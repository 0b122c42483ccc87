"""Opens the panes of runs: the lease first, so that nothing is started twice whoever dies on the way."""

from __future__ import annotations

import sys
from dataclasses import replace

from pancode.core.errors import PanError
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.forking import Forking
from pancode.domains.dispatch.leases import Leases
from pancode.engine.shipped import boot_file
from pancode.engine.tmux.failure import TmuxGoneError
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes

TRIES = 3
"""How often a pane is opened anew after the connection to tmux has broken on the way."""


class Opening:
    """Starts workers in panes: forked from the session's fork server where it is up, else by themselves."""

    def __init__(self, folders: Folders, panes: WorkerPanes, forking: Forking) -> None:
        """Open panes in `panes` for the runs of `folders`."""
        self.leases = Leases(folders)
        self._folders = folders
        self._panes = panes
        self._forking = forking

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

    async def again(self, run: str, pane: WorkerPane) -> WorkerPane:
        """Start a run's worker in its pane, unless one has begun: whoever was to do it may have died.

        Raises as `open` does.
        """
        epoch = await self.leases.take(run)
        return (
            pane if epoch is None else await self._panes.restart(pane, self._argv(run, epoch), self._cwd(run))
        )

    async def _open(self, run: str, agent: str) -> WorkerPane | None:
        for _ in range(TRIES):
            epoch = await self.leases.take(run)
            if epoch is None:
                return await self._find(run)
            try:
                if self._forking.is_up:
                    return await self._fork(run, agent, epoch)
                return await self._panes.open(run, agent, self._argv(run, epoch), self._cwd(run))
            except TmuxGoneError:
                # Nobody knows whether the order arrived; a server that lives says it.
                if (pane := await self._find(run)) is not None:
                    return await self.again(run, pane)
        raise PanError("the connection to tmux breaks again and again")

    async def _fork(self, run: str, agent: str, epoch: int) -> WorkerPane:
        cwd = self._cwd(run)
        pane = await self._panes.open(run, agent, self._forking.holder(run), cwd)
        pid = await self._forking.fork(run, pane, (self._folders.path(run), epoch), cwd)
        return await self.again(run, pane) if pid is None else replace(pane, shim_pid=pid)

    def _argv(self, run: str, epoch: int) -> list[str]:
        return [sys.executable, "-I", "-S", boot_file(), self._folders.path(run), str(epoch)]

    def _cwd(self, run: str) -> str:
        return str((self._folders.spec(run) or {}).get("cwd") or "/")

    async def _find(self, run: str) -> WorkerPane | None:
        return by_run(await self._panes.all()).get(run)


def by_run(panes: list[WorkerPane]) -> dict[str, WorkerPane]:
    """Give the panes by their run; one that lives stands before one in which a shim gave way.

    >>> dead, alive = WorkerPane("k3f", "%1", "@1", 5, is_dead=True), WorkerPane("k3f", "%0", "@0", 4)
    >>> by_run([alive, dead])["k3f"].pane
    '%0'
    """
    return {pane.run_id: pane for pane in sorted(panes, key=lambda pane: not pane.is_dead)}
