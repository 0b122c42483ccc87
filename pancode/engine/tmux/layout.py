"""Reads window layouts written in tmuxp's words, and names every mistake by file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import yaml

from pancode.core.errors import ExitCode, PanError
from pancode.engine.documents import Document, Mistake, names_in, suggestion
from pancode.engine.tmux.text import tmux_text

Part = Literal["console", "fleet"]
PARTS: tuple[str, ...] = get_args(Part)
ARRANGEMENTS = ("even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled")
SIZES = ("main-pane-width", "main-pane-height", "other-pane-width", "other-pane-height")
MOST_WORKERS = 6
"""Panes smaller than about 80x20 break the agents' screens, so one window shows no more."""

_CUSTOM = re.compile(r"[0-9a-f]{4},\d+x\d+,[\d,x\[\]{}]+")
_NAME = re.compile(r"[A-Za-z][\w-]{0,15}")


@dataclass(frozen=True, slots=True)
class PanePlan:
    """One pane: a part of PanCode, or shell commands after which a shell stays open."""

    part: Part | None = None
    commands: tuple[str, ...] = ()
    start_directory: str | None = None
    focus: bool = False


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """One window; `workers` is how many runs may have their pane in it (0: only in windows of their own)."""

    name: str
    panes: tuple[PanePlan, ...]
    arrangement: str = "even-horizontal"
    sizes: tuple[tuple[str, str], ...] = ()
    workers: int = 0
    focus: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What `pancode up` opens; the first window is always called "pan"."""

    name: str
    title: str
    windows: tuple[WindowPlan, ...]


def find_layout(name: str, own: str, shipped: str, project: str) -> Layout:
    """Load the layout `name`: the user's own, else the shipped one, else the repository's.

    A repository can't replace a layout or run commands by one. PanError: NOT_FOUND with the known
    names, or CONFIG with every mistake of the file.
    """
    theirs = names_in([project])
    known = {**theirs, **names_in([own, shipped])}
    if name not in known:
        near = suggestion(name, sorted(known)).removeprefix("rename it to ")
        hint = f"; did you mean {near}?" if near.startswith('"') else ""
        raise PanError(
            f'there is no layout "{name}"{hint}',
            remedy=f"known here: {', '.join(sorted(known))}; your own go to {own}",
            code=ExitCode.NOT_FOUND,
        )
    path = known[name]
    return load_layout(path, name, trusted=path != theirs.get(name))


def load_layout(path: str, name: str, *, trusted: bool = True) -> Layout:
    """Read and check one layout file; PanError (CONFIG) names every mistake with its line."""
    document = Document(path)
    root = document.root()
    windows: tuple[WindowPlan, ...] = ()
    title = "pancode"
    if root is None:
        if not document.mistakes:
            document.mistakes.append(_empty())
    else:
        entries = document.mapping(root, "a layout", ("session_name", "windows"))
        if "session_name" in entries:
            title = tmux_text(document.text(entries["session_name"], "session_name"), 40)
        if "windows" in entries:
            nodes = document.sequence(entries["windows"], "windows")
            windows = tuple(_window(document, node, trusted=trusted) for node in nodes)
            _check_names(document, nodes, windows)
        elif not document.mistakes:
            document.wrong(root, 'a layout needs the key "windows"')
    document.check()
    return Layout(name, title, windows)


def _empty() -> Mistake:
    return Mistake(1, "is empty", 'a layout needs the key "windows"')


def _check_names(document: Document, nodes: Sequence[yaml.Node], windows: Sequence[WindowPlan]) -> None:
    seen: set[str] = set()
    for node, window in zip(nodes, windows, strict=True):
        if window.name in seen:
            document.wrong(node, f'two windows are called "{window.name}"', "rename one of them")
        seen.add(window.name)
    if windows and windows[0].name not in ("pan", ""):
        document.wrong(nodes[0], 'the first window must be called "pan"', 'write "window_name: pan"')


def _window(document: Document, node: yaml.Node, *, trusted: bool) -> WindowPlan:
    keys = ("window_name", "layout", "panes", "options", "workers", "focus")
    before = len(document.mistakes)
    entries = document.mapping(node, "a window", keys)
    name = document.text(entries["window_name"], "window_name") if "window_name" in entries else ""
    if entries and not _NAME.fullmatch(name):
        document.wrong(
            node, f'"{name}" is not a window name', "use a letter and up to 15 letters, digits, - or _"
        )
    panes: tuple[PanePlan, ...] = ()
    if "panes" in entries:
        nodes = document.sequence(entries["panes"], "panes")
        panes = tuple(_pane(document, pane, trusted=trusted) for pane in nodes)
    elif len(document.mistakes) == before:
        document.wrong(node, f'window "{name}" needs the key "panes"')
    return WindowPlan(
        name,
        panes,
        _arrangement(document, entries),
        _sizes(document, entries.get("options")),
        _workers(document, entries.get("workers")),
        _yes(document, entries.get("focus"), "focus"),
    )


def _arrangement(document: Document, entries: Mapping[str, yaml.Node]) -> str:
    node = entries.get("layout")
    if node is None:
        return "even-horizontal"
    value = document.text(node, "layout")
    if value and value not in ARRANGEMENTS and not _CUSTOM.fullmatch(value):
        document.wrong(node, f'there is no window layout "{value}"', suggestion(value, ARRANGEMENTS))
    return value


def _sizes(document: Document, node: yaml.Node | None) -> tuple[tuple[str, str], ...]:
    if node is None:
        return ()
    found = []
    for name, value in document.mapping(node, "options", SIZES).items():
        size = document.text(value, name)
        if not re.fullmatch(r"[1-9]\d{0,3}|[1-9]\d?%", size):
            document.wrong(
                value, f'"{size}" is not a size', "use a number of cells, or a percentage such as 60%"
            )
        found.append((name, size))
    return tuple(found)


def _workers(document: Document, node: yaml.Node | None) -> int:
    if node is None:
        return 0
    value = document.text(node, "workers")
    if not re.fullmatch(r"[0-9]", value) or int(value) > MOST_WORKERS:
        document.wrong(node, f'"{value}" is not a number of workers', f"use 0 to {MOST_WORKERS}")
        return 0
    return int(value)


def _yes(document: Document, node: yaml.Node | None, what: str) -> bool:
    if node is None:
        return False
    value = document.text(node, what)
    if value not in ("true", "false"):
        document.wrong(node, f'"{value}" is neither true nor false')
    return value == "true"


def _pane(document: Document, node: yaml.Node, *, trusted: bool) -> PanePlan:
    if isinstance(node, yaml.MappingNode):
        entries = document.mapping(node, "a pane", ("shell_command", "start_directory", "focus"))
        directory = entries.get("start_directory")
        start = os.path.expanduser(document.text(directory, "start_directory")) if directory else None
        focus = _yes(document, entries.get("focus"), "focus")
        command = entries.get("shell_command")
        if command is None:
            return PanePlan(start_directory=start, focus=focus)
        return _content(document, command, trusted, start, focus=focus)
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return PanePlan()
    return _content(document, node, trusted, None, focus=False)


def _content(
    document: Document, node: yaml.Node, trusted: bool, start: str | None, *, focus: bool
) -> PanePlan:
    nodes = list(node.value) if isinstance(node, yaml.SequenceNode) else [node]
    commands = tuple(document.text(item, "shell_command") for item in nodes)
    if len(commands) == 1 and commands[0] in PARTS:
        part: Part = "console" if commands[0] == "console" else "fleet"
        return PanePlan(part, (), start, focus)
    if not trusted:
        document.wrong(
            node,
            "a repository's layout can't run commands",
            "copy the file to your own layouts if you trust it",
        )
    return PanePlan(None, commands, start, focus)
