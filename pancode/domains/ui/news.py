"""One line for each run that starts, asks or ends, for the command pane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.domains.ui.rows import ENDED, PANOS, Fleet, Row
from pancode.domains.ui.screen import absorbed
from pancode.domains.ui.text import clock, columns, cut, money
from pancode.domains.ui.theme import Style, look, paint

_BUDDING = frozenset({"queued", "starting"})
_LINE = 200
_LEAST = 10
"""Columns that the text of a line gets at least."""


class News:
    """Compares what each event says with what was known before."""

    def __init__(self) -> None:
        """Know nothing: the first status is no news."""
        self.fleet: Fleet | None = None

    def hear(
        self, event: Mapping[str, Any], now: float, *, colour: bool = False, width: int = _LINE
    ) -> list[str]:
        """Give the lines that follow from one event of the subscription, each at most `width` columns."""
        before = self.fleet
        after = self.fleet = absorbed(before, event, now)
        if before is None or after is None or after is before:
            return []
        changed = [row for row in after.rows.values() if row is not before.rows.get(row.run_id)]
        said = [_line(before.rows.get(row.run_id), row, width, colour=colour) for row in changed]
        return [line for line in said if line]


def _line(was: Row | None, row: Row, width: int, *, colour: bool) -> str:
    phase = _phase(row.state)
    if row.agent == PANOS and (phase == "working" or row.state == "done"):
        return ""  # What he says is shown as he says it.
    if phase == (None if was is None else _phase(was.state)) or phase == "budding":
        return ""
    seen = look(row.state)
    who = f"› {row.run_id} {row.agent}"
    room = max(_LEAST, width - columns(" ".join([who, seen.word, *filter(None, [row.weaker]), ""])))
    match phase:
        case "ended":
            text = _end(row)
        case "asking":
            text = row.asks
        case _:
            text = row.task
    weaker = paint(row.weaker, Style.STRONG_BAD, colour=colour and bool(row.weaker))
    words = [who, paint(seen.word, seen.style, colour=colour), weaker, cut(text, room)]
    return " ".join(word for word in words if word)


def _phase(state: str) -> str:
    if state in ENDED:
        return "ended"
    if state in _BUDDING:
        return "budding"
    return "asking" if state == "asking" else "working"


def _end(row: Row) -> str:
    """Say how it ended, how long it took and, where that is known, what it cost."""
    says_more = row.reason not in ("", row.state) and (row.state, row.reason) != ("cancelled", "stopped")
    why = f"({row.reason})" if row.state != "done" and says_more else ""
    took = None if row.started is None or row.ended is None else row.ended - row.started
    cost = "" if row.usd is None else money(row.usd, estimated=row.estimated)
    parts = (why, "" if took is None else f"in {clock(took)}", cost)
    return " ".join(part for part in parts if part)
