"""Programs that stand beside the controller, each in a window of the hidden session."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence

from pancode.core.errors import PanError
from pancode.engine import clock
from pancode.engine.tmux.workers import WorkerPanes

_STEP_S = 0.02


class Held:
    """A connection to such a program that is kept: while it is open the program needn't be asked."""

    def __init__(self) -> None:
        """Hold none."""
        self.line: socket.socket | None = None

    def take(self, line: socket.socket) -> None:
        """Hold this one."""
        self.let_go()
        line.setblocking(False)
        self.line = line

    def __del__(self) -> None:
        """Hang up with whoever holds this."""
        self.let_go()

    def let_go(self) -> None:
        """Hang up."""
        if self.line is not None:
            self.line.close()
        self.line = None

    @property
    def is_open(self) -> bool:
        """Whether the other end is still there."""
        if self.line is None:
            return False
        try:
            return bool(self.line.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False


async def have_listening(
    panes: WorkerPanes,
    window: tuple[str, Sequence[str], str],
    listens: Callable[[], Awaitable[bool]],
    seconds: float,
    late: Callable[[], PanError],
) -> None:
    """Open the window (name, command line, directory) unless it is there, and wait until its program listens.

    Raises what `late` gives after `seconds`.
    """
    if await listens():
        return
    name, argv, directory = window
    if name not in await panes.hidden():
        await panes.open_hidden(name, list(argv), directory)
    until = clock.monotonic() + seconds
    while not await listens():
        if clock.monotonic() > until:
            raise late()
        await clock.pause(_STEP_S)
