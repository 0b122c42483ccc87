"""The OpenAI Responses API, as Codex speaks it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pancode.scripted import chat
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
from pancode.scripted.script import Usage
from pancode.scripted.toolbox import Fallback, ToolCall
from pancode.scripted.wire import Speech, Wire, event, halves, text_pieces


def _read(body: Json) -> Ask:
    raw = body.get("input")
    items = [mapping(item) for item in sequence(raw)]
    if isinstance(raw, str):
        items = [{"role": "user", "content": raw}]
    system = [parts_text(i.get("content")) for i in items if i.get("role") in {"system", "developer"}]
    return ask_from(
        _entries(items),
        model=word(body.get("model")),
        stream=body.get("stream") is True,
        system="\n".join(filter(None, (word(body.get("instructions")), *system))),
        tools=tuple(_tool(mapping(tool)) for tool in sequence(body.get("tools"))),
    )


def _entries(items: list[Json]) -> Iterator[Entry]:
    for item in items:
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") == "user":
            yield Prompted(parts_text(item.get("content")))
        elif isinstance(kind, str) and kind.endswith("_call"):
            yield Called()
        elif isinstance(kind, str) and kind.endswith("_call_output"):
            yield Returned()


def _tool(tool: Json) -> Tool:
    kind = word(tool.get("type"))
    name = tool.get("name") or kind
    return tool_from(name, kind, tool.get("parameters"))


def _usage(usage: Usage) -> Json:
    prompt = usage.input + usage.cache_read
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": prompt + usage.output,
    }


@dataclass(frozen=True, slots=True)
class _Item:
    """One output item, empty and whole, with the names of the events that fill it."""

    whole: Json
    field: str
    event: str
    pieces: tuple[str, ...]


def _items(speech: Speech) -> Iterator[_Item]:
    if speech.text or not speech.calls:
        part: Json = {"type": "output_text", "text": speech.text, "annotations": [], "logprobs": []}
        message: Json = {"type": "message", "role": "assistant", "content": [part]}
        yield _Item(_identified("msg", message), "text", "output_text", tuple(text_pieces(speech.text)))
    for call in speech.calls:
        yield _call_item(call)


def _identified(prefix: str, item: Json) -> Json:
    return {"id": f"{prefix}_{secrets.token_hex(12)}", "status": "completed", **item}


def _call_item(call: ToolCall) -> _Item:
    common: Json = {"call_id": call.call_id}
    match call.kind:
        case "custom":
            whole: Json = {"type": "custom_tool_call", **common, "name": call.name, "input": call.encoded()}
            return _Item(_identified("ctc", whole), "input", "custom_tool_call_input", halves(call.encoded()))
        case "local_shell":
            whole = {"type": "local_shell_call", **common, "action": call.arguments}
            return _Item(_identified("lsh", whole), "", "", ())
        case _:
            whole = {"type": "function_call", **common, "name": call.name, "arguments": call.encoded()}
            name = "function_call_arguments"
            return _Item(_identified("fc", whole), "arguments", name, halves(call.encoded()))


def _envelope(speech: Speech) -> Json:
    return {
        "id": f"resp_{secrets.token_hex(12)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": speech.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _whole(envelope: Json, items: list[_Item], usage: Usage) -> Json:
    output = [item.whole for item in items]
    return {**envelope, "status": "completed", "output": output, "usage": _usage(usage)}


def _document(speech: Speech) -> Json:
    return _whole(_envelope(speech), list(_items(speech)), speech.usage)


def _item_events(index: int, item: _Item) -> Iterator[Json]:
    where: Json = {"output_index": index, "item_id": item.whole["id"]}
    is_text = item.field == "text"
    empty: Json = {"content": []} if is_text else {item.field: ""} if item.field else {}
    added = {**item.whole, "status": "in_progress", **empty}
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    part: Json = {}
    if is_text:
        where = {**where, "content_index": 0}
        part = mapping(sequence(item.whole["content"])[0])
        yield {"type": "response.content_part.added", **where, "part": {**part, "text": ""}}
    for piece in item.pieces:
        yield {"type": f"response.{item.event}.delta", **where, "delta": piece}
    if item.field:
        yield {"type": f"response.{item.event}.done", **where, item.field: "".join(item.pieces)}
    if is_text:
        yield {"type": "response.content_part.done", **where, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item.whole}


def _events(speech: Speech) -> Iterator[Json]:
    envelope = _envelope(speech)
    items = list(_items(speech))
    yield {"type": "response.created", "response": envelope}
    yield {"type": "response.in_progress", "response": envelope}
    for index, item in enumerate(items):
        yield from _item_events(index, item)
    yield {"type": "response.completed", "response": _whole(envelope, items, speech.usage)}


def _frames(speech: Speech) -> Iterator[bytes]:
    for number, data in enumerate(_events(speech)):
        yield event({**data, "sequence_number": number}, word(data["type"]))


WIRE = Wire("responses", Fallback("shell", "apply_patch"), _read, _document, _frames, chat.failure)
