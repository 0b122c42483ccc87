"""`pan` as a server of the Model Context Protocol: on standard input and output, a message a line."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

    Ask = Callable[[str, dict[str, object]], tuple[str, int]]

PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Versions that this is the same for, the newest first."""
NO_METHOD, NO_PARAMS, NO_JSON = -32601, -32602, -32700
_KEY: dict[str, object] = {"type": "string", "description": "1 to 64 letters, digits and . _ / @ -"}
_NAMESPACE: dict[str, object] = {
    "type": "string",
    "description": 'where the key belongs; "context" if left out',
}
_VALUE: dict[str, object] = {"type": "string", "description": "at most 8000 characters"}
_TTL: dict[str, object] = {
    "type": "number",
    "description": "seconds after which it is gone; left out: it stays",
}
_ID: dict[str, object] = {"type": "string", "description": "the beginning is enough"}
_STATUS: dict[str, object] = {"type": "string", "enum": ["todo", "doing", "blocked", "done"]}
_TEXT: dict[str, object] = {"type": "string"}
_PLACE: dict[str, dict[str, object]] = {"key": _KEY, "namespace": _NAMESPACE}

TOOLS: dict[str, tuple[str, str, dict[str, dict[str, object]], tuple[str, ...]]] = {
    "share_list": ("share_list", "List what agents of this session share.", {"namespace": _NAMESPACE}, ()),
    "share_get": ("share_get", "Read a shared value, with who said it.", _PLACE, ("key",)),
    "share_set": (
        "share_set",
        "Share a value with the other agents of this session; the last one wins.",
        {**_PLACE, "value": _VALUE, "ttl": _TTL},
        ("key", "value"),
    ),
    "share_append": (
        "share_append",
        "Add to a shared value what you know; what others said stays.",
        {**_PLACE, "value": _VALUE, "ttl": _TTL},
        ("key", "value"),
    ),
    "share_remove": ("share_remove", "Take back a value that you shared.", _PLACE, ("key",)),
    "share_history": ("share_history", "Who changed a shared value, and when.", _PLACE, ("key",)),
    "task_list": ("list", "List the tasks of this session.", {"status": _STATUS}, ()),
    "task_show": ("show", "Read a task with its history.", {"id": _ID}, ("id",)),
    "task_create": ("create", "Put a task on the board.", {"title": _TEXT, "description": _TEXT}, ("title",)),
    "task_update": (
        "update",
        "Change a task; what is left out stays.",
        {"id": _ID, "title": _TEXT, "description": _TEXT, "status": _STATUS},
        ("id",),
    ),
    "task_check": ("check", "Mark a task as done.", {"id": _ID}, ("id",)),
}
"""Name -> the verb asked for, what it does, its arguments, those that must be there."""


def serve(lines: TextIO, out: TextIO, ask: Ask) -> int:
    """Answer messages until there are no more; a line that is none gets an error and ends nothing."""
    for line in lines:
        if not line.strip():
            continue
        answer = answered(line, ask)
        if answer is not None:
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
            out.flush()
    return 0


def answered(line: str, ask: Ask) -> dict[str, Any] | None:
    """Give the answer to one message; None for a notice."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return _error(None, NO_JSON, "that is no message")
    number, method = message.get("id"), message.get("method")
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    if "id" not in message:
        return None
    if method == "initialize":
        wanted = params.get("protocolVersion")
        about = {"name": "pancode", "title": "PanCode", "version": "1"}
        version = wanted if wanted in PROTOCOLS else PROTOCOLS[0]
        return _result(
            number, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
        )
    if method == "ping":
        return _result(number, {})
    if method == "tools/list":
        return _result(number, {"tools": [_tool(name) for name in TOOLS]})
    if method == "tools/call":
        return _called(number, params, ask)
    return _error(number, NO_METHOD, f'there is no method "{method}"')


def _tool(name: str) -> dict[str, Any]:
    _, says, arguments, needed = TOOLS[name]
    schema = {
        "type": "object",
        "properties": arguments,
        "required": list(needed),
        "additionalProperties": False,
    }
    return {"name": name, "description": says, "inputSchema": schema}


def _called(number: object, params: dict[str, Any], ask: Ask) -> dict[str, Any]:
    name, args = params.get("name"), params.get("arguments") or {}
    if name not in TOOLS or not isinstance(args, dict):
        return _error(number, NO_PARAMS, f'there is no tool "{name}"')
    text, code = ask(TOOLS[name][0], args)
    return _result(number, {"content": [{"type": "text", "text": text.strip()}], "isError": code != 0})


def _result(number: object, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
