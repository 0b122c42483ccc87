"""Putting a script's actions into the words of the client's own tools."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from pancode.scripted.conversation import Json, Tool, mapping
from pancode.scripted.script import Action, Call, Shell, Write

SHELL_TOOLS = ("bash", "exec_command", "run_shell_command", "shell_command", "shell", "local_shell")
WRITE_TOOLS = ("write", "write_file", "create", "create_file", "apply_patch")
"""Names in the order of preference, compared without regard to case."""
_COMMAND = ("command", "cmd", "script")
_PATH = ("file_path", "filepath", "path", "filename", "file", "fileName")
_CONTENT = ("content", "file_text", "contents", "text")
_PATCH = ("input", "patch", "patchText", "command")
LONGEST_YIELD_MS = 30_000
"""Codex hands back a command that still runs after this; its largest value keeps one command one call."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The names an API's best-known client uses, for calling a tool that was not offered."""

    shell: str
    write: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the wire needs it: `arguments` is an object, or a text for a custom tool."""

    call_id: str
    name: str
    kind: str
    arguments: Json | str

    def encoded(self) -> str:
        """Give the arguments as the text that goes over the wire."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, ensure_ascii=False)


def calls_for(actions: Sequence[Action], tools: Sequence[Tool], fallback: Fallback) -> tuple[ToolCall, ...]:
    """Choose a tool and its arguments for each action."""
    return tuple(_call(action, tools, fallback) for action in actions)


def _call(action: Action, tools: Sequence[Tool], fallback: Fallback) -> ToolCall:
    shell = _find(tools, SHELL_TOOLS)
    match action:
        case Shell(command):
            return _shell_call(shell or _unoffered(fallback.shell, "command"), command)
        case Write(path, content):
            tool = _find(tools, WRITE_TOOLS)
            if tool is None and shell is not None:
                return _shell_call(shell, write_command(path, content))
            return _write_call(tool or _unoffered(fallback.write, "file_path", "content"), action)
        case Call(name, given):
            arguments = given if isinstance(given, str) else dict(given)
            return _made(Tool(name, "function", {}, ()), arguments)
        case _:
            assert_never(action)


def _find(tools: Sequence[Tool], names: Sequence[str]) -> Tool | None:
    offered = {tool.name.lower(): tool for tool in reversed(tools)}
    return next((offered[name] for name in names if name in offered), None)


def _unoffered(name: str, *required: str) -> Tool:
    return Tool(name, "function", {key: {"type": "string"} for key in required}, required)


def _shell_call(tool: Tool, command: str) -> ToolCall:
    if tool.kind != "function":
        return _made(tool, {"type": "exec", "command": ["bash", "-lc", command], "env": {}})
    key = _key(tool, _COMMAND)
    as_list = mapping(tool.properties.get(key)).get("type") == "array"
    arguments: Json = {key: ["bash", "-lc", command] if as_list else command}
    if "yield_time_ms" in tool.properties:
        arguments["yield_time_ms"] = LONGEST_YIELD_MS
    return _made(tool, _filled(tool, arguments, f"Run {command.splitlines()[0][:60]}"))


def _write_call(tool: Tool, write: Write) -> ToolCall:
    patch = patch_text(write.path, write.content)
    if tool.kind == "custom":
        return _made(tool, patch)
    if tool.name.lower() == "apply_patch":
        return _made(tool, _filled(tool, {_key(tool, _PATCH): patch}, "Write a file"))
    arguments: Json = {_key(tool, _PATH): write.path, _key(tool, _CONTENT): write.content}
    return _made(tool, _filled(tool, arguments, f"Write {write.path}"))


def _made(tool: Tool, arguments: Json | str) -> ToolCall:
    return ToolCall(f"call_{secrets.token_hex(12)}", tool.name, tool.kind, arguments)


def _key(tool: Tool, names: Sequence[str]) -> str:
    known = {name.lower(): name for name in tool.properties}
    return next((known[name.lower()] for name in names if name.lower() in known), names[0])


def _filled(tool: Tool, arguments: Json, description: str) -> Json:
    """Add what the schema requires beside the arguments given."""
    for name in tool.required:
        if name not in arguments:
            arguments[name] = _plain_value(mapping(tool.properties.get(name)), description)
    return arguments


def _plain_value(schema: Json, description: str) -> object:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    match schema.get("type"):
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "array":
            return []
        case "object":
            return {}
        case _:
            return description


def patch_text(path: str, content: str) -> str:
    r"""Give the patch that makes the file; a patch's lines always end with a newline.

    >>> patch_text("a.txt", "one\ntwo\n").splitlines()
    ['*** Begin Patch', '*** Add File: a.txt', '+one', '+two', '*** End Patch']
    """
    lines = content.removesuffix("\n").split("\n")
    return "\n".join(
        ["*** Begin Patch", f"*** Add File: {path}", *(f"+{line}" for line in lines), "*** End Patch\n"]
    )


def write_command(path: str, content: str) -> str:
    r"""Give the shell command that makes the file, its directory included.

    >>> write_command("a b/c.txt", "it's\n")
    'mkdir -p \'a b\' && printf %s \'it\'"\'"\'s\n\' > \'a b/c.txt\''
    """
    directory = path.rpartition("/")[0]
    make = f"mkdir -p {shlex.quote(directory)} && " if directory else ""
    return f"{make}printf %s {shlex.quote(content)} > {shlex.quote(path)}"
