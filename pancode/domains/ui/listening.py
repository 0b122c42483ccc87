"""What the command pane hears of the session: the news of runs, and what Panos says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pancode.domains.ui.answers import INDENT, Answers, clean_line, summed_up
from pancode.domains.ui.link import Link, follow
from pancode.domains.ui.news import News
from pancode.domains.ui.rows import ENDED, PANOS
from pancode.domains.ui.text import wrapped
from pancode.domains.ui.theme import wants_colour
from pancode.engine import files

if TYPE_CHECKING:
    from pancode.domains.ui.console import Console

LAST_LINES = 12
"""Rows that are shown of what a command has printed that was typed here."""
_NARROWEST = 20


class Journals:
    """Fills in what a subscription leaves out while there is no controller: a turn is told whole."""

    def __init__(self, runs: str) -> None:
        """Have heard nothing yet; `runs` is the directory of the runs' folders."""
        self._runs = runs
        self._seen: dict[str, int] = {}

    def whole(self, event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give an event after all that should have come before it; nothing for one that has come already."""
        match event.get("topic"):
            case "event":
                run, seq = str(event.get("run")), int((event.get("record") or {}).get("seq") or 0)
                if seq > self._seen.get(run, 0) + 1:
                    yield from self._missing(run, seq)
                if 0 < seq <= self._seen.get(run, 0):
                    return
                self._seen[run] = seq
            case "worker":
                yield from self._ended(event.get("worker") or {})
            case "status":
                for row in (event.get("status") or {}).get("workers") or ():
                    yield from self._ended(row)
            case _:
                pass
        yield event

    def _ended(self, row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        run = str(row.get("run_id"))
        if row.get("state") in ENDED and run in self._seen:
            yield from self._missing(run, None)
            del self._seen[run]

    def _missing(self, run: str, until: int | None) -> Iterator[Mapping[str, Any]]:
        journal = os.path.join(self._runs, run, "events.jsonl")
        for record in files.read_journal(journal, self._seen.get(run, 0)):
            if until is not None and record["seq"] >= until:
                return
            self._seen[run] = record["seq"]
            yield {"topic": "event", "run": run, "record": record}


def follow_session(console: Console, socket: str, runs: str, columns: Callable[[], int]) -> None:
    """Tell the console all that is worth a line, for ever; `runs` is the directory of the runs' folders."""
    news, answers, colour = News(), Answers(console.has_typed), wants_colour(os.environ)
    journals = Journals(runs)
    for message in follow(Link(socket, time.time, PANOS, is_pane=True)):
        for event in () if message is None else journals.whole(message):
            width = columns()
            said = answers.hear(event, width, colour=colour)
            told = news.hear(event, time.time(), colour=colour, width=width)
            said += _printed(console, runs, event, width) if told else []
            said += told
            if answers.ended is not None:
                row, answers.ended = answers.ended, None
                said += answers.why_failed(width, colour=colour)
                said.append(summed_up(row, console.hands.context(), width, colour=colour))
                said += answers.next_turn(width)
            if said:
                console.tell("\n".join(said))
            _know(console, news, answers)


def _printed(console: Console, runs: str, event: Mapping[str, Any], width: int) -> list[str]:
    """Give the last lines that a command has printed which was typed in this pane and has ended now."""
    row = event.get("worker") or {}
    if row.get("agent") != "shell" or row.get("state") not in ENDED or row.get("parent") is not None:
        return []
    if not console.has_typed(str(row.get("task") or "")):
        return []
    run = str(row.get("run_id"))
    printed = (files.read_json(os.path.join(runs, run, "result.json")) or {}).get("result")
    lines = printed.rstrip().split("\n") if isinstance(printed, str) and printed.strip() else []
    room = max(_NARROWEST, width - len(INDENT) - 1)
    rows = [part for line in lines[-LAST_LINES:] for part in wrapped(clean_line(line), room) or [""]]
    more = [f"… logs {run} shows all"] if len(lines) > LAST_LINES or len(rows) > LAST_LINES else []
    return [INDENT + line for line in (*more, *rows[-LAST_LINES:])]


def _know(console: Console, news: News, answers: Answers) -> None:
    console.turn = answers.live
    if news.fleet is not None:
        console.runs = list(news.fleet.rows)
        console.agents |= {row.agent for row in news.fleet.rows.values() if row.agent}
