"""The gateway's life: listen on the session's port, carry calls, and go when told or when the session has."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
from dataclasses import dataclass

from pancode.gateway import hello, refusals
from pancode.gateway.books import Book
from pancode.gateway.call import QUIET_S, Call, Desk
from pancode.gateway.controller import PATIENCE_S, Controller
from pancode.gateway.front import Asked, Front, Headers
from pancode.gateway.keys import token_in
from pancode.gateway.passes import Pass, Passes
from pancode.gateway.refusals import Problem
from pancode.gateway.room import Lobby, Room
from pancode.gateway.upstream import CHUNK, Lines
from pancode.gateway.wires import route

HOST = "127.0.0.1"
_BACKLOG = 256
_END_S = 2.0
"""How long connections and the disk get to come to an end."""

log = logging.getLogger("pancode.gateway")


@dataclass(frozen=True, slots=True)
class Options:
    """Where the gateway works: its port, the session's runtime directory, the controller's socket."""

    port: int
    runtime: str
    socket: str
    quiet_s: float = QUIET_S
    patience_s: float = PATIENCE_S


class Gateway:
    """Knows the runs' passes and books, and has each request carried."""

    def __init__(self, options: Options) -> None:
        """Nothing is listened to yet."""
        self._options = options
        self._passes = Passes(options.runtime)
        self._books: dict[str, Book] = {}
        self._fronts: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Future[None]] = set()
        self._room = Room()
        self._lobby = Lobby()
        self.controller = Controller(options.socket, options.patience_s)
        self._desk = Desk(self.controller, Lines(), self._settle, options.quiet_s)

    async def serve(self, listener: socket.socket) -> None:
        """Carry calls until cancelled."""
        for run in self._passes.runs():
            self._recover(run)
        server = await asyncio.start_server(self._came, sock=listener, limit=CHUNK, backlog=_BACKLOG)
        talking = asyncio.create_task(self.controller.live())
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            under_way = [talking, *self._fronts]
            for each in under_way:
                each.cancel()
            await asyncio.wait((*under_way, *self._work), timeout=_END_S)
            self._desk.lines.close()

    def _recover(self, run: str) -> None:
        """Close what an earlier gateway left open, and tell the controller all that it may not know."""
        found = self._passes.of_run(run)
        if found is None or not os.path.exists(found.calls):
            return
        try:
            book = self._book(found)
            for record in book.records():
                self.controller.say(run, record)
            lost = book.close_open_calls("the gateway ended in the middle")
        except OSError as error:
            log.warning("the calls of run %s can't be read: %s", run, error)
            return
        if lost:
            log.warning("closed %d calls of run %s that an earlier gateway left open", lost, run)
            self._settle(book)

    def _book(self, of: Pass) -> Book:
        book = self._books.get(of.run)
        if book is None or not book.path_is_there:
            self._sweep()
            has_pass = functools.partial(self._passes.has, of.run)
            book = self._books[of.run] = Book(of.run, of.calls, self.controller.say, has_pass)
        return book

    def _sweep(self) -> None:
        """Let go of the books of runs that have ended, once nothing of theirs is under way."""
        for run in [run for run in self._books if self._passes.of_run(run) is None]:
            self._books.pop(run).close()

    def _settle(self, book: Book) -> None:
        work = asyncio.get_running_loop().run_in_executor(None, _synced, book)
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- narrows the type
        front = Front(reader, writer, self._room, self._run_of, self._lobby)
        if not self._lobby.enter(front):
            log.warning("there are %d connections: another one is hung up on", len(self._fronts))
            writer.close()
            return
        self._fronts.add(task)
        try:
            # A cancelled task would be reported as a fault by asyncio's streams.
            with contextlib.suppress(asyncio.CancelledError):
                await front.serve(self._answer)
        except Exception:
            log.exception("a connection failed")
        finally:
            self._fronts.discard(task)
            self._lobby.leave(front)

    def _run_of(self, headers: Headers, target: str) -> str | None:
        found = self._passes.of(token_in(headers, target))
        return None if found is None else found.run

    async def _answer(self, asked: Asked, front: Front) -> None:
        if (proof := hello.answer(self._options.runtime, asked.target)) is not None:
            front.may_rest()  # The controller holds it for as long as the gateway lives.
            front.begin(200, [(b"content-length", str(len(proof)).encode())])
            front.send(proof)
            front.end()
            return
        found = route(asked.method, asked.target)
        token = token_in(asked.headers, asked.target)
        to = self._passes.of(token)
        if to is None:
            front.refuse(found.wire, refusals.NO_PASS)
            return
        if not self._room.begin(to.run):
            words = f"run {to.run} has as many calls under way as PanCode's gateway lets one run have"
            front.refuse(found.wire, Problem(refusals.LATER_STATUS, words, 5))
            return
        try:
            await Call(self._desk, self._book(to), front, asked, to, found).go(token)
        except OSError as error:
            log.warning("the calls of run %s can't be written: %s", to.run, error)
            words = f"PanCode can't write down the calls of run {to.run}: {error.strerror}"
            front.refuse(found.wire, Problem(refusals.LATER_STATUS, words, 10))
        finally:
            self._room.end(to.run)


def _synced(book: Book) -> None:
    with contextlib.suppress(OSError, ValueError):
        book.sync()


def listen(port: int) -> socket.socket:
    """Listen on the port of this machine's loopback; raise OSError."""
    # Only of a socket that says TCP does asyncio take away the delay of small pieces.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


async def live(options: Options) -> None:
    """Be the gateway until SIGTERM, SIGHUP, or the end of the session."""
    listener = listen(options.port)
    work = asyncio.ensure_future(Gateway(options).serve(listener))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
