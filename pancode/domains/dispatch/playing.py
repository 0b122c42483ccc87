"""Keeps the scripted model of the preset `demo` in the hidden session, so that the preset works at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Host
from pancode.domains.dispatch.hidden import have_listening
from pancode.domains.panconfigure.api import Configuration, Settings, scripted_model
from pancode.engine.places import Places
from pancode.engine.tmux.keeping import kept
from pancode.engine.tmux.workers import WorkerPanes

WINDOW = "scripted-model"
START_S = 20.0
"""How long it may take to listen: a second as a rule."""


class Playing:
    """Has the scripted model listen before a run starts that it is to answer; it ends with the session."""

    def __init__(self, places: Places, panes: WorkerPanes, settings: Callable[[], Settings]) -> None:
        """Start nothing yet; `settings` are those in force."""
        self._places = places
        self._panes = panes
        self._settings = settings
        self._starting = asyncio.Lock()

    async def ready(self) -> None:
        """Have it listen where the session's preset wants it; PanError if it doesn't.

        Where somebody listens there already, that is taken: another session's, or one that a person serves.
        """
        url = scripted_model(self._settings())
        if url is None:
            return
        parts = urlsplit(url)
        port = parts.port or 80

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection(parts.hostname, port)
            except OSError:
                return False
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return True

        def late() -> PanError:
            remedy = f"see {log}, or serve it yourself: pancode model serve --port {port}"
            return PanError(
                f"the scripted model doesn't listen on port {port}", remedy=remedy, code=ExitCode.ENVIRONMENT
            )

        log = os.path.join(self._places.state, f"{WINDOW}.log")
        argv = [sys.executable, "-P", "-m", "pancode", "model", "serve", "--port", str(port)]
        async with self._starting:
            window = (WINDOW, kept(f"pancode-{WINDOW}", log, argv), self._places.project)
            await have_listening(self._panes, window, listens, START_S, late)


class Plays(Protocol):
    """What has runs made ready."""

    playing: Playing | None


def register_playing(host: Host, preparation: Plays) -> None:
    """Have each run made ready with the scripted model, where the session's preset wants that."""
    settings = host.need(Configuration).current
    preparation.playing = Playing(host.need(Places), host.need(WorkerPanes), settings)
