"""Keeps the fork server of a session in the hidden tmux session, and holds the panes of forked workers."""

from __future__ import annotations

import contextlib
import os
import sys

from pancode.engine import clock
from pancode.engine.forks import Forks, command
from pancode.engine.places import Places
from pancode.engine.shipped import holder_file
from pancode.engine.tmux.failure import TmuxGoneError
from pancode.engine.tmux.keeping import kept
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes

WINDOW = "forks"
FIRST_LOOK_S = 0.3
"""After the session's start: the first frame comes first, and a worker starts without as well."""
_STEP_S, _LOOK_S, _TRIES = 0.02, 5.0, 100


class Forking:
    """Starts workers from the session's fork server, where there is one."""

    def __init__(self, places: Places, panes: WorkerPanes) -> None:
        """Start nothing yet."""
        self._places = places
        self._panes = panes
        self._forks = Forks(places.fork_socket)

    @property
    def is_up(self) -> bool:
        """Whether a worker can be forked now."""
        return self._forks.is_up

    def holder(self, run: str) -> list[str]:
        """Give the command that holds the pane of a run whose worker is forked."""
        path = self._fifo(run)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.mkfifo(path, 0o600)
        return ["/bin/sh", holder_file(), path]

    async def fork(self, run: str, pane: WorkerPane, lease: tuple[str, int], cwd: str) -> int | None:
        """Fork the worker for a held pane; None if nobody knows that it was.

        `lease` is the run's folder and the epoch under which it may begin.
        """
        folder, epoch = lease
        place = {"tty": pane.tty, "holder": self._fifo(run), "cwd": cwd}
        return await self._forks.fork({"folder": folder, "epoch": epoch, **place})

    def let_go(self, run: str) -> None:
        """Remove what a worker that was killed has left."""
        with contextlib.suppress(OSError):
            os.unlink(self._fifo(run))

    def _fifo(self, run: str) -> str:
        return os.path.join(self._places.runtime, f"{run}.pane")

    async def keep(self) -> None:
        """Have a fork server for as long as the controller lives."""
        await clock.pause(FIRST_LOOK_S)
        while True:
            try:
                await self._up()
            except TmuxGoneError:
                return
            await clock.pause(_LOOK_S)

    async def _up(self) -> None:
        """Be up until the fork server ends, or doesn't come up; its window starts a killed one."""
        forks = self._forks
        for _ in range(_TRIES):
            if await forks.serve():
                continue
            if WINDOW not in await self._panes.hidden():
                argv = command(sys.executable, self._places.fork_socket, forks.stamp)
                words = kept("pancode-forks", self._places.fork_log, argv)
                await self._panes.open_hidden(WINDOW, words, "/")
            await clock.pause(_STEP_S)
