"""What a tool call of the protocol is in PanCode's words: name, arguments, the action to be asked about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.bridges.wire import arguments, cut

if TYPE_CHECKING:
    from pancode.worker.profile import Action

KINDS = {"execute": "shell", "edit": "edit", "read": "read", "search": "grep", "fetch": "web"}
SWITCH = "switch_mode"
"""The kind of a call that would change how much the agent asks: the grant decides that."""
_PATHS = ("path", "file_path", "filePath", "filepath", "fileName", "file", "abs_path", "dir_path")
_LONGEST_NAME = 40


@dataclass(slots=True)
class Call:
    """One tool call, as far as the agent has told of it."""

    id: str
    kind: str = ""
    title: str = ""
    raw: Any = None  # `rawInput`
    paths: tuple[str, ...] = ()
    new: bool = False  # it makes a file
    out: str = ""
    exit: int | None = None
    started: bool = False
    done: bool = False
    refused: str | None = None  # why PanCode said no

    def take(self, told: Mapping[str, Any]) -> None:
        """Take over what an update or a question says of the call; what it leaves out stays."""
        self.kind = _text(told.get("kind")) or self.kind
        self.title = _text(told.get("title")) or self.title
        if _says_something(told.get("rawInput")) or self.raw is None:
            self.raw = told.get("rawInput", self.raw)
        blocks = [each for each in _items(told.get("content")) if isinstance(each, dict)]
        diffs = [each for each in blocks if each.get("type") == "diff"]
        places = [each for each in _items(told.get("locations")) if isinstance(each, dict)]
        found = dict.fromkeys(_text(each.get("path")) for each in (*places, *diffs))
        self.paths = tuple(path for path in found if path) or self.paths
        self.new = self.new or (bool(diffs) and not any(each.get("oldText") for each in diffs))
        self.out = _output(told.get("rawOutput"), blocks) or self.out
        self.exit = _exit(told.get("rawOutput")) if self.exit is None else self.exit

    @property
    def name(self) -> str:
        """The tool's name: one of the eight, or the agent's own."""
        if self.kind in KINDS:
            return "write" if self.kind == "edit" and self.new else KINDS[self.kind]
        if self.command:
            return "shell"
        if self.kind in ("delete", "move", SWITCH):
            return self.kind
        words = (self.title or self.kind or "tool").split()
        return words[0][:_LONGEST_NAME]

    @property
    def command(self) -> str:
        """The shell command; "" if it is none that can be told."""
        given = _field(self.raw, ("command", "cmd"))
        if isinstance(given, list) and all(isinstance(word, str) for word in given):
            return shlex.join(given)
        if isinstance(given, str) and given:
            return given
        return self.title if self.kind == "execute" else ""

    def action(self, cwd: str) -> Action:
        """Give what is to be asked: an edit is asked about by its paths, a command by its words."""
        name, where = self.name, _text(_field(self.raw, ("cwd", "workdir", "directory"))) or cwd
        where = where if where.startswith("/") else cwd
        if name == "shell":
            return {"tool": name, "command": self.command, "cwd": where}
        if name == "web":
            url = _text(_field(self.raw, ("url", "uri")))
            words = (word for word in self.title.split() if "://" in word)
            return {"tool": name, "url": url or next(words, ""), "cwd": cwd}
        paths = list(self.paths or _named(self.raw))
        return {"tool": name, "paths": paths, "cwd": cwd} if paths else {"tool": name, "cwd": cwd}

    def arguments(self) -> dict[str, Any]:
        """Give the arguments for a record."""
        if isinstance(self.raw, dict) and self.raw:
            return arguments(self.raw)
        if self.name == "shell":
            return {"command": cut(self.command)}
        return {"paths": ", ".join(self.paths)} if self.paths else {"title": cut(self.title, 200)}


def _says_something(raw: object) -> bool:
    """Whether it is more than a place, which some agents tell before the rest.

    >>> _says_something({"cwd": "/src"}), _says_something({"command": "ls"}), _says_something(None)
    (False, True, False)
    """
    return bool(raw) and not (isinstance(raw, dict) and set(raw) <= {"cwd"})


def _named(raw: object) -> list[str]:
    found = [raw.get(key) for key in _PATHS] if isinstance(raw, dict) else []
    return [path for path in found if isinstance(path, str) and path]


def _output(raw: object, blocks: list[dict[str, Any]]) -> str:
    said = [_field(each.get("content"), ("text",)) for each in blocks if each.get("type") == "content"]
    text = "".join(each for each in said if isinstance(each, str))
    if text or raw is None:
        return cut(text)
    if isinstance(raw, str):
        return cut(raw)
    given = _field(raw, ("output", "content", "stdout", "error", "message"))
    return cut(given) if isinstance(given, str) else ""


def _exit(raw: object) -> int | None:
    for place in (raw, _field(raw, ("metadata",)), *_items(_field(raw, ("contents",)))):
        code = _field(place, ("exit", "exitCode", "exit_code"))
        if isinstance(code, int) and not isinstance(code, bool):
            return code
    return None


def _field(value: object, names: tuple[str, ...]) -> object:
    return next((value[name] for name in names if name in value), None) if isinstance(value, dict) else None


def _items(value: object) -> Iterator[object]:
    yield from value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
