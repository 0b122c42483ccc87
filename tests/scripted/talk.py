"""A plain HTTP client for the four APIs, and the tools that real clients offer."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from pancode.scripted.server import HOST

STRING = {"type": "string"}
OBJECT = {"type": "object"}
BASH = {
    **OBJECT,
    "properties": {"command": STRING, "description": STRING},
    "required": ["command", "description"],
}
WRITE = {
    **OBJECT,
    "properties": {"file_path": STRING, "content": STRING},
    "required": ["file_path", "content"],
}
CREATE = {**OBJECT, "properties": {"path": STRING, "file_text": STRING}, "required": ["path", "file_text"]}
EXEC = {**OBJECT, "properties": {"cmd": STRING, "yield_time_ms": {"type": "number"}}, "required": ["cmd"]}

ANTHROPIC_TOOLS = [{"name": "Bash", "input_schema": BASH}, {"name": "Write", "input_schema": WRITE}]
CHAT_TOOLS = [
    {"type": "function", "function": {"name": "bash", "parameters": BASH}},
    {"type": "function", "function": {"name": "create", "parameters": CREATE}},
]
RESPONSES_TOOLS = [
    {"type": "function", "name": "exec_command", "parameters": EXEC},
    {"type": "custom", "name": "apply_patch"},
]
GEMINI_TOOLS = [
    {
        "functionDeclarations": [
            {"name": "run_shell_command", "parametersJsonSchema": BASH},
            {"name": "write_file", "parametersJsonSchema": WRITE},
        ]
    }
]


@dataclass(frozen=True, slots=True)
class Heard:
    """A response; `events` are the data of server-sent events, without `[DONE]`."""

    status: int
    headers: dict[str, str]
    body: bytes
    broke_off: bool

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        lines = self.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(item) for item in data if item != "[DONE]"]


def send(
    port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> Heard:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers or {})
        answer = connection.getresponse()
        try:
            data, broke_off = answer.read(), False
        except http.client.IncompleteRead as error:
            data, broke_off = error.partial, True
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Heard(answer.status, found, data, broke_off)
    finally:
        connection.close()


def post(port: int, path: str, body: object) -> Heard:
    return send(port, "POST", path, body)


def anthropic(prompt: str, *, stream: bool = False, history: list[Any] | None = None) -> dict[str, Any]:
    reminder = {"type": "text", "text": "<system-reminder>\nnoon\n</system-reminder>"}
    content = [reminder, {"type": "text", "text": prompt}]
    messages = [{"role": "user", "content": content}, *(history or [])]
    return {"model": "m", "messages": messages, "tools": ANTHROPIC_TOOLS, "stream": stream, "max_tokens": 10}


def chat(prompt: str, *, stream: bool = False, history: list[Any] | None = None) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "You code."},
        {"role": "user", "content": prompt},
        *(history or []),
    ]
    return {"model": "m", "messages": messages, "tools": CHAT_TOOLS, "stream": stream}


def responses(prompt: str, *, stream: bool = False, history: list[Any] | None = None) -> dict[str, Any]:
    context = "<environment_context>\n<cwd>/w</cwd>\n</environment_context>"
    items = [
        {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}
        for role, text in (("developer", "You code."), ("user", context), ("user", prompt))
    ]
    return {"model": "m", "input": [*items, *(history or [])], "tools": RESPONSES_TOOLS, "stream": stream}


def gemini(prompt: str, *, history: list[Any] | None = None) -> dict[str, Any]:
    context = {"text": "<session_context>\nnoon\n</session_context>"}
    first = {"role": "user", "parts": [context, {"text": prompt}]}
    return {"contents": [first, *(history or [])], "tools": GEMINI_TOOLS}
