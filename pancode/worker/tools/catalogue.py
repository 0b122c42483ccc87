"""The local tools of native agents: their names, what a model is told of each, and what it may pass."""

from __future__ import annotations

from pancode.worker.tools.limits import (
    LINES_READ,
    MOST_ENTRIES,
    MOST_FOUND,
    MOST_MATCHES,
    SHELL_MOST_S,
    SHELL_S,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.profile import Action

BOOT = __file__.rpartition("/")[0] + "/boot.py"


class Tool:
    """One tool. `says` is for the model, `schema` the JSON schema of its arguments.

    `action` is its name among the eight that every agent's tools are mapped to. `changes`: it is hidden
    from a worker that may not write. `runs`: it executes code.
    """

    __slots__ = ("action", "changes", "name", "runs", "says", "schema")

    def __init__(self, name: str, says: str, properties: dict[str, Any], *required: str) -> None:
        """Make the schema of the properties."""
        self.name = name
        self.says = says
        self.action = "shell" if name == "bash" else name
        self.changes = name in ("write", "edit")
        self.runs = name == "bash"
        self.schema: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        }


def _text(says: str) -> dict[str, Any]:
    return {"type": "string", "description": says}


def _number(says: str, least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "description": says, "minimum": least, "maximum": most}


def _yes(says: str) -> dict[str, Any]:
    return {"type": "boolean", "description": says}


_OLD = _text("The text to replace, exactly as it is in the file; it must be there once, or all must be true.")
_NEW = _text("The text that takes its place.")
_ALL = _yes("Replace every occurrence.")
_IGNORED = _yes("Also look at what .gitignore leaves out. Default: false.")
_ANY_LINE = 10**9

_LIST = (
    Tool(
        "read",
        "Read a text file. The answer says when there is more, and how to read on.",
        {
            "path": _text("The file, absolute or relative to the work directory."),
            "offset": _number("The first line, counted from 1.", 1, _ANY_LINE),
            "limit": _number(f"How many lines. Default: {LINES_READ}.", 1, _ANY_LINE),
            "numbers": _yes("Put line numbers before the lines. Default: false."),
        },
        "path",
    ),
    Tool(
        "grep",
        "Search files for a regular expression, line by line. Leaves out .git, binary files and what "
        ".gitignore names.",
        {
            "pattern": _text("A regular expression as in Python."),
            "path": _text("A file or directory. Default: the work directory."),
            "glob": _text('Only files that fit this pattern, such as "*.py" or "src/**/*.ts".'),
            "ignore_case": _yes("Don't tell capitals from small letters."),
            "literal": _yes("The pattern is plain text."),
            "context": _number("Lines to show before and after each match.", 0, 20),
            "files_only": _yes("Give only the names of the files that match."),
            "limit": _number(f"How many matches at the most. Default: {MOST_MATCHES}.", 1, 1000),
            "ignored": _IGNORED,
        },
        "pattern",
    ),
    Tool(
        "find",
        "Find files and directories by a glob pattern. Leaves out .git and what .gitignore names.",
        {
            "pattern": _text('Such as "*.py" (at any depth) or "src/**/test_*.py".'),
            "path": _text("The directory to look in. Default: the work directory."),
            "limit": _number(f"How many at the most. Default: {MOST_FOUND}.", 1, 5000),
            "ignored": _IGNORED,
        },
        "pattern",
    ),
    Tool(
        "ls",
        "List a directory: names in order, directories with a slash behind, sizes of files.",
        {
            "path": _text("The directory. Default: the work directory."),
            "limit": _number(f"How many entries at the most. Default: {MOST_ENTRIES}.", 1, 5000),
        },
    ),
    Tool(
        "write",
        "Create a file, or replace all of its content; directories above it are made. To change a part of "
        "a file use edit.",
        {"path": _text("The file."), "content": _text("All that the file is to hold.")},
        "path",
        "content",
    ),
    Tool(
        "edit",
        "Replace text in a file. Give old and new, or several replacements in edits: they are made in order, "
        "all or none. Line endings and encoding of the file are kept.",
        {
            "path": _text("The file."),
            "old": _OLD,
            "new": _NEW,
            "all": _ALL,
            "edits": {
                "type": "array",
                "description": "Several replacements, instead of old and new.",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "properties": {"old": _OLD, "new": _NEW, "all": _ALL},
                    "required": ["old", "new"],
                    "additionalProperties": False,
                },
            },
        },
        "path",
    ),
    Tool(
        "bash",
        "Run a shell command. It starts in the work directory each time, has no input and no terminal; what "
        "it leaves running in the background is ended with it. Of long output the middle is left out; the "
        "answer names the file that holds all of it.",
        {
            "command": _text("The command."),
            "timeout": _number(
                f"Seconds after which it is ended. Default: {SHELL_S:g}.", 1, int(SHELL_MOST_S)
            ),
        },
        "command",
    ),
)
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _LIST}


def command(python: str) -> list[str]:
    """Give the words that start a tool server with this interpreter; its standard input is its line."""
    return [python, "-I", "-S", "-X", "utf8", BOOT]


def action(name: str, args: Mapping[str, Any], cwd: str) -> Action:
    """Give what a call is about to do, as the gate is asked; `args` as `arguments.checked` gave them.

    >>> action("bash", {"command": "make"}, "/src/shop")
    {'tool': 'shell', 'cwd': '/src/shop', 'command': 'make'}
    >>> action("grep", {"pattern": "x"}, "/src/shop")
    {'tool': 'grep', 'cwd': '/src/shop', 'paths': ['/src/shop']}
    """
    found: Action = {"tool": TOOLS[name].action, "cwd": cwd}
    if name == "bash":
        found["command"] = args["command"]
    else:
        found["paths"] = [args.get("path", cwd)]
    return found
