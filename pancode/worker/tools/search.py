"""The tools grep and find: a process of their own, so that no pattern can stop the server."""

from __future__ import annotations

import os
import re
import sys
import time

from pancode.worker.lean_json import dumps, loads
from pancode.worker.tools.globs import matcher
from pancode.worker.tools.limits import (
    LONGEST_LINE,
    MOST_EDITED,
    MOST_FOUND,
    MOST_MATCHES,
    MOST_TEXT,
    SEARCH_S,
)
from pancode.worker.tools.names import SECRETS
from pancode.worker.tools.outcome import Outcome, ToolError, bounded, plural, reason
from pancode.worker.tools.textfile import HEAD, opened, recognised
from pancode.worker.tools.walk import Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pancode.worker.tools.globs import Matches

_ROOM = 600
_BLOCK = 4 << 20
_BY_LINE = re.compile(r"\\[AZ]|\(\?[=!<]")
"""Patterns that look at what is round a line must see that line alone."""


def main(asked: str) -> int:
    """Do one search, print its outcome as a line of JSON."""
    args = loads(asked)
    try:
        outcome = _find(args) if args["tool"] == "find" else Grep(args).outcome()
    except ToolError as error:
        outcome = Outcome(str(error), ok=False)
    except OSError as error:
        outcome = Outcome(reason(error, args.get("path", ".")), ok=False)
    told = {"ok": outcome.ok, "text": bounded(outcome.text), "meta": outcome.meta}
    sys.stdout.write(dumps(told) + "\n")
    return 0


def _find(args: dict[str, Any]) -> Outcome:
    root, limit = args.get("path", "."), args.get("limit", MOST_FOUND)
    if not os.path.isdir(root):
        os.close(opened(root)[0])
        raise ToolError(f"{root} is a file; find looks in a directory")
    fits = _fits(args["pattern"], root)
    walk = Walk(root, time.monotonic() + SEARCH_S, ignored=args.get("ignored", False))
    lines: list[str] = []
    room, more = MOST_TEXT - _ROOM, False
    for path, entry in walk.entries():
        if not fits(path):
            continue
        line = _shown(root, path) + ("/" if entry.is_dir(follow_symlinks=False) else "")
        room -= len(line) + 1
        more = len(lines) >= limit or room < 0
        if more:
            break
        lines.append(line.replace("\n", "\\n"))
    found = len(lines)
    if more:
        lines.append(f"[there are more than these {found:,}; take a narrower pattern or path]")
    lines += _remarks(walk)
    return Outcome("\n".join(lines) or "[nothing fits]", found=found, more=more)


def _fits(pattern: str, root: str) -> Matches:
    if pattern.startswith("/"):
        inside = os.path.join(os.path.abspath(root), "")
        if not pattern.startswith(inside):
            raise ToolError(f"the pattern {pattern} is not below {root}; give the directory as path")
        pattern = pattern.removeprefix(inside)
        if "/" not in pattern:
            pattern = f"./{pattern}"
    try:
        return matcher(pattern)
    except ValueError as error:
        raise ToolError(f"{pattern} is no pattern for names: {error}") from None


def _shown(root: str, path: str) -> str:
    return path if root in (".", "./") else os.path.join(root, path)


def _remarks(walk: Walk) -> list[str]:
    lines = []
    if walk.late:
        lines.append(f"[stopped after {SEARCH_S:.0f} s: not everything was searched; take a narrower path]")
    if walk.unreadable:
        lines.append(f"[{plural(walk.unreadable, 'place')} could not be read]")
    return lines


class Grep:
    """One search of files for a pattern."""

    def __init__(self, args: dict[str, Any]) -> None:
        """Compile the pattern; raise ToolError for one that can't be."""
        pattern = re.escape(args["pattern"]) if args.get("literal") else args["pattern"]
        flags = re.MULTILINE | (re.IGNORECASE if args.get("ignore_case") else 0)
        try:
            self._pattern = re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ToolError(
                f"the pattern is no regular expression of Python's: {error}; to look for the text as it is "
                "set literal"
            ) from None
        self._by_line = bool(_BY_LINE.search(pattern))
        self._root = args.get("path", ".")
        self._glob = args.get("glob")
        self._around = args.get("context", 0)
        self._names_only = args.get("files_only", False)
        self._limit = args.get("limit", MOST_MATCHES)
        self._until = time.monotonic() + SEARCH_S
        self._ignored = args.get("ignored", False)
        self._lines: list[str] = []
        self._room = MOST_TEXT - _ROOM
        self._matches = self._files = self._secrets = 0
        self._full = self._late = False

    def outcome(self) -> Outcome:
        """Search, and give what was found; raise ToolError."""
        remarks: list[str] = []
        if os.path.isdir(self._root):
            remarks = self._tree()
        else:
            self._file(self._root, self._root)
        if self._full:
            shown = plural(self._matches, "match")
            remarks.insert(0, f"[there are more than these {shown}; take a narrower pattern, path or glob]")
        if self._secrets:
            secrets = plural(self._secrets, "file")
            remarks.append(f"[{secrets} that may hold secrets left out; name one as path to search it]")
        text = "\n".join([*self._lines, *remarks])
        if not self._matches:
            text = "\n".join(["[no match]", *remarks])
        return Outcome(text, matches=self._matches, files=self._files, more=self._full)

    def _tree(self) -> list[str]:
        walk = Walk(self._root, self._until, ignored=self._ignored)
        fits = _fits(self._glob, self._root) if self._glob else None
        for path, entry in walk.entries():
            if not entry.is_file(follow_symlinks=False) or (fits is not None and not fits(path)):
                continue
            if SECRETS.fullmatch(path):
                self._secrets += 1
                continue
            try:
                self._file(os.path.join(self._root, path), _shown(self._root, path))
            except OSError:
                walk.unreadable += 1
            except ToolError:
                # Not a text: nobody expects it to be searched.
                continue
            walk.late = walk.late or self._late
            if self._full:
                break
        return _remarks(walk)

    def _file(self, path: str, name: str) -> None:
        fd, size = opened(path)
        try:
            encoding, bom = recognised(os.pread(fd, HEAD, 0), path, size)
            os.lseek(fd, len(bom), os.SEEK_SET)
            before, number = self._matches, 1
            for text in _blocks(fd, encoding):
                self._block(text, name, number)
                number += text.count("\n")
                self._late = time.monotonic() > self._until
                if self._full or self._late or (self._names_only and self._matches > before):
                    break
            self._files += self._matches > before
        finally:
            os.close(fd)

    def _block(self, text: str, name: str, first: int) -> None:
        """Search a block of whole lines, the first of which has the number `first`."""
        at, number, shown = 0, first, first - 1
        lines = text.split("\n") if self._around else []
        while 0 <= at <= len(text) and not self._full:
            start = self._next(text, at)
            if start is None:
                return
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            if start == len(text) and (not text or text.endswith("\n")):
                return
            line = text[start:end]
            number += text.count("\n", at, start)
            if not self._pattern.search(line):
                at, number = end + 1, number + 1
                continue
            # One more than may be shown ends the search.
            self._full = self._matches >= self._limit
            self._matches += not self._full
            if self._names_only:
                self._say(name)
                return
            if self._around:
                shown = self._with_context(name, number, (first, shown), lines)
            else:
                self._say(f"{name}:{number}: {_cut(line)}")
            at, number = end + 1, number + 1

    def _next(self, text: str, at: int) -> int | None:
        """Give where the next line begins that may match, from the beginning of a line on."""
        if self._by_line:
            return at
        match = self._pattern.search(text, at)
        if match is None:
            return None
        before = text.rfind("\n", at, match.start())
        return at if before < 0 else before + 1

    def _with_context(self, name: str, number: int, done: tuple[int, int], lines: list[str]) -> int:
        """Say a match and the lines round it that weren't said yet; give the last line that was."""
        first, shown = done
        start = max(first, number - self._around)
        if self._lines and start > shown + 1:
            self._say("--")
        last = min(number + self._around, first + len(lines) - 1)
        if last == first + len(lines) - 1 and not lines[-1]:
            last -= 1
        for each in range(max(start, shown + 1), last + 1):
            mark = ":" if each == number or self._pattern.search(lines[each - first]) else "-"
            self._say(f"{name}{mark}{each}{mark} {_cut(lines[each - first])}")
        return int(max(shown, last))

    def _say(self, line: str) -> None:
        if self._full:
            return
        self._room -= len(line) + 1
        if self._room < 0:
            self._full = True
        else:
            self._lines.append(line)


def _cut(line: str) -> str:
    over = len(line) - LONGEST_LINE
    return line if over <= 0 else f"{line[:LONGEST_LINE]} [… {over:,} more characters in this line]"


def _blocks(fd: int, encoding: str) -> Iterator[str]:
    """Give a file in blocks of whole lines, with LF at their ends."""
    if encoding != "utf-8":
        data = os.read(fd, MOST_EDITED)
        yield data.decode(encoding, "replace").replace("\r\n", "\n")
        return
    rest = b""
    while data := os.read(fd, _BLOCK):
        data = rest + data
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) < MOST_EDITED:
            rest = data
            continue
        cut = cut or len(data)
        yield _decoded(data[:cut])
        rest = data[cut:]
    if rest:
        yield _decoded(rest)


def _decoded(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n") if "\r" in text else text
