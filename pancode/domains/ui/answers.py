"""What Panos says, as it comes: lines for the command pane above its prompt, and one that sums a turn up."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from pancode.domains.panos.api import SUMMARY_ASKED
from pancode.domains.ui.rows import ENDED, PANOS
from pancode.domains.ui.text import clean, clock, cut, wrapped
from pancode.domains.ui.theme import Style, paint

INDENT = "  "
_NARROWEST = 20
LONGEST_QUESTION = 8
"""Rows that are shown of what a turn was asked that wasn't just typed here."""
LONGEST_REFUSAL = 4
"""Rows that are shown of what a call was refused for, or failed with."""
_SAYS_IT = ("task", "queries", "tasks", "steps", "flow", "run", "stop", "title", "id", "key", "command")
"""The arguments of a call by which a person knows what it is about, the first one there is."""
_PLACES = ("path", "pattern", "paths", "url")


class Answers:
    """Turns the records of turns into lines; what is not a whole line yet waits for the rest."""

    def __init__(self, is_known: Callable[[str], bool] = lambda _: True) -> None:
        """Nothing was said yet; `is_known` says whether the reader has seen what a turn was asked."""
        self._is_known = is_known
        self._rest = ""
        self._said: set[str] = set()
        self.live: str | None = None
        """The turn that is under way."""
        self.ended: Mapping[str, Any] | None = None
        """The row of the turn that has just ended; who sums it up takes it away."""
        self._why = ""
        self._next: Mapping[str, Any] | None = None
        self._held = ""

    def hear(self, event: Mapping[str, Any], width: int, *, colour: bool) -> list[str]:
        """Give the lines that follow from one event of the subscription."""
        match event.get("topic"):
            case "event":
                record, begun = event.get("record"), self._begun(event.get("run"), width)
                return [*begun, *self._record(record, width, colour)] if isinstance(record, dict) else []
            case "status":
                rows = (event.get("status") or {}).get("workers") or ()
                return [line for row in rows if self._is_news(row) for line in self._row(row, width)]
            case "worker":
                return self._row(event.get("worker") or {}, width)
            case "gone" if event.get("run") == self.live:
                self.live = None
            case _:
                pass
        return []

    def _is_news(self, row: Mapping[str, Any]) -> bool:
        """Whether a status tells something of a turn: that it is live, or that the one followed has ended."""
        return row.get("state") not in ENDED or row.get("run_id") == self.live

    def _row(self, row: Mapping[str, Any], width: int) -> list[str]:
        if row.get("agent") != PANOS or row.get("parent") is not None:
            return []
        run = str(row.get("run_id"))
        if row.get("state") not in ENDED:
            return self._alive(run, row, width)
        if self.live == run:
            self.live = None
        if self._next is not None and self._next.get("run_id") == run:
            self._next = None
        if run in self._said:
            self._said.discard(run)
            self.ended = row
        return self._flushed(width)

    def _alive(self, run: str, row: Mapping[str, Any], width: int) -> list[str]:
        if self.live != run and (self.live is not None or self.ended is not None):
            self._next = row  # The turn before has yet to say its last words.
            return []
        lines: list[str] = []
        if self.live != run:
            self.live, self._held = run, ""
            task = str(row.get("task") or "")
            lines = [] if self._is_known(task) else _asked(task, width)
        held = clean(row.get("waits")) if row.get("state") == "queued" else ""
        if held and held != self._held:
            self._held = held
            lines += [INDENT + part for part in wrapped(f"… {held}", max(_NARROWEST, width - 4), "  ")]
        return lines

    def _begun(self, run: object, width: int) -> list[str]:
        """Follow the next turn if it is its record that comes: the end of the one before has gone astray."""
        if self._next is None or run != self._next.get("run_id"):
            return []
        self.live = self.ended = None
        return [*self._flushed(width), *self.next_turn(width)]

    def next_turn(self, width: int) -> list[str]:
        """Give the lines of a turn that has come while the one before had not ended."""
        row, self._next = self._next, None
        return [] if row is None else self._row(row, width)

    def _record(self, record: Mapping[str, Any], width: int, colour: bool) -> list[str]:
        match record.get("kind"):
            case "text":
                self._note()
                whole = "" if record.get("delta") else "\n"
                return self._text(str(record.get("text") or "") + whole, width)
            case "tool_started":
                self._note()
                return [*self._flushed(width), _call(record, width, colour=colour)]
            case "tool_finished" if record.get("ok") is False:
                rows = wrapped(f"✗ {clean(record.get('result'))}", max(_NARROWEST, width - 6), "  ")
                rows = rows if len(rows) <= LONGEST_REFUSAL else [*rows[: LONGEST_REFUSAL - 1], "  …"]
                return [f"{INDENT}  " + paint(row, Style.BAD, colour=colour) for row in rows]
            case "retrying":
                words = f"{INDENT}… asked again in {record.get('wait_s')} s: {clean(record.get('why'))}"
                return [*self._flushed(width), paint(cut(words, width), Style.DIM, colour=colour)]
            case "finished":
                self._why = "" if record.get("ok") else clean(record.get("message"))
            case "session" | "turn":
                self._note()
            case _:
                pass
        return []

    def why_failed(self, width: int, *, colour: bool) -> list[str]:
        """Give the lines that tell why the turn that has just ended has failed, once; none for any other."""
        why, self._why = self._why, ""
        rows = wrapped(f"✗ {why}", max(_NARROWEST, width - len(INDENT) - 1), "  ")
        return [paint(INDENT + row, Style.BAD, colour=colour) for row in rows] if why else []

    def _note(self) -> None:
        if self.live is not None:
            self._said.add(self.live)

    def _text(self, text: str, width: int) -> list[str]:
        *lines, self._rest = (self._rest + text).split("\n")
        found = [row for line in lines for row in _wrapped(line, width)]
        room = max(_NARROWEST, width - len(INDENT) - 1)
        while len(self._rest) > room and " " in self._rest[:room].strip():
            at = self._rest.rindex(" ", 0, room)
            found += _wrapped(self._rest[:at], width)
            self._rest = self._rest[at + 1 :]
        return found

    def _flushed(self, width: int) -> list[str]:
        text, self._rest = self._rest, ""
        return _wrapped(text, width) if text.strip() else []


def _asked(task: str, width: int) -> list[str]:
    """Give what was said in another terminal, or while he answered; the beginning of it where it is long."""
    if task.startswith(SUMMARY_ASKED):
        return _wrapped("(a summary takes the place of the conversation so far)", width)
    rows = [row for line in task.split("\n")[:LONGEST_QUESTION] for row in _wrapped(line, width)]
    more = ["  …"] if len(rows) > LONGEST_QUESTION or task.count("\n") >= LONGEST_QUESTION else []
    return [f"»{rows[0][1:]}", *rows[1:LONGEST_QUESTION], *more]


def _wrapped(line: str, width: int) -> list[str]:
    """Give a line in rows that fit, its own indentation kept."""
    plain = clean_line(line)
    inner = plain[: len(plain) - len(plain.lstrip())]
    room = max(_NARROWEST, width - len(INDENT) - 1)
    return [INDENT + row for row in wrapped(plain, room, inner) or [""]]


def clean_line(line: str) -> str:
    r"""Give a line of a text without what acts on a terminal, its indentation and length kept.

    >>> clean_line("  a\x1b[31mb")
    '  ab'
    """
    body = line.expandtabs(4).rstrip()
    start = len(body) - len(body.lstrip())
    pieces = [clean(piece) for piece in textwrap.wrap(body[start:], 300, drop_whitespace=False)]
    return " " * start + " ".join(piece for piece in pieces if piece)


def _call(record: Mapping[str, Any], width: int, *, colour: bool) -> str:
    raw = record.get("args")
    args: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    about = next((args[key] for key in (*_SAYS_IT, *_PLACES) if args.get(key)), "")
    if "value" in args:
        about = f"{about} {args['value']}"
    agent = f"@{args['agent']} " if args.get("agent") else ""
    words = f"{INDENT}· {clean(record.get('name'))} {agent}{clean(_plain(about))}"
    return paint(cut(words.rstrip(), max(_NARROWEST, width - 1)), Style.DIM, colour=colour)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return " · ".join(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return _plain(value.get("task") or "")
    return str(value)


def summed_up(row: Mapping[str, Any], context: Mapping[str, Any] | None, width: int, *, colour: bool) -> str:
    """Give the line under a turn: how long it took, what it has cost, and what fills the context."""
    started, ended = row.get("started"), row.get("ended")
    parts = [] if row.get("state") == "done" else [clean(row.get("state"))]
    parts += [clock(ended - started)] if started and ended else []
    usd = (row.get("cost") or {}).get("usd")
    parts += [] if usd is None else [f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"]  # noqa: PLR2004 -- a cent
    head = f"{INDENT}─ {' · '.join(parts)}"
    if context:
        between = " · " if parts else ""
        head += between + context_words(context, max(_NARROWEST, width - len(head) - len(between) - 1))
    return paint(cut(head, max(_NARROWEST, width - 1)), Style.DIM, colour=colour)


def context_words(context: Mapping[str, Any], room: int) -> str:
    """Say what fills the context, the largest part first, as far as there is room.

    >>> parts = {"user": 400, "tools": 12000, "scout": 0}
    >>> told = {"used": 12400, "window": 128000, "estimated": False, "parts": parts}
    >>> context_words(told, 60), context_words(told, 40)
    ('context 12.4k of 128k: tools ≈12k user ≈400', 'context 12.4k of 128k: tools ≈12k')
    """
    mark = "~" if context.get("estimated") else ""
    window = context.get("window")
    words = f"context {mark}{_short(context['used'])}" + (f" of {_short(window)}" if window else "")
    by_size = sorted((context.get("parts") or {}).items(), key=lambda part: -part[1])
    for place, (name, part) in enumerate(by_size):
        more = f"{words}{' ' if place else ': '}{name} ≈{_short(part)}"
        if not part or len(more) > room:
            break
        words = more
    return words


def _short(tokens: int) -> str:
    if tokens < 1000:  # noqa: PLR2004 -- a thousand
        return str(tokens)
    return f"{tokens / 1000:.1f}".removesuffix(".0") + "k"
