"""Programs that stand beside the controller, each in a window of the hidden session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pancode.core.errors import PanError
from pancode.engine import clock
from pancode.engine.tmux.workers import WorkerPanes

_STEP_S = 0.02


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
