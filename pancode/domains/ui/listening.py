"""What the command pane hears of the session: the news of runs, and what Panos says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.domains.ui.answers import Answers, summed_up
from pancode.domains.ui.link import Link, follow
from pancode.domains.ui.news import News
from pancode.domains.ui.rows import PANOS
from pancode.domains.ui.theme import wants_colour

if TYPE_CHECKING:
    from pancode.domains.ui.console import Console


def follow_session(console: Console, socket: str, columns: Callable[[], int]) -> None:
    """Tell the console all that is worth a line, for ever."""
    news, answers, colour = News(), Answers(console.has_typed), wants_colour(os.environ)
    for event in follow(Link(socket, time.time, PANOS)):
        if event is None:
            continue
        if lines := _lines(news, answers, event, columns(), colour=colour):
            console.tell("\n".join(lines))
        _know(console, news, answers)
        if answers.ended is not None:
            row, answers.ended = answers.ended, None
            for line in answers.why_failed(columns(), colour=colour):
                console.tell(line)
            console.tell(summed_up(row, console.hands.context(), columns(), colour=colour))


def _lines(news: News, answers: Answers, event: Mapping[str, Any], width: int, *, colour: bool) -> list[str]:
    said = answers.hear(event, width, colour=colour)
    return [*said, *news.hear(event, time.time(), colour=colour, width=width)]


def _know(console: Console, news: News, answers: Answers) -> None:
    console.turn = answers.live
    if news.fleet is not None:
        console.runs = list(news.fleet.rows)
        console.agents |= {row.agent for row in news.fleet.rows.values() if row.agent}
