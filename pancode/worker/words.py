"""Tool calls and their results in a few words."""

from __future__ import annotations

from pancode.worker.lean_json import dumps
from pancode.worker.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What says most about a call, by the names that agents use.
_TELLING = (
    "command",
    "cmd",
    "pattern",
    "query",
    "path",
    "file_path",
    "filePath",
    "filename",
    "absolute_path",
    "url",
    "description",
    "prompt",
)
_WHERE = ("path", "glob", "include")


def call_words(args: object) -> str:
    """Say what a tool is called with: its command, its path, its pattern, else the arguments as JSON.

    >>> call_words({"command": "pytest -q", "timeout": 5}), call_words({"pattern": "a b", "path": "src"})
    ('pytest -q', '"a b" src')
    """
    if not isinstance(args, dict):
        return "" if args is None else one_line(str(args))
    for name in _TELLING:
        value = args.get(name)
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            value = " ".join(value)
        if isinstance(value, str) and value.strip():
            if name not in ("pattern", "query"):
                return one_line(value)
            where = [args[key] for key in _WHERE if isinstance(args.get(key), str)]
            return " ".join([f'"{one_line(value)}"', *where[:1]])
    for value in args.values():
        if isinstance(value, str) and value.strip():
            return one_line(value)
    return dumps(args) if args else ""


def action_words(action: Mapping[str, Any] | None) -> str:
    """Say what an agent is about to do.

    >>> action_words({"tool": "shell", "command": "ls"}), action_words({"tool": "edit", "paths": ["a", "b"]})
    ('ls', 'edit a b')
    """
    if action is None:
        return "an action that can't be read"
    if action.get("command"):
        return one_line(str(action["command"]))
    paths = action.get("paths")
    more = " ".join(map(str, paths)) if isinstance(paths, list) else ""
    return " ".join(word for word in (str(action["tool"]), more, str(action.get("url") or "")) if word)


def result_words(name: str, result: str, exit_code: int | None) -> str:
    r"""Say in a few words how a tool call that didn't fail came out.

    >>> result_words("shell", "....\n12 passed\n", 0), result_words("read", "a\nb\nc", None)
    ('12 passed', '3 lines')
    """
    lines = [line for line in result.splitlines() if line.strip()]
    if not lines:
        return "ok" if exit_code in (None, 0) else f"exit {exit_code}"
    if name == "shell" or len(lines) == 1:
        return one_line(lines[-1])
    return f"{len(result.splitlines())} lines"
