"""The controller's loop: record, reduce, decide, perform, publish, always in that order.

Every fact comes in through `post`. The loop holds no truth that can't be rebuilt from the run folders.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from pancode.core import events as ev
from pancode.core.effects import decide
from pancode.core.errors import PanError
from pancode.core.reduce import forget, is_news, reduce
from pancode.core.state import Finished, Session, World

Perform = Callable[[Any], None]
Listener = Callable[[Any], None]
log = logging.getLogger("pancode")


class Loop:
    """The inbox and the world; single-threaded, never blocks."""

    def __init__(self, record: Callable[[ev.Event], None]) -> None:
        """Begin with an empty world; `record` indexes each event before it is reduced."""
        self.world = World()
        self._record = record
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._performers: dict[type[Any], Perform] = {}
        self._listeners: dict[type[Any], list[Listener]] = {}
        self._readers: dict[str, list[Listener]] = {}

    def performs(self, kind: type[Any], perform: Perform) -> None:
        """Let `perform` carry out effects of this type."""
        if kind in self._performers:
            raise ValueError(f"{kind.__name__} has its performer already")
        self._performers[kind] = perform

    def on(self, kind: type[Any], listener: Listener) -> None:
        """Call `listener` with each published event of exactly this type."""
        self._listeners.setdefault(kind, []).append(listener)

    def on_record(self, kinds: Iterable[str], listener: Callable[[ev.WorkerSaid], None]) -> None:
        """Call `listener` with each WorkerSaid whose record is of one of these kinds.

        Most records are text, which hardly anybody wants.
        """
        for kind in kinds:
            self._readers.setdefault(kind, []).append(listener)

    def post(self, event: ev.Event) -> None:
        """Take in one fact; what it leads to has happened, or is under way, when this returns.

        A fact posted while another is being handled waits its turn. What fails on the way is logged and
        keeps nothing else from happening: whoever posts a fact can't mend a full disk.
        """
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._handle(self._inbox.popleft())
        finally:
            self._busy = False

    def _handle(self, event: ev.Event) -> None:
        _try(self._record, event)
        before = self.world
        try:
            self.world = after = reduce(before, event)
            effects = decide(before, event, after)
        except Exception:
            log.exception("%s can't be taken in", type(event).__name__)
            return
        for effect in effects:  # Also where nothing changed: a second stop may be the one that kills.
            _try(self._performers[type(effect)], effect)
        if after is not before:
            self._tell(before, event)

    def restore(self, world: World) -> None:
        """Start from a world that was rebuilt from the disk; nothing is performed for it."""
        self.world = world

    def forget(self, run: str) -> None:
        """Drop a finished run from memory."""
        self.world = forget(self.world, run)
        self.publish(ev.RunForgotten(run))
        self.publish(ev.RunChanged(run))

    def publish(self, event: object) -> None:
        """Tell the listeners of exactly this type."""
        for listener in self._listeners.get(type(event), ()):
            _try(listener, event)

    def _tell(self, before: World, event: ev.Event) -> None:
        self.publish(event)
        if isinstance(event, ev.WorkerSaid):
            for listener in self._readers.get(str(event.record.get("kind")), ()):
                _try(listener, event)
        if self.world.session is not before.session:
            self._tell_session(before.session, self.world.session)
        run = getattr(event, "run", None)
        if run is None:
            return
        was, after = before.runs.get(run), self.world.runs.get(run)
        if after is not None and after is not was and is_news(was, event):
            ended = isinstance(after.state, Finished) and (was is None or was.is_live)
            self.publish(ev.RunChanged(run, ended))

    def _tell_session(self, before: Session, after: Session) -> None:
        if before != after:
            self.publish(ev.SessionChanged())
        if bool(before.attached) != bool(after.attached):
            self.publish(ev.ClientsChanged(bool(after.attached)))


def _try(act: Callable[[Any], None], what: object) -> None:
    try:
        act(what)
    except Exception as error:  # noqa: BLE001 -- whoever posts a fact can't mend what follows from it
        _complain(what, error)


def _complain(what: object, error: Exception) -> None:
    if isinstance(error, PanError):
        log.error("%s: %s", type(what).__name__, error)  # An expected failure: the sentence is all.
    else:
        log.error("%s went wrong", type(what).__name__, exc_info=error)


class Leave:
    """How a domain ends the controller: its main task waits for this."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._asked = asyncio.Event()
        self.for_good = True
        """False: tmux is to start a new controller in this one's place."""

    def now(self) -> None:
        """Let the controller end as soon as what is being sent has left."""
        self._asked.set()

    def for_another(self) -> None:
        """End this controller and let tmux start the next one; the workers go on meanwhile."""
        self.for_good = False
        self._asked.set()

    async def asked(self) -> None:
        """Return when somebody has asked."""
        await self._asked.wait()
