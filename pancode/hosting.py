"""The host that the domains register with: finds them, sorts them, loads them, and runs their work."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from pancode.core import events as ev
from pancode.core.effects import Effect
from pancode.core.errors import PanError
from pancode.core.host import Args, Gate, Handler
from pancode.core.manifest import is_enabled, load_order
from pancode.core.state import World
from pancode.domains.dispatch.admission import Admission
from pancode.engine import clock
from pancode.engine.loop import Leave, Loop
from pancode.engine.places import Places
from pancode.engine.requests import Requests
from pancode.engine.store import Store
from pancode.finding import manifests

COMMIT = 0.25
"""Seconds that records wait for a commit of the index: the journals are the truth, so nothing hangs on it."""
AGAIN = 1.0
"""Seconds before work beside the loop begins again after a fault, and the index is written again."""
Service = TypeVar("Service")
log = logging.getLogger("pancode")


class _Itself:
    """The controller as the client of one of its own verbs."""

    gone = False
    pid = os.getpid()

    async def send(self, event: Mapping[str, Any]) -> None:
        """Nobody listens to what comes before the answer."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Nobody listens."""


class Controller:
    """The host that the domains register with."""

    def __init__(self, places: Places) -> None:
        """Open the index; nothing is listened to yet."""
        self.places = places
        self.store = Store(places.database)
        self.loop = Loop(self._record)
        self._commit_is_due = False
        self.requests = Requests()
        self.leave = Leave()
        self._services: dict[type[Any], Any] = {}
        self._work: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._admission = Admission()
        for service in (places, self.store, self.leave, self._admission):
            self.provide(type(service), service)

    @property
    def world(self) -> World:
        """What is known at this moment."""
        return self.loop.world

    def post(self, fact: ev.Event) -> None:
        """Put a fact into the inbox."""
        self.loop.post(fact)

    def performs(self, kind: type[Effect], perform: Callable[[Any], None]) -> None:
        """Carry out effects of this type."""
        self.loop.performs(kind, perform)

    def serve(self, verb: str, handler: Handler) -> None:
        """Answer a verb of the socket."""
        self.requests.add(verb, handler)

    async def ask(self, verb: str, args: Args) -> Mapping[str, Any]:
        """Answer a verb as the socket does for the operator."""
        return await self.requests.handler(verb)(args, _Itself())

    def on(self, kind: type[Any], listener: Callable[[Any], None]) -> None:
        """Call `listener` with each event of exactly this type."""
        self.loop.on(kind, listener)

    def on_record(self, kinds: Iterable[str], listener: Callable[[ev.WorkerSaid], None]) -> None:
        """Call `listener` with each record of these kinds."""
        self.loop.on_record(kinds, listener)

    def gate(self, gate: Gate) -> None:
        """Add an admission check."""
        self._admission.add(gate)

    def provide(self, kind: type[Service], service: Service) -> None:
        """Offer a service."""
        self._services[kind] = service

    def need(self, kind: type[Service]) -> Service:
        """Get a service."""
        found: Service = self._services[kind]
        return found

    def background(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Remember work to start once the controller is ready."""
        self._work.append((name, work))

    def begin_work(self) -> None:
        """Start what was given to `background`."""
        for name, work in self._work:
            self.spawn(name, _as_long_as_needed(name, work))

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine beside everything else; its failure is logged, not fatal."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, PanError):
            log.error("%s failed: %s", task.get_name(), error)
        else:
            log.error("%s failed", task.get_name(), exc_info=error)

    def load(self, environment: Mapping[str, str]) -> None:
        """Register every enabled domain, each after all it needs."""
        for manifest in load_order(manifests()):
            if is_enabled(manifest, environment):
                importlib.import_module(f"pancode.domains.{manifest.name}.extension").register(self)

    def _record(self, event: ev.Event) -> None:
        if isinstance(event, ev.WorkerSaid):
            self.store.saw(event.run, event.record)
            if not self._commit_is_due:
                self._commit_is_due = True
                asyncio.get_running_loop().call_later(COMMIT, self._commit)

    def _commit(self) -> None:
        self.store.commit()
        self._commit_is_due = self.store.has_waiting
        if self._commit_is_due:  # The disk is full, or somebody else holds the index: it must not stay so.
            asyncio.get_running_loop().call_later(AGAIN, self._commit)


async def _as_long_as_needed(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and begin it again after a fault: keys and status line must not be dead for good."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("%s failed; it begins again", name)
        await clock.pause(AGAIN)
