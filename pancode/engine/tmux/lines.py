"""Reads tmux's control mode, line by line and without any I/O: answers apart from notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pancode.engine.tmux.text import quote


@dataclass(frozen=True, slots=True)
class Block:
    """What one command answered; `failed` means that the lines are tmux's error message."""

    lines: tuple[str, ...]
    failed: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification such as `%unlinked-window-close @3`."""

    name: str
    rest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All blocks of one request, up to its marker."""

    marker: str
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class LineReader:
    """Turns lines into notices and answers.

    A request may be answered by several blocks (a chain, or what `if-shell` inserts) or, after an
    error, by fewer than it has commands. So each request is followed by a marker that tmux prints
    back: all blocks before it belong to the request.
    """

    prefix: str
    """Starts every marker; nobody else knows it, so no output can pass for one."""
    _open: str | None = None
    _lines: list[str] = field(default_factory=list)
    _blocks: list[Block] = field(default_factory=list)

    def feed(self, line: str) -> Notice | Answer | None:
        """Take one line without its newline; give what it completes."""
        if self._open is None:
            return self._outside(line)
        if line in (f"%end {self._open}", f"%error {self._open}"):
            return self._closed(failed=line.startswith("%error"))
        self._lines.append(line)
        return None

    def _outside(self, line: str) -> Notice | None:
        word, _, rest = line.partition(" ")
        if word == "%begin":
            self._open = rest
            self._lines = []
            return None
        return Notice(word.removeprefix("%"), rest) if word.startswith("%") else None

    def _closed(self, *, failed: bool) -> Answer | None:
        own = self._open is not None and self._open.endswith(" 1")
        self._open = None
        if not own:
            # The greeting: the block of the attach command itself.
            return None
        block = Block(tuple(self._lines), failed)
        if len(block.lines) == 1 and block.lines[0].startswith(self.prefix):
            answer = Answer(block.lines[0], tuple(self._blocks))
            self._blocks = []
            return answer
        self._blocks.append(block)
        return None


def request(commands: list[list[str]], marker: str) -> str:
    r"""Give the lines that send `commands` as one chain, then the marker.

    >>> request([["set", "-g", "@a", "x y"], ["list-panes"]], "m1")
    'set -g @a "x y" ; list-panes\ndisplay-message -p m1\n'
    """
    return f"{chained(commands)}\ndisplay-message -p {marker}\n"


def chained(commands: Sequence[Sequence[str]]) -> str:
    r"""Give `commands` as the text of one chain, as another command takes it, too.

    >>> chained([["set", "-g", "@a", "x y"], ["list-panes"]])
    'set -g @a "x y" ; list-panes'
    """
    return " ; ".join(" ".join(quote(word) for word in command) for command in commands)
