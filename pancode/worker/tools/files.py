"""The tools read, write and ls."""

from __future__ import annotations

import _thread
import codecs
import os

from pancode.worker.tools.limits import LINES_READ, LONGEST_LINE, MOST_EDITED, MOST_ENTRIES, MOST_TEXT
from pancode.worker.tools.outcome import CancelledError, Outcome, ToolError, plural, reason
from pancode.worker.tools.saving import save
from pancode.worker.tools.textfile import HEAD, Text, loaded, opened, recognised, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Cancelled = Callable[[], bool]

CHANGING = _thread.allocate_lock()
"""Two changes to one file at a time would lose one of them."""
_COUNTED = 16 << 20
"""Bytes of a file whose lines are all counted."""
_CHUNK = 1 << 18
_ROOM = 600
"""Characters of an answer that are for what is said about the lines."""


class _Page:
    """The lines from `first` on that fit; takes in the whole text line by line."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.first = args.get("offset", 1)
        self._limit = args.get("limit", LINES_READ)
        self._numbers = args.get("numbers", False)
        self._room = MOST_TEXT - _ROOM
        self.lines: list[str] = []
        self.seen = 0
        self.crlf = 0
        self.full = False

    def take(self, line: str, more: int) -> None:
        """Take the next line; `more` characters of it were left out."""
        self.seen += 1
        if line.endswith("\r"):
            line, self.crlf = line[:-1], self.crlf + 1
        if self.seen < self.first or self.full:
            return
        if len(line) + more > LONGEST_LINE:
            more += len(line) - LONGEST_LINE
            line = f"{line[:LONGEST_LINE]} [… {more:,} more characters in this line]"
        if self._numbers:
            line = f"{self.seen:>6}\t{line}"
        if self._room < len(line) + 1:
            self.full = True
            return
        self._room -= len(line) + 1
        self.lines.append(line)
        self.full = len(self.lines) >= self._limit


def read(args: dict[str, Any], cancelled: Cancelled) -> Outcome:
    """Give lines of a text file, and say what there is beside them; raise ToolError."""
    path = args["path"]
    fd, size = opened(path)
    try:
        head = os.pread(fd, HEAD, 0)
        encoding, bom = recognised(head, path, size)
        page = _Page(args)
        try:
            whole = _fill(page, fd, (encoding, len(bom)), cancelled)
        except UnicodeDecodeError:
            if encoding != "utf-8" or bom:
                raise ToolError(
                    f"{path} begins as {words(encoding, bom)}, but is not valid as such"
                ) from None
            page, encoding = _Page(args), "latin-1"
            whole = _fill(page, fd, (encoding, 0), cancelled)
    except OSError as error:
        raise ToolError(reason(error, path)) from None
    finally:
        os.close(fd)
    return _told(path, page, size if not whole else -1, words(encoding, bom))


def _fill(page: _Page, fd: int, form: tuple[str, int], cancelled: Cancelled) -> bool:
    """Read until the page is full, small files to their end; False if there is more that wasn't read."""
    encoding, start = form
    os.lseek(fd, start, os.SEEK_SET)
    decoder = codecs.getincrementaldecoder(encoding)()
    rest, over, done = "", 0, 0
    while data := os.read(fd, _CHUNK):
        done += len(data)
        *lines, last = decoder.decode(data).split("\n")
        for line in lines:
            page.take(rest + line, over)
            rest, over = "", 0
        # Of a line without an end only what may be shown is kept.
        kept = last[: max(0, LONGEST_LINE + 2 - len(rest))]
        over += len(last) - len(kept)
        rest += kept
        if page.full and done > _COUNTED:
            return False
        if cancelled():
            raise CancelledError
    rest += decoder.decode(b"", final=True)
    if rest:
        page.take(rest, over)
    return True


def _told(path: str, page: _Page, size: int, encoding: str) -> Outcome:
    """Say the lines, and below them how to read on; `size` -1: all lines were counted."""
    total = page.seen if size < 0 else None
    last = page.first + len(page.lines) - 1
    if total == 0:
        return Outcome(f"[{path} is empty]", lines=0, total=0)
    if not page.lines:
        raise ToolError(f"{path} has only {plural(page.seen, 'line')}; offset {page.first} is behind its end")
    notes = []
    if total is None or page.first > 1 or last < total:
        of = f"of {total:,}" if total is not None else f"of a file of {size:,} bytes"
        on = "" if last == total else f"; read on with offset={last + 1}"
        notes.append(f"[lines {page.first}-{last} {of}{on}]")
    if encoding != "UTF-8" or page.crlf:
        ends = " CRLF line endings" if page.crlf == page.seen else " some CRLF line endings"
        notes.append(f"[{encoding}{',' + ends if page.crlf else ''}]")
    return Outcome("\n".join([*page.lines, *notes]), lines=len(page.lines), total=total, first=page.first)


def write(args: dict[str, Any], _cancelled: Cancelled) -> Outcome:
    """Put a text into a file; one that is there keeps its encoding and its line endings; raise ToolError."""
    path, content = args["path"], args["content"]
    with CHANGING:
        there, data = _as_before(path, content)
        if len(data) > MOST_EDITED:
            raise ToolError(f"the content has {len(data):,} bytes; a file may have {MOST_EDITED >> 20} MB")
        save(path, data)
    lines = content.count("\n") + (not content.endswith("\n") and content != "")
    notes = "" if there is None else there
    verb = "created" if there is None else "overwrote"
    size = f"{plural(lines, 'line')}, {plural(len(data), 'byte')}"
    return Outcome(f"{verb} {path}: {size}{notes}", created=there is None, lines=lines, bytes=len(data))


def _as_before(path: str, content: str) -> tuple[str | None, bytes]:
    """Give what is kept of the file that is there (None: there is none), and the bytes to write."""
    plain = Text("").encoded(content)
    if not os.path.lexists(path) or not os.path.exists(path):
        return None, plain
    os.close(opened(path)[0])
    try:
        old = loaded(path)
    except ToolError:
        return "", plain
    kept = []
    ends = old.text.count("\r\n")
    if ends and ends == old.text.count("\n") and "\r" not in content:
        content, kept = content.replace("\n", "\r\n"), ["CRLF line endings"]
    if old.encoding == "latin-1" and not all(letter <= "\xff" for letter in content):
        return "; it was Latin-1 and is UTF-8 now", Text("").encoded(content)
    if old.encoding != "utf-8" or old.bom:
        kept.append(words(old.encoding, old.bom))
    return f"; {' and '.join(kept)} as before" if kept else "", old.encoded(content)


def ls(args: dict[str, Any], cancelled: Cancelled) -> Outcome:
    """Give the names in a directory; raise ToolError."""
    path, limit = args.get("path", "."), args.get("limit", MOST_ENTRIES)
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise ToolError(reason(error, path)) from None
    lines: list[str] = []
    room = MOST_TEXT - _ROOM
    for entry in entries[:limit]:
        line = _entry(entry)
        room -= len(line) + 1
        if room < 0 or cancelled():
            break
        lines.append(line)
    if not entries:
        return Outcome(f"[{path} is empty]", entries=0)
    rest = len(entries) - len(lines)
    if rest:
        lines.append(
            f"[{rest:,} more of {len(entries):,} entries; use find with a pattern, or a larger limit]"
        )
    return Outcome("\n".join(lines), entries=len(entries))


def _entry(entry: os.DirEntry[str]) -> str:
    name = entry.name.replace("\n", "\\n")
    try:
        if entry.is_symlink():
            return f"{name} -> {os.readlink(entry.path)}"
        if entry.is_dir():
            return f"{name}/"
        return f"{name}  {entry.stat().st_size:,} bytes"
    except OSError as error:
        return f"{name}  [{error.strerror}]"
