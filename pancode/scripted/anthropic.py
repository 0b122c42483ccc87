"""The Anthropic Messages API, as Claude Code and others speak it."""

from __future__ import annotations

import secrets
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
    own_words,
    parts_text,
    sequence,
    tool_from,
    word,
)
from pancode.scripted.script import Failure, Usage
from pancode.scripted.toolbox import Fallback, ToolCall
from pancode.scripted.wire import Speech, Wire, event, halves, message_of, text_pieces

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _read(body: Json) -> Ask:
    return ask_from(
        _entries(body),
        model=word(body.get("model")),
        stream=body.get("stream") is True,
        system=parts_text(body.get("system")),
        tools=tuple(_tool(mapping(tool)) for tool in sequence(body.get("tools"))),
    )


def _entries(body: Json) -> Iterator[Entry]:
    for message in map(mapping, sequence(body.get("messages"))):
        content = message.get("content")
        kinds = [mapping(part).get("type") for part in sequence(content)]
        if message.get("role") == "assistant":
            if "tool_use" in kinds:
                yield Called()
        elif message.get("role") == "user":
            yield Returned() if "tool_result" in kinds else Prompted(_prompt(content))


def _prompt(content: object) -> str:
    """Leave out the parts that are only a CLI's notes, for they differ from one request to the next."""
    parts = [content] if isinstance(content, str) else [parts_text([part]) for part in sequence(content)]
    return "\n".join(part for part in parts if own_words(part))


def _tool(tool: Json) -> Tool:
    return tool_from(tool.get("name"), "function", tool.get("input_schema"))


def _usage(usage: Usage, output: int) -> Json:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": output,
    }


def _envelope(speech: Speech) -> Json:
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": speech.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(speech.usage, 1),
    }


def _stop_reason(speech: Speech) -> str:
    return "tool_use" if speech.calls else "end_turn"


def _tool_use(call: ToolCall, arguments: object) -> Json:
    return {
        "type": "tool_use",
        "id": call.call_id.replace("call", "toolu"),
        "name": call.name,
        "input": arguments,
    }


def _document(speech: Speech) -> Json:
    content: list[Json] = [{"type": "text", "text": speech.text}] if speech.text or not speech.calls else []
    content += [_tool_use(call, call.arguments) for call in speech.calls]
    return {
        **_envelope(speech),
        "content": content,
        "stop_reason": _stop_reason(speech),
        "usage": _usage(speech.usage, speech.usage.output),
    }


def _block(index: int, block: Json, deltas: list[Json]) -> Iterator[bytes]:
    yield _event({"type": "content_block_start", "index": index, "content_block": block})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _event(data: Json) -> bytes:
    return event(data, word(data["type"]))


def _frames(speech: Speech) -> Iterator[bytes]:
    yield _event({"type": "message_start", "message": _envelope(speech)})
    index = 0
    if speech.text or not speech.calls:
        deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in text_pieces(speech.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for call in speech.calls:
        pieces: list[Json] = [
            {"type": "input_json_delta", "partial_json": half} for half in halves(call.encoded())
        ]
        yield from _block(index, _tool_use(call, {}), pieces)
        index += 1
    usage = _usage(speech.usage, speech.usage.output)
    delta: Json = {"stop_reason": _stop_reason(speech), "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": delta, "usage": usage})
    yield _event({"type": "message_stop"})


def _failure(failure: Failure) -> Json:
    kind = _ERRORS.get(failure.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message_of(failure)}}


WIRE = Wire("anthropic", Fallback("Bash", "Write"), _read, _document, _frames, _failure)
