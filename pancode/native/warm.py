"""What every loop needs, made once in the parent: imports, caches, one TLS context."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl

import httpx2

from pancode.native import child  # noqa: F401 -- the children's own code, loaded before they are forked
from pancode.native.messages import Messages, Parts, parameters
from pancode.native.model import Wire, build, steps

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
    """Fill the caches by one model request that leaves this process for nowhere; give the TLS context."""
    context = ssl.create_default_context()
    asyncio.run(_practise(context))
    gc.collect()
    gc.freeze()
    return context


async def _practise(context: ssl.SSLContext) -> None:
    made = build(
        Wire("openai-chat", "http://127.0.0.1:1/v1", "warm", "none"), context, httpx2.MockTransport(_answer)
    )
    messages = Messages()
    messages.ask("warm up")
    for _ in range(2):
        response = None
        async for step in steps(made, messages.all, "instructions", parameters(())):
            response = step if not isinstance(step, str) else response
        if response is not None:
            messages.answered(response)
            messages.results([(call, "done") for call in Parts(response).calls])
    Messages.parse(messages.dump())


def _answer(_request: httpx2.Request) -> httpx2.Response:
    lines = [
        {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, **each}],
        }
        for each in _PIECES
    ]
    text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=text)
