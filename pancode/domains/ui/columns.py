"""Which columns a fleet screen of some width has, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pancode.domains.ui.rows import Row
from pancode.domains.ui.text import amount, clock, cut, fit, money
from pancode.domains.ui.theme import look

_LONGEST_ID = 8
_LONGEST_AGENT = 14
_LONGEST_MODEL = 24

Value = Callable[[Row, float], str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `width` None takes what the others leave."""

    title: str
    width: int | None
    value: Value
    right: bool = False


_STATE = Column("state", 11, lambda row, now: _state(row.face(now)))
_MARK = Column(" ", 1, lambda row, now: look(row.face(now)).mark)
_DOING = Column("doing", None, lambda row, now: row.what(now))
_TIME = Column("time", 6, lambda row, now: _clock(row.elapsed(now)), right=True)
_MODE = Column("mode", 6, lambda row, _: row.mode or "–")
_COST = Column("cost", 8, lambda row, _: money(row.usd, estimated=row.estimated), right=True)
_TOKENS = Column(
    "in/out tokens", 13, lambda row, _: f"{amount(row.tokens_in)}/{amount(row.tokens_out)}", right=True
)
_TURNS = Column("turns", 5, lambda row, _: amount(row.turns), right=True)
_PID = Column("pid", 8, lambda row, _: "–" if row.pid is None else str(row.pid), right=True)
_GRADE = Column("grade", 8, lambda row, _: row.grade or "–")


def _state(face: str) -> str:
    seen = look(face)
    return f"{seen.mark} {seen.word}"


def _clock(seconds: float | None) -> str:
    return "–" if seconds is None else clock(seconds)


def columns_for(width: int, rows: Sequence[Row]) -> list[Column]:
    """Choose the columns for a screen `width` columns wide; the first of them marks the chosen row."""
    ids = _fitted("id", _LONGEST_ID, rows, lambda row, _: row.run_id)
    agents = _fitted("agent", _LONGEST_AGENT, rows, lambda row, _: row.agent or "–")
    if width < 44:  # noqa: PLR2004 -- the word for the state would leave no room for the work
        return [_MARK, ids, _DOING, _TIME]
    if width < 120:  # noqa: PLR2004 -- the widths that docs/screens.md names
        return [_STATE, ids, agents, _DOING, _TIME]
    if width < 200:  # noqa: PLR2004 -- the widths that docs/screens.md names
        return [_STATE, ids, agents, _MODE, _DOING, _COST, _TIME]
    models = _fitted("model", _LONGEST_MODEL, rows, lambda row, _: row.model or "–")
    grade = [_GRADE] if any(row.grade for row in rows) else []
    return [_STATE, ids, agents, _MODE, models, _DOING, _TOKENS, _TURNS, _COST, _TIME, _PID, *grade]


def _fitted(title: str, longest: int, rows: Sequence[Row], value: Value) -> Column:
    width = max([len(title), *(len(value(row, 0.0)) for row in rows)])
    return Column(title, min(width, longest), value)


def heading(columns: Sequence[Column], width: int) -> str:
    """Give the line with the columns' titles, `width` columns wide."""
    return _line([column.title for column in columns], columns, width)


def cells(row: Row, columns: Sequence[Column], now: float, width: int) -> tuple[str, str]:
    """Give a row as its first cell, which carries the state's colour, and the rest of the line."""
    first, *rest = columns
    head = fit(first.value(row, now), min(first.width or 0, max(0, width)))
    room = width - (first.width or 0) - 1
    return head, " " + _line([c.value(row, now) for c in rest], rest, room) if room > 0 else ""


def _line(texts: Sequence[str], columns: Sequence[Column], width: int) -> str:
    taken = sum(column.width or 0 for column in columns) + len(columns) - 1
    flexible = max(0, width - taken)
    parts = [
        fit(text, flexible if column.width is None else column.width, right=column.right)
        for text, column in zip(texts, columns, strict=True)
    ]
    line = " ".join(parts)
    return (line if taken <= width else cut(line, width)).rstrip()
