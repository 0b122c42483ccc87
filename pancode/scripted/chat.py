"""The OpenAI Chat Completions API, as OpenCode, Copilot CLI and many gateways speak it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from pancode.scripted.conversation import (
    Ask,
    Called,
    Entry,
    Json,
    Prompted,
    Returned,
    Tool,
    ask_from,
    mapping,
    parts_text,
    sequence,
    tool_from,
    word,
)
from pancode.scripted.script import Failure, Usage
from pancode.scripted.toolbox import Fallback, ToolCall
from pancode.scripted.wire import Speech, Wire, event, halves, message_of, text_pieces

_ERRORS = {
    400: ("invalid_request_error", "invalid_request"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "forbidden"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    529: ("server_error", "overloaded"),
}


def _read(body: Json) -> Ask:
    messages = [mapping(message) for message in sequence(body.get("messages"))]
    system = [parts_text(m.get("content")) for m in messages if m.get("role") in {"system", "developer"}]
    return ask_from(
        _entries(messages),
        model=word(body.get("model")),
        stream=body.get("stream") is True,
        system="\n".join(system),
        tools=tuple(_tool(mapping(tool)) for tool in sequence(body.get("tools"))),
    )


def _entries(messages: list[Json]) -> Iterator[Entry]:
    for message in messages:
        role = message.get("role")
        if role == "user":
            yield Prompted(parts_text(message.get("content")))
        elif role == "assistant" and message.get("tool_calls"):
            yield Called()
        elif role in {"tool", "function"}:
            yield Returned()


def _tool(tool: Json) -> Tool:
    kind = "custom" if tool.get("type") == "custom" else "function"
    inner = mapping(tool.get(kind))
    return tool_from(inner.get("name"), kind, inner.get("parameters"))


def _usage(usage: Usage) -> Json:
    prompt = usage.input + usage.cache_read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _call(call: ToolCall, arguments: str) -> Json:
    if call.kind == "custom":
        return {"id": call.call_id, "type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _envelope(speech: Speech, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": speech.model,
    }


def _finish_reason(speech: Speech) -> str:
    return "tool_calls" if speech.calls else "stop"


def _document(speech: Speech) -> Json:
    message: Json = {"role": "assistant", "content": speech.text or None}
    if speech.calls:
        message["tool_calls"] = [_call(call, call.encoded()) for call in speech.calls]
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(speech)}
    return {**_envelope(speech, "chat.completion"), "choices": [choice], "usage": _usage(speech.usage)}


def _frames(speech: Speech) -> Iterator[bytes]:
    envelope = _envelope(speech, "chat.completion.chunk")

    def chunk(delta: Json, reason: str | None = None) -> bytes:
        return event({**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in text_pieces(speech.text):
        yield chunk({"content": piece})
    for index, call in enumerate(speech.calls):
        yield chunk({"tool_calls": [{"index": index, **_call(call, "")}]})
        for half in halves(call.encoded()):
            more: Json = {"input": half} if call.kind == "custom" else {"arguments": half}
            yield chunk({"tool_calls": [{"index": index, call.kind: more}]})
    yield chunk({}, _finish_reason(speech))
    yield event({**envelope, "choices": [], "usage": _usage(speech.usage)})
    yield b"data: [DONE]\n\n"


def failure(failure: Failure) -> Json:
    """Give the body of an error, which is the same in both of OpenAI's APIs."""
    kind, code = _ERRORS.get(failure.status, ("server_error", "server_error"))
    return {"error": {"message": message_of(failure), "type": kind, "param": None, "code": code}}


WIRE = Wire("chat", Fallback("bash", "write"), _read, _document, _frames, failure)
