"""The composition root: finds the domains, sorts them, and builds the controller out of them.

`python -m pancode.app --session NAME --project DIR` is the controller of one session. tmux starts it
and keeps it; `pancode up` starts tmux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import importlib
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import IO, Any, TypeVar

from pancode.core import events as ev
from pancode.core.effects import Effect
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Gate, Handler
from pancode.core.manifest import is_enabled, load_order
from pancode.core.state import World
from pancode.engine import clock
from pancode.engine.places import Places
from pancode.finding import manifests
from pancode.version import __version__

COMMIT = 0.25
"""Seconds that records wait for a commit of the index: the journals are the truth, so nothing hangs on it."""
AGAIN = 1.0
"""Seconds before work beside the loop begins again after a fault."""
Service = TypeVar("Service")
log = logging.getLogger("pancode")


class Controller:
    """The host that the domains register with."""

    def __init__(self, places: Places) -> None:
        """Open the index; nothing is listened to yet."""
        from pancode.domains.dispatch.admission import Admission
        from pancode.engine.loop import Leave, Loop
        from pancode.engine.requests import Requests
        from pancode.engine.store import Store

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

    def on(self, kind: type[Any], listener: Callable[[Any], None]) -> None:
        """Call `listener` with each event of exactly this type."""
        self.loop.on(kind, listener)

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
        if not task.cancelled() and (error := task.exception()) is not None:
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
        self._commit_is_due = False
        self.store.commit()


async def _as_long_as_needed(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and begin it again after a fault: keys and status line must not be dead for good."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("%s failed; it begins again", name)
        await clock.pause(AGAIN)


async def run(places: Places) -> ExitCode:
    """Be the controller until somebody says `shutdown` or the tmux server ends."""
    from pancode.controller import Life

    controller = Controller(places)
    await Life(controller).live()
    return ExitCode.DONE if controller.leave.for_good else ExitCode.FAILED


def _opened(path: str) -> IO[str]:
    try:
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        raise PanError(
            f"can't write {path}: {os.strerror(error.errno or 0).lower()}",
            remedy="make it writable, or point PANCODE_HOME somewhere else",
            code=ExitCode.ENVIRONMENT,
        ) from None


@contextlib.contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the session's lock; raise PanError CONFLICT if another controller holds it."""
    with _opened(places.lock) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PanError(
                f'session "{places.session}" has a controller already',
                remedy="pancode attach, or pancode down first",
                code=ExitCode.CONFLICT,
            ) from None
        yield


def _log_to(path: str) -> None:
    _opened(path).close()
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=1_000_000, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def main() -> int:
    """Read the two arguments and run; the exit status tells tmux's loop whether to start it again."""
    parser = argparse.ArgumentParser(prog="pancode.app", description="The controller of one session.")
    parser.add_argument("--session", required=True)
    parser.add_argument("--project", required=True)
    args = parser.parse_args()
    os.environ["PANCODE_PROJECT"] = args.project
    os.umask(0o077)  # What the controller writes is its user's alone; workers get theirs from tmux.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    from pancode.engine import places as all_places

    try:
        places = all_places.find(args.session)
        places.make()
        _log_to(places.log)
        log.info("controller %s of %s begins, pid %d", __version__, places.project, os.getpid())
        with only_one(places):
            return int(asyncio.run(run(places)))
    except PanError as error:
        log.error("%s", error)  # noqa: TRY400 -- an expected failure: the sentence is all there is
        sys.stderr.write(f"pancode: {error}\n")
        return int(error.code)
    except Exception:
        log.exception("the controller failed")
        raise


if __name__ == "__main__":
    sys.exit(main())
