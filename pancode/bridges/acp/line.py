"""JSON-RPC over a child's standard input and output: requests and notices both ways, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pancode.worker.lean_json import dumps, loads

MOST_SERVED = 64
"""Requests of the agent that are worked on at a time; one more is told no."""
LONGEST_LINE = 16 << 20
"""Bytes of a message; a longer one is passed over."""
CLOSE_S = 0.7
"""From the end of its input to SIGTERM, and from there to SIGKILL, where somebody waits for it."""
NO_METHOD, NO_PARAMS, INTERNAL, NOT_FOUND, REFUSED = -32601, -32602, -32603, -32002, -32000
_READ = 1 << 16

Params = Mapping[str, Any]


class PeerError(Exception):
    """An answer that is an error, in either direction."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        """Take the fields of JSON-RPC's error object."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class GoneError(Exception):
    """The agent's program has ended or has closed its output; the text says how."""


class Peer:
    """An agent's program, and the protocol's two directions.

    `heard(method, params)` takes notices in their order, `served(method, params)` answers requests, and
    `odd(what)` is told of what is no message.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        heard: Callable[[str, Params], None],
        served: Callable[[str, Params], Awaitable[object]],
        odd: Callable[[str], None],
    ) -> None:
        """Begin to read at once."""
        self._process = process
        self._heard, self._served, self._odd = heard, served, odd
        self._number = 0
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        cwd: str,
        heard: Callable[[str, Params], None],
        served: Callable[[str, Params], Awaitable[object]],
        odd: Callable[[str], None],
    ) -> Peer:
        """Start the agent's program; OSError if that can't be."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdin=pipe, stdout=pipe)
        return cls(process, heard, served, odd)

    async def ask(self, method: str, params: Params, seconds: float | None = None) -> dict[str, Any]:
        """Send a request and give its result.

        PeerError for an error, GoneError if the agent ends before, TimeoutError after `seconds`.
        """
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        if self._reading.done():
            raise await self._gone()
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(seconds):
                found = await answer
        finally:
            self._open.pop(number, None)
        return found if isinstance(found, dict) else {}

    def tell(self, method: str, params: Params) -> None:
        """Send a notice."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    async def close(self, patience_s: float = CLOSE_S) -> None:
        """End the program: by the end of its input, and by signals if it doesn't hear that for so long."""
        for task in self._tasks:
            task.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        for end, seconds in ((self._process.terminate, patience_s), (self._process.kill, CLOSE_S)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._process.wait()
                break
            with contextlib.suppress(ProcessLookupError):
                end()
        self._reading.cancel()

    def _send(self, message: Mapping[str, Any]) -> None:
        line = self._process.stdin
        if line is not None and not line.is_closing():
            line.write(f"{dumps(message)}\n".encode())

    async def _read(self) -> None:
        """Take in messages until there are no more; then nobody waits for an answer any longer."""
        begun, output = bytearray(), self._process.stdout
        while output is not None and (data := await output.read(_READ)):
            *whole, last = data.split(b"\n")
            for line in whole:
                self._line(bytes(begun) + line if len(begun) <= LONGEST_LINE else None)
                begun.clear()
            begun += last if len(begun) <= LONGEST_LINE else b""
        error = await self._gone()
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(error)

    async def _gone(self) -> GoneError:
        try:
            async with asyncio.timeout(CLOSE_S):
                code = await self._process.wait()
        except TimeoutError:
            return GoneError("it closed its output in the middle of the conversation")
        how = f"with {code}" if code >= 0 else f"by signal {-code}"
        return GoneError(f"it ended {how} in the middle of the conversation")

    def _line(self, line: bytes | None) -> None:
        if line is None:
            self._odd("a line that is too long")
            return
        if not line.strip():
            return
        try:
            message = loads(line.decode())
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._odd("a line that is no message")
            return
        method, params = message.get("method"), message.get("params")
        if not isinstance(method, str):
            self._answer(message)
        elif "id" in message:
            self._serve(message["id"], method, params if isinstance(params, dict) else {})
        else:
            self._heard(method, params if isinstance(params, dict) else {})

    def _answer(self, message: Mapping[str, Any]) -> None:
        number = message.get("id")
        waits = self._open.get(number) if isinstance(number, int) else None
        if waits is None or waits.done():
            if not isinstance(number, int) or not 0 < number <= self._number:
                self._odd("an answer to nothing")  # And no late one, to what was given up meanwhile.
        elif isinstance(error := message.get("error"), dict):
            code = error.get("code")
            said = str(error.get("message") or "it doesn't say what is wrong")
            waits.set_exception(
                PeerError(code if isinstance(code, int) else INTERNAL, said, error.get("data"))
            )
        else:
            waits.set_result(message.get("result"))

    def _serve(self, number: object, method: str, params: Params) -> None:
        task = asyncio.ensure_future(self._served_one(number, method, params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _served_one(self, number: object, method: str, params: Params) -> None:
        try:
            if len(self._tasks) > MOST_SERVED:
                raise PeerError(INTERNAL, "too many requests at once")  # noqa: TRY301 -- one way to say no
            answer: dict[str, Any] = {"result": await self._served(method, params)}
        except PeerError as error:
            answer = {"error": {"code": error.code, "message": error.message}}
        except FileNotFoundError as error:
            answer = {"error": {"code": NOT_FOUND, "message": f"Resource not found: {error.filename}"}}
        except (OSError, ValueError, TypeError, KeyError) as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            answer = {"error": {"code": INTERNAL, "message": f"PanCode: {words}"}}
        self._send({"jsonrpc": "2.0", "id": number, **answer})


def program_name(command: Sequence[str]) -> str:
    """Give the program's name for a sentence.

    >>> program_name(["/usr/bin/gemini", "--acp"])
    'gemini'
    """
    return os.path.basename(command[0])
