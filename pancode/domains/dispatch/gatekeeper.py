"""Lets runs in by the gateway: its port, each run's token and pass, and the process in the hidden session."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import Callable, Collection

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.api import Gatepost, Plan
from pancode.domains.dispatch.hidden import Held, have_listening
from pancode.engine import files
from pancode.engine.places import Places
from pancode.engine.tmux.keeping import kept
from pancode.engine.tmux.workers import WorkerPanes
from pancode.gateway import hello
from pancode.gateway.books import close_books
from pancode.gateway.hello import Who
from pancode.gateway.passes import (
    Pass,
    has_pass,
    hashed,
    new_token,
    remove_pass,
    runs_with_passes,
    write_pass,
)

HOST = "127.0.0.1"
CALLS = "calls.jsonl"
WINDOW = "gateway"
START_S = 10.0
"""How long the gateway may take to listen: a fifth of a second as a rule, seconds on a loaded machine."""
_PORTS = (20_000, 32_000)
"""Below the ports that the system gives to those that connect: nobody gets ours while it restarts."""
_TRIES = 200


class Gatekeeper:
    """Keeps the gateway of one session; it is started when a run first needs it."""

    def __init__(self, places: Places, panes: WorkerPanes, note: Callable[[str], None]) -> None:
        """Start nothing yet; `note` takes a sentence for the log."""
        self._places = places
        self._panes = panes
        self._note = note
        self._starting = asyncio.Lock()
        self._held = Held()
        self._given: dict[str, int] = {}
        self._news: list[str] = []

    def post(self, run: str) -> Gatepost:
        """Give what a run's plan has to know: the gateway's address, the same for the session's whole life.

        Unless another program has taken its port: then it is another one from here on. PanError ENVIRONMENT
        if there is no port to be had.
        """
        port = self._port()
        if not self._held.is_open and not _is_free(port) and self._asked() is Who.STRANGER:
            port = self._leave(port)
        self._given[run] = port
        return Gatepost(f"http://{HOST}:{port}", new_token(run))

    def news(self) -> list[str]:
        """Give, once, what is to be said of a port that was taken."""
        news, self._news = self._news, []
        return news

    def let_in(self, run: str, plan: Plan, folder: str) -> None:
        """Write the pass of a planned run, if it is to go through the gateway; raise OSError."""
        to = plan.upstream
        if to is None:
            return
        write_pass(
            self._places.runtime,
            Pass(
                run=run,
                token=hashed(to.token),
                upstream=to.url,
                key=to.key,
                bearer=to.bearer,
                calls=f"{folder}/{CALLS}",
                proxy=to.proxy,
                certificates=to.certificates,
            ),
        )

    def over(self, run: str, folder: str) -> None:
        """Take an ended run's pass away and close the books of its calls: nothing is added to them then."""
        remove_pass(self._places.runtime, run)
        self._given.pop(run, None)
        with contextlib.suppress(OSError):
            close_books(run, f"{folder}/{CALLS}")

    def sweep(self, live: Collection[str]) -> None:
        """Take away the passes that no live run needs."""
        for run in runs_with_passes(self._places.runtime):
            if run not in live:
                remove_pass(self._places.runtime, run)

    async def ready(self, run: str) -> None:
        """Have the gateway listen before a run that goes through it starts; PanError if it can't."""
        if not has_pass(self._places.runtime, run):
            return
        planned = self._given.get(run)
        if planned in (None, self._port()):
            await self.listen()
        if planned not in (None, self._port()):
            raise PanError(
                f"another program has taken port {planned}, by which this run was to reach the gateway",
                remedy=f"the gateway has another port now: pancode retry {run}",
                code=ExitCode.ENVIRONMENT,
            )

    async def listen(self) -> None:
        """Have the gateway listen, by another port if this one is taken; PanError if it can't."""
        if self._held.is_open:
            return
        async with self._starting:
            port, found = self._port(), await asyncio.to_thread(self._asked)
            if found is Who.OURS:
                return
            if found is Who.STRANGER:
                port = self._leave(port)
            window = (f"{WINDOW}-{port}", self._argv(), self._places.project)
            await have_listening(self._panes, window, self._listens, START_S, self._late)

    def _late(self) -> PanError:
        port = self._port()
        if not _is_free(port) and self._asked() is not Who.OURS:
            self._leave(port)
        return PanError(
            f"the session's gateway doesn't listen on port {port}",
            remedy=f"see {self._places.gateway_log}; PANCODE_GATEWAY=off does without it",
            code=ExitCode.ENVIRONMENT,
        )

    def _argv(self) -> list[str]:
        places = self._places
        argv = [sys.executable, "-P", "-m", "pancode.gateway", "--port", str(self._port())]
        argv += ["--runtime", places.runtime, "--socket", places.socket]
        return kept("pancode-gateway", places.gateway_log, argv)

    def _leave(self, port: int) -> int:
        """Take another port, as somebody else has this one; give it."""
        new = _free_port()
        files.write_json(self._places.gateway_port, hello.new(new))
        self._held.let_go()
        cut = [run for run, given in self._given.items() if given == port]
        gone = f"; by the old one these reach no model any more: {', '.join(cut)}" if cut else ""
        words = f"another program has taken port {port} of the session's gateway, which is at {new} now{gone}"
        self._news.append(words)
        self._note(words)
        return new

    async def _listens(self) -> bool:
        return await asyncio.to_thread(self._asked) is Who.OURS

    def _asked(self) -> Who | None:
        """Ask who listens on the gateway's port; None: nobody does. Blocking."""
        known = files.read_json(self._places.gateway_port) or {}
        try:
            line = socket.create_connection((HOST, self._port()), timeout=START_S)
        except OSError:
            return None
        found = hello.who(line, str(known.get("secret")))
        if found is Who.OURS:
            self._held.take(line)
        else:
            line.close()
        return found

    def _port(self) -> int:
        known = files.read_kept(self._places.gateway_port) or {}
        port = known.get("port")
        if not isinstance(port, int):
            port = _free_port()
            files.write_json(self._places.gateway_port, hello.new(port))
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as line, contextlib.suppress(OSError):
        line.bind((HOST, port))
        return True
    return False


def _free_port() -> int:
    for _ in range(_TRIES):
        port = random.randrange(*_PORTS)  # noqa: S311 -- no secret: the token is
        if _is_free(port):
            return port
    raise PanError("there is no free port for the gateway", code=ExitCode.ENVIRONMENT)
