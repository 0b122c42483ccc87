"""A controller's life: listen, connect to tmux, rebuild the world, adopt the workers, and go on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode
from pancode.core.state import Finished, World
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.recovery import adopt, found, rebuild
from pancode.domains.observability.api import About
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.session.keeping import restored
from pancode.domains.ui.api import Display
from pancode.engine import clock
from pancode.engine.socket import Connection, listen
from pancode.engine.tmux.control import Control
from pancode.engine.tmux.display import TmuxDisplay
from pancode.engine.tmux.doors import Doors
from pancode.engine.tmux.environment import Operator, read_handover
from pancode.engine.tmux.lines import Notice
from pancode.engine.tmux.panes import Panes
from pancode.engine.tmux.workers import WorkerPanes
from pancode.hosting import Controller
from pancode.version import __version__

LAST_WORDS = 0.05
"""Seconds that the answers to the last requests get to leave."""

COMING_AND_GOING = ("client-session-changed", "client-detached", "reconnected")
"""Notifications of tmux after which the number of attached people may be another."""

log = logging.getLogger("pancode")


class Life:
    """Everything that happens once, in order; what happens often is in the loop."""

    def __init__(self, controller: Controller) -> None:
        """Begin with nothing connected."""
        self._controller = controller
        self._environment: dict[str, str] = {}
        self._ready = asyncio.Event()
        self._panes: Panes | None = None

    async def live(self) -> None:
        """Run from the first connection to the last commit."""
        controller, places = self._controller, self._controller.places
        doors = Doors(
            Control(places.tmux_socket, on_notice=self._noticed, on_gone=controller.leave.now),
            Control(places.tmux_socket),
        )
        server = await listen(places.socket, self._serve)
        await doors.main.connect()
        await doors.keys.connect()
        panes = self._panes = Panes(doors.main)
        workers = WorkerPanes(panes)
        version = (await doors.main.command("display-message", "-p", "#{version}"))[0]
        self._environment = {
            **os.environ,
            **read_handover(await doors.main.command("show-environment", "-g", "-h")),
        }
        self._provide(doors, panes, workers, version)
        settings = InForce(places, os.environ).current()  # They say which domains there are.
        controller.load({**self._environment, "PANCODE_INTELLIGENCE": settings.intelligence})
        await self._recover(workers)
        self._ready.set()
        self._on_signals()
        controller.begin_work()
        controller.spawn("clients", self._count_clients(panes))
        log.info("ready: %d runs known", len(controller.world.runs))
        await controller.leave.asked()
        await clock.pause(LAST_WORDS)
        server.close()
        controller.store.close()
        await doors.keys.close()
        await doors.main.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(places.socket)

    def _provide(self, doors: Doors, panes: Panes, workers: WorkerPanes, version: str) -> None:
        controller, places = self._controller, self._controller.places
        about: dict[str, Any] = {
            "session": places.session,
            "project": places.project,
            "controller": {"pid": os.getpid(), "version": __version__, "started": clock.now()},
            "tmux": {"socket": places.tmux_socket, "version": version},
        }
        outside = Outside(
            places=places,
            store=controller.store,
            panes=workers,
            post=controller.post,
            world=lambda: controller.world,
            forget=controller.loop.forget,
            spawn=controller.spawn,
            environment=self._operator,
            note=log.warning,
        )
        controller.provide(Doors, doors)
        controller.provide(Panes, panes)
        controller.provide(Display, TmuxDisplay(panes, controller.spawn))
        controller.provide(WorkerPanes, workers)
        controller.provide(About, About(about))
        controller.provide(Outside, outside)
        controller.provide(Operator, Operator(self._operator))

    def _operator(self) -> Mapping[str, str]:
        return self._environment

    async def _recover(self, workers: WorkerPanes) -> None:
        controller, places = self._controller, self._controller.places
        dispatcher = controller.need(Dispatcher)
        world = World(session=restored(places.session_file, controller.need(Configuration).current()))
        panes = await found(workers)
        controller.loop.restore(rebuild(dispatcher, controller.store, world, panes))
        adopted = await adopt(dispatcher, panes, controller.world)
        if adopted:
            log.info("adopted %d workers", adopted)

    def _serve(self, connection: Connection, message: dict[str, Any]) -> None:
        """Take a request; those that come before the world is rebuilt wait for it."""
        if self._ready.is_set():
            self._route(connection, message)
        else:
            self._controller.spawn("early request", self._later(connection, message))

    async def _later(self, connection: Connection, message: dict[str, Any]) -> None:
        await self._ready.wait()
        if connection.is_open:
            self._route(connection, message)

    def _route(self, connection: Connection, message: dict[str, Any]) -> None:
        if message.get("verb") == "worker":
            self._worker(connection, message)
        else:
            self._controller.requests.serve(connection, message)

    def _worker(self, connection: Connection, message: dict[str, Any]) -> None:
        args = message.get("args")
        run = self._controller.world.runs.get(str(args.get("run"))) if isinstance(args, dict) else None
        if run is None:
            told = {"problem": "there is no such run", "code": int(ExitCode.NOT_FOUND)}
            connection.send({"id": message.get("id"), "ok": False, "error": told})
            return
        self._controller.need(Dispatcher).links.join(run.id, connection, run.seq)
        if isinstance(run.state, Finished) and run.state.status == "lost":
            # Its window opened after tmux had been given up, say: nobody would ever end it.
            connection.send({"do": "stop", "by": "pancode", "why": "the run was given up", "force": False})

    def _noticed(self, notice: Notice) -> None:
        """An event only wakes; who is attached is asked anew."""
        if notice.name in COMING_AND_GOING and self._panes is not None and self._ready.is_set():
            if notice.name == "reconnected":
                self._panes.forget()
            self._controller.spawn("clients", self._count_clients(self._panes))

    async def _count_clients(self, panes: Panes) -> None:
        self._controller.post(ev.ClientsCounted(count=await panes.attached(), at=clock.now()))

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        # The workers go on in each case: only `pancode down` ends them.
        loop.add_signal_handler(signal.SIGTERM, self._controller.leave.for_another)
        loop.add_signal_handler(signal.SIGHUP, self._controller.leave.now)
