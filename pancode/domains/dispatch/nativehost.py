"""Keeps the native host of one session in the hidden tmux session, and says which mode and level hold now."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Callable

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Host
from pancode.core.state import Session, World
from pancode.domains.agents.api import NATIVE, Agents
from pancode.domains.dispatch.gatekeeper import Gatekeeper
from pancode.domains.dispatch.hidden import Held, have_listening
from pancode.engine import clock, files
from pancode.engine.places import Places
from pancode.engine.tmux.failure import TmuxGoneError
from pancode.engine.tmux.keeping import kept
from pancode.engine.tmux.workers import WorkerPanes

WINDOW = "native"
START_S = 20.0
"""How long the host may take to listen; it listens before it is warm, so a tenth of a second as a rule."""
FIRST_LOOK_S = 1.0
"""After the session's start: the first frame comes first."""
LOOK_S = 5.0


class NativeHost:
    """The process that the loops of native agents are forked from; it is started when it is first needed."""

    def __init__(self, places: Places, panes: WorkerPanes) -> None:
        """Start nothing yet."""
        self._places = places
        self._panes = panes
        self._starting = asyncio.Lock()
        self._held = Held()

    def tell(self, session: Session) -> None:
        """Write down what holds from now on, for the next step of every loop."""
        files.write_json(self._places.now, {"mode": session.mode.value, "level": session.level.value})

    async def ready(self) -> None:
        """Have the host listen; PanError if it can't."""
        if self._held.is_open:
            return
        async with self._starting:
            window = (WINDOW, self._argv(), self._places.project)
            await have_listening(self._panes, window, self._listens, START_S, self._late)

    def announce(self, folder: str) -> None:
        """Have a loop get ready for the run in `folder` while its shim is being started.

        Where nobody hears it the shim's own request has to do.
        """
        if self._held.is_open:
            self._say([folder])

    def _say(self, folders: list[str]) -> None:
        if self._held.line is not None:
            with contextlib.suppress(OSError):
                self._held.line.send(json.dumps({"announced": folders}).encode() + b"\n")

    def _late(self) -> PanError:
        return PanError(
            "the session's native host doesn't listen",
            remedy=f"see {self._places.native_log}",
            code=ExitCode.ENVIRONMENT,
        )

    def _argv(self) -> list[str]:
        argv = [sys.executable, "-P", "-m", "pancode.native", "--socket", self._places.native_socket]
        argv += ["--runs", self._places.runs, "--controller", self._places.socket]
        return kept("pancode-native", self._places.native_log, argv)

    async def _listens(self) -> bool:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.setblocking(False)
            line.connect(self._places.native_socket)
        except OSError:
            line.close()
            return False
        self._held.take(line)
        self._say([])  # Who has said nothing is hung up on.
        return True


class Keeping:
    """Has host and gateway ready soon after the session, where a native agent can be used.

    While one lives the host is there again when it has ended.
    """

    def __init__(
        self,
        native: NativeHost,
        gatekeeper: Gatekeeper,
        agents: Agents,
        world: Callable[[], World],
        note: Callable[[str], None],
    ) -> None:
        """Look at `world` for live runs, tell `note` what goes wrong."""
        self._native = native
        self._gatekeeper = gatekeeper
        self._agents = agents
        self._world = world
        self._note = note

    def changed(self, _event: object = None) -> None:
        """Mode or level have changed."""
        try:
            self._native.tell(self._world().session)
        except (OSError, PanError) as error:
            self._note(f"native agents can't be told of the session's mode: {error}")

    async def keep(self) -> None:
        """Work for as long as the controller lives."""
        self.changed()
        await clock.pause(FIRST_LOOK_S)
        wanted = await asyncio.to_thread(self._agents.native_wanted)
        while True:
            live = any(run.is_live and run.runtime == NATIVE for run in self._world().runs.values())
            if wanted or live:
                try:
                    await self._native.ready()
                    if wanted and self._agents.gateway_wanted():
                        await self._gatekeeper.listen()
                except TmuxGoneError:
                    return
                except PanError as error:
                    self._note(str(error))
            wanted = False
            await clock.pause(LOOK_S)


def register_native(
    host: Host,
    native: NativeHost,
    gatekeeper: Gatekeeper,
    agents: Agents,
    note: Callable[[str], None],
) -> None:
    """Have the host kept, and the loops told of each change of mode and level."""
    keeping = Keeping(native, gatekeeper, agents, lambda: host.world, note)
    host.on(ev.ModeChosen, keeping.changed)
    host.on(ev.LevelChosen, keeping.changed)
    host.background("native host", keeping.keep)
