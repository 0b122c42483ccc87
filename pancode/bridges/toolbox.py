"""The local tools for SDKs that bring none: PanCode's tool server, every call asked about first."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from pancode.bridges.wire import Job, Wire, arguments, cut
from pancode.worker.lean_json import dumps, loads
from pancode.worker.tools.arguments import checked
from pancode.worker.tools.catalogue import TOOLS, Tool, action, command
from pancode.worker.tools.limits import LONGEST_REQUEST
from pancode.worker.tools.outcome import ToolError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

END_S = 3.0
"""How long the server may take to end what it has started."""
_READS = ("read", "grep", "find", "ls")


def offered(job: Job) -> list[Tool]:
    """Give the tools that the model is to see: those of the agent, as far as the grant permits.

    A reader has its shell where the sandbox decides about it, and where somebody can be asked.
    """
    names = [name for name in TOOLS if job.tools is None or name in job.tools]
    if job.reading:
        names = [name for name in names if name in _READS or (name == "bash" and job.port is not None)]
    return [TOOLS[name] for name in names]


class Toolbox:
    """Does tool calls: tells of each, asks, has the server do it, and tells what came of it."""

    def __init__(self, wire: Wire, hidden: Iterable[str] = ()) -> None:
        """Keep the variables `hidden` from what the tools start."""
        self._wire = wire
        self._hidden = frozenset(hidden)
        self.names = frozenset(tool.name for tool in offered(wire.job))
        self._waiting: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self._calls, self._sent = 0, 0
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the server."""
        ours, theirs = socket.socketpair()
        env = {name: text for name, text in os.environ.items() if name not in self._hidden}
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *command(sys.executable), stdin=theirs.fileno(), env=env
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_REQUEST)
        self._listening = asyncio.create_task(self._listen(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it; it ends what it has started."""
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await self._process.wait()
        if self._listening is not None:
            self._listening.cancel()

    async def call(self, name: str, given: object, call: str = "") -> str:
        """Do one call, and give what the model is to read; `call` is its id in the SDK's words."""
        self._calls += 1
        ref = call or f"call-{self._calls}"
        shown = TOOLS[name].action if name in TOOLS else name
        self._wire.emit({"kind": "tool_started", "id": ref, "name": shown, "args": arguments(given)})
        ok, text = await self._done(name, given, ref, shown)
        self._wire.emit({"kind": "tool_finished", "id": ref, "name": shown, "ok": ok, "result": cut(text)})
        return text

    async def _done(self, name: str, given: object, ref: str, shown: str) -> tuple[bool, str]:
        if name not in self.names:
            return False, f'there is no tool "{name}" here; there are: {", ".join(sorted(self.names))}'
        try:
            args = checked(name, given)
        except ToolError as error:
            return False, str(error)
        answer = await self._wire.ask(action(name, args, os.getcwd()))
        if not answer.allow:
            self._wire.emit({"kind": "refused", "id": ref, "name": shown, "why": answer.why})
            return False, f"refused: {answer.why}"
        return await self._served(name, args)

    async def _served(self, name: str, args: dict[str, Any]) -> tuple[bool, str]:
        self._sent += 1
        key = str(self._sent)
        future: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            await self._send({"id": key, "tool": name, "args": args})
            return await future
        except asyncio.CancelledError:
            await self._send({"id": key, "cancel": True})
            raise
        finally:
            self._waiting.pop(key, None)

    async def _send(self, record: dict[str, Any]) -> None:
        if self._writer is None or self._writer.is_closing():
            raise ConnectionError("the tool server has ended")
        self._writer.write(f"{dumps(record)}\n".encode())
        await self._writer.drain()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                answer = loads(line.decode())
                future = self._waiting.get(str(answer.get("id")))
                if "more" not in answer and future is not None and not future.done():
                    future.set_result((answer.get("ok") is True, str(answer.get("text", ""))))
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_result((False, "the tool server has ended"))
