"""What every loop needs, made once in the parent: imports, caches, one TLS context."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import re
import ssl
from typing import cast

from pancode.core.conversation import Kept
from pancode.native.messages import Messages, Parts, parameters
from pancode.native.model import Wire, build, steps
from pancode.worker.tools.catalogue import TOOLS

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_PIECES: tuple[dict[str, object], ...] = (
    {"delta": {"role": "assistant", "content": "a "}},
    {"delta": {"content": "b"}},
    {
        "delta": {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c",
                    "type": "function",
                    "function": {"name": "ls", "arguments": '{"path": "."}'},
                }
            ]
        }
    },
    {"delta": {}, "finish_reason": "tool_calls"},
)


def up() -> ssl.SSLContext:
    """Fill the caches of this process, and give the TLS context that all loops share."""
    context = ssl.create_default_context()
    practise(context)
    gc.collect()
    gc.freeze()
    return context


def practise(context: ssl.SSLContext) -> None:
    """Make two model requests as a loop does, to a server of our own that answers them at once.

    In the parent it fills caches; in a child it also makes the memory that a request touches the child's own.
    """
    # What can't be practised, where there is no loopback, costs the first request a moment.
    with contextlib.suppress(OSError):
        asyncio.run(_practise(context))


async def _practise(context: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = []
    server = await loop.create_server(lambda: _Answering(ends), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = build(Wire("openai-chat", f"http://127.0.0.1:{port}/v1", "warm"), context)
    made.gate.open("")
    offered = parameters((tool.name, tool.says, tool.schema) for tool in TOOLS.values())
    messages = Messages()
    messages.ask("warm up")
    for _ in range(2):
        async for step in steps(made, messages.all, "instructions", offered):
            if not isinstance(step, str):
                messages.answered(step)
                messages.results([(call, "done") for call in Parts(step).calls])
    Messages.of(Kept(json.loads(messages.dump())))
    await made.client.aclose()
    await asyncio.gather(*ends)
    server.close()
    await server.wait_closed()


class _Answering(asyncio.Protocol):
    """A model server that says the same to every request; `ends` gets the end of each of its connections."""

    def __init__(self, ends: list[asyncio.Future[None]]) -> None:
        self._ended = asyncio.get_running_loop().create_future()
        self._got = b""
        ends.append(self._ended)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, ended, body = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if ended and length is not None and len(body) >= int(length[1]):
            self._got = b""
            self._transport.write(_ANSWER)

    def connection_lost(self, _error: Exception | None) -> None:
        self._ended.set_result(None)


def _spoken() -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [{**chunk, "choices": [{"index": 0, **each}]} for each in _PIECES]
    text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(text)}\r\n\r\n"
    return f"{head}{text}".encode()


_ANSWER = _spoken()
