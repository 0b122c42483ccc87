"""The Gemini API's generateContent and streamGenerateContent, as Gemini CLI speaks them."""

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
from pancode.scripted.toolbox import Fallback
from pancode.scripted.wire import Speech, Wire, compact, event, message_of, text_pieces

_ERRORS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


def _read(body: Json) -> Ask:
    """Read a request; its model and whether it streams are in the address, which the server adds."""
    system = mapping(body.get("systemInstruction") or body.get("system_instruction"))
    return ask_from(
        _entries(body),
        model=word(body.get("model")),
        stream=body.get("stream") is True,
        system=parts_text(system.get("parts")),
        tools=tuple(_tools(body)),
    )


def _entries(body: Json) -> Iterator[Entry]:
    for content in map(mapping, sequence(body.get("contents"))):
        parts = [mapping(part) for part in sequence(content.get("parts"))]
        if content.get("role") == "model":
            if any("functionCall" in part for part in parts):
                yield Called()
        elif any("functionResponse" in part for part in parts):
            yield Returned()
        else:
            yield Prompted(
                "\n".join(text for text in (word(part.get("text")) for part in parts) if own_words(text))
            )


def _tools(body: Json) -> Iterator[Tool]:
    for group in map(mapping, sequence(body.get("tools"))):
        declared = group.get("functionDeclarations") or group.get("function_declarations")
        for tool in map(mapping, sequence(declared)):
            schema = tool.get("parametersJsonSchema") or tool.get("parameters")
            yield tool_from(tool.get("name"), "function", _lower_types(schema))


def _lower_types(schema: object) -> Json:
    """Read the API's own spelling of types (STRING) as JSON schema's (string)."""
    shape = mapping(schema)
    properties = {
        name: {**mapping(inner), "type": word(mapping(inner).get("type")).lower()}
        for name, inner in mapping(shape.get("properties")).items()
    }
    return {**shape, "properties": properties}


def _usage(usage: Usage) -> Json:
    prompt = usage.input + usage.cache_read
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": prompt + usage.output + usage.reasoning,
    }


def _chunk(speech: Speech, response: str, parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
    chunk: Json = {"candidates": [candidate], "modelVersion": speech.model, "responseId": response}
    if last:
        candidate["finishReason"] = "STOP"
        chunk["usageMetadata"] = _usage(speech.usage)
    return chunk


def _call_parts(speech: Speech) -> list[Json]:
    return [{"functionCall": {"name": call.name, "args": call.arguments}} for call in speech.calls]


def _document(speech: Speech) -> Json:
    text: list[Json] = [{"text": speech.text}] if speech.text or not speech.calls else []
    return _chunk(speech, secrets.token_hex(12), text + _call_parts(speech), last=True)


def _chunks(speech: Speech) -> Iterator[Json]:
    response = secrets.token_hex(12)
    for piece in text_pieces(speech.text):
        yield _chunk(speech, response, [{"text": piece}], last=False)
    if speech.calls:
        yield _chunk(speech, response, _call_parts(speech), last=False)
    yield _chunk(speech, response, [{"text": ""}], last=True)


def _frames(speech: Speech) -> Iterator[bytes]:
    for chunk in _chunks(speech):
        yield event(chunk)


def array_frames(speech: Speech) -> Iterator[bytes]:
    """Give the answer as one JSON list in pieces, which is how the API streams without `alt=sse`."""
    lead = "["
    for chunk in _chunks(speech):
        yield f"{lead}{compact(chunk)}".encode()
        lead = ",\r\n"
    yield b"]"


def _failure(failure: Failure) -> Json:
    status = _ERRORS.get(failure.status, "UNKNOWN")
    error: Json = {"code": failure.status, "message": message_of(failure), "status": status}
    if failure.retry_after is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": kind, "retryDelay": f"{failure.retry_after:g}s"}]
    return {"error": error}


WIRE = Wire("gemini", Fallback("run_shell_command", "write_file"), _read, _document, _frames, _failure)
