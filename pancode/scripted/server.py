"""The scripted model as a server on loopback, to embed in a program or in a test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import assert_never

from pancode.core.errors import ExitCode, PanError
from pancode.scripted import http
from pancode.scripted.conversation import Ask, Json
from pancode.scripted.player import Played, Player
from pancode.scripted.routes import Fixed, Generate, ListRequests, Unknown, route
from pancode.scripted.script import Failure, Reply, Script, as_script
from pancode.scripted.sending import send_json, send_reply
from pancode.scripted.wire import Wire

HOST = "127.0.0.1"
_BACKLOG = 512
_LOG_LENGTH = 2000
_SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "session_id", "x-session-id")
_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "authorization")
_KEY_TAIL = 4


@dataclass(frozen=True, slots=True)
class Record:
    """One request in the log.

    `at` is wall time in seconds, `turn` counts from 1 (None = no turn of the script), `replies` is how many
    replies with tool calls the request's history holds since the last prompt, `key` has the last four
    characters of the key that was sent.
    """

    number: int
    at: float
    api: str
    path: str
    model: str
    stream: bool
    session: str
    prompt: str
    replies: int
    turn: int | None
    helper: bool
    status: int
    cut: bool
    tools: tuple[str, ...]
    system: str
    key: str
    user_agent: str


class ScriptedModel:
    """A model that plays a script to any number of clients; nothing is written to disk.

    `script` is a Script or the plain data of one (ScriptError when it has mistakes); `port` 0 takes a free
    one. It listens on loopback only.
    """

    def __init__(self, script: Script | Mapping[str, object], port: int = 0) -> None:
        self._player = Player(as_script(script))
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._log: deque[Record] = deque(maxlen=_LOG_LENGTH)
        self._count = 0

    @property
    def port(self) -> int:
        """The port listened on; before `start`, the one that was asked for."""
        return self._port

    @property
    def url(self) -> str:
        """The base address, without `/v1` and without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    @property
    def requests(self) -> tuple[Record, ...]:
        """The latest requests for an answer, oldest first."""
        return tuple(self._log)

    async def start(self) -> None:
        """Listen; PanError when the port can't be had."""
        try:
            self._server = await asyncio.start_server(
                self._connected, HOST, self._port, limit=http.HEAD_LIMIT, backlog=_BACKLOG
            )
        except OSError as error:
            raise PanError(
                f"can't listen on port {self._port} of {HOST}: {(error.strerror or str(error)).lower()}",
                remedy="choose another --port, or leave it out for a free one",
                code=ExitCode.CONFLICT,
            ) from None
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections)
        await self._server.wait_closed()
        self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        # A client that hangs up in the middle is ordinary here, and a cancelled task would be reported as a
        # fault by asyncio's streams.
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._serve(reader, writer)
        self._connections.discard(task)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await http.read_request(reader, writer)
            except http.HttpError as error:
                await send_json(
                    writer, error.status, {"error": {"message": str(error)}}, {"connection": "close"}
                )
                return
            if request is None or not await self._answer(request, writer) or not request.keeps_alive():
                return

    async def _answer(self, request: http.Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; false = the connection must end."""
        target = route(request)
        match target:
            case Generate():
                return await self._generate(request, target, writer)
            case Fixed(document):
                await send_json(writer, 200, document, has_body=request.method != "HEAD")
            case ListRequests():
                records: Json = {"requests": [asdict(record) for record in self._log]}
                await send_json(writer, 200, records, has_body=request.method != "HEAD")
            case Unknown(status):
                problem: Json = {"type": "not_found_error", "message": f"there is nothing at {request.path}"}
                document = {"type": "error", "error": problem}
                await send_json(writer, status, document, has_body=request.method != "HEAD")
            case _:
                assert_never(target)
        return True

    async def _generate(self, request: http.Request, target: Generate, writer: asyncio.StreamWriter) -> bool:
        body = _parsed(request.body)
        if body is None:
            failure = Failure(400, "the body is not a JSON object", retry_after=None, delay=0, times=None)
            await send_json(writer, 400, target.wire.failure(failure))
            return True
        ask = target.wire.read({**body, **target.extra})
        session = next((request.headers[name] for name in _SESSION_HEADERS if name in request.headers), "")
        played = self._player.answer(ask, session)
        self._count += 1
        self._log.append(_record(self._count, request, target.wire, ask, played, session))
        turn = played.turn
        if turn.delay:
            await asyncio.sleep(turn.delay)
        match turn:
            case Failure():
                headers = {} if turn.retry_after is None else {"retry-after": f"{turn.retry_after:g}"}
                await send_json(writer, turn.status, target.wire.failure(turn), headers)
                return True
            case Reply():
                return await send_reply(writer, target, ask, turn)
            case _:
                assert_never(turn)


def _parsed(body: bytes) -> Json | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _record(number: int, request: http.Request, wire: Wire, ask: Ask, played: Played, session: str) -> Record:
    turn = played.turn
    key = next((request.headers[name] for name in _KEY_HEADERS if name in request.headers), "")
    return Record(
        number=number,
        at=time.time(),
        api=wire.name,
        path=request.path,
        model=ask.model,
        stream=ask.stream,
        session=session,
        prompt=ask.prompt(),
        replies=ask.replies,
        turn=played.number,
        helper=ask.is_helper(),
        status=turn.status if isinstance(turn, Failure) else 200,
        cut=isinstance(turn, Reply) and turn.cut,
        tools=tuple(tool.name for tool in ask.tools),
        # The same long text comes with each request: one copy is enough.
        system=sys.intern(ask.system),
        key=key[-_KEY_TAIL:] if len(key) > _KEY_TAIL else "",
        user_agent=request.headers.get("user-agent", ""),
    )


@contextlib.contextmanager
def serve_in_thread(script: Script | Mapping[str, object], port: int = 0) -> Iterator[ScriptedModel]:
    """Serve in a thread of its own while the `with` block runs; for tests and programs without asyncio."""
    model = ScriptedModel(script, port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted-model", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(model.start(), loop).result()
        yield model
    finally:
        asyncio.run_coroutine_threadsafe(model.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
