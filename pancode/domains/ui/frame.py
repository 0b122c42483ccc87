"""The fleet screen as lines of text, made from facts alone, and the bytes from one frame to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pancode.domains.ui.columns import cells, columns_for, heading
from pancode.domains.ui.question import question_lines
from pancode.domains.ui.rows import Fleet, Row
from pancode.domains.ui.text import age, clean, columns, cut, fit
from pancode.domains.ui.theme import MODES, Style, look, paint

_LEAST_SEEN = 3
"""Letters of a weaker grade that are worth to be painted."""
_LINES_WITH_HEADING = 5
"""Lines from which a heading is worth its own."""
HELP = (
    "↑ ↓ j k     choose a worker",
    "PgUp PgDn   ten at a time      Home End   the first, the last",
    "Enter       go to that worker's window",
    "s           stop it (asks first)",
    "p           pause it, or let it go on",
    "a d w       what it asks: allow once (asks first), deny, say why it asks",
    "?           this help          Esc   choose none",
)


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn on: columns, lines, and whether in colour."""

    width: int
    height: int
    colour: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What the person at this screen has chosen; nothing of it is the session's."""

    selected: str | None = None
    top: int = 0
    stopping: str | None = None
    """The run whose stop waits for y or n."""
    allowing: str | None = None
    """The id of the question whose yes waits for y or n."""
    why: bool = False
    """Whether the chosen run's question is shown instead of the table."""
    note: str = ""
    """One line that stands in the footer's place until the next key."""
    help: bool = False
    quits: bool = False
    """Whether q leaves: in a terminal of its own, not in the session's pane."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the footer; those with a higher `rank` go first when room is short."""

    rank: int
    text: str
    style: Style = Style.PLAIN


def frame(fleet: Fleet | None, view: View, gone_since: float | None, now: float, canvas: Canvas) -> list[str]:
    """Give exactly `canvas.height` lines, none wider than `canvas.width` columns.

    `fleet` None means that no controller has answered yet; `gone_since` is when the last one went away.
    """
    if fleet is None:
        body = [_waiting(gone_since, now, canvas)]
        return [*body, *[""] * canvas.height][: canvas.height]
    body = _help(view, canvas) if view.help else _question(fleet, view, now, canvas)
    body = body or _table(fleet, view, gone_since, now, canvas)
    room = canvas.height - 1
    return [*[*body, *[""] * room][:room], _footer(fleet, view, gone_since, now, canvas)]


def _question(fleet: Fleet, view: View, now: float, canvas: Canvas) -> list[str]:
    """Give the chosen run's oldest question in full, if that is what is to be seen."""
    row = fleet.rows.get(view.selected or "") if view.why else None
    if row is None or not row.questions:
        return []
    told = {"agent": row.agent, "weaker": row.weaker, "lost": row.lost, **row.questions[0]}
    lines = question_lines(told, width=max(1, canvas.width - 1), now=now)
    room = canvas.height - 1
    shown = lines if len(lines) <= room else [*lines[: room - 1], ("… more: pancode approvals", Style.LOUD)]
    return [" " + paint(cut(line, canvas.width - 1), style, colour=canvas.colour) for line, style in shown]


def diff(old: Sequence[str] | None, new: Sequence[str]) -> str:
    r"""Give the escape codes and text that turn the screen `old` into `new`; None clears first.

    >>> diff(["a", "b"], ["a", "c"])
    '\x1b[2;1H\x1b[2Kc'
    """
    if old is None or len(old) != len(new):
        return "\x1b[0m\x1b[2J" + "".join(_write(n, line) for n, line in enumerate(new, 1) if line)
    pairs = enumerate(zip(old, new, strict=True), 1)
    return "".join(_write(n, line) for n, (was, line) in pairs if was != line)


def _write(number: int, line: str) -> str:
    return f"\x1b[{number};1H\x1b[2K{line}"


def body_lines(canvas: Canvas) -> int:
    """Count the lines that rows can take."""
    return max(0, canvas.height - 1 - (canvas.height >= _LINES_WITH_HEADING))


def scrolled(view: View, order: Sequence[Row], lines: int) -> View:
    """Give the view with `top` moved as little as keeps the chosen row on the screen."""
    if len(order) <= lines:
        return view if view.top == 0 else replace(view, top=0)
    shown = max(1, lines - 1)
    ids = [row.run_id for row in order]
    at = ids.index(view.selected) if view.selected in ids else 0
    top = min(max(min(view.top, at), at - shown + 1), len(ids) - shown)
    return view if top == view.top else replace(view, top=top)


def _waiting(gone_since: float | None, now: float, canvas: Canvas) -> str:
    for_long = gone_since is not None and now - gone_since >= 1
    text = "waiting for the controller" + (f" since {age(now - (gone_since or now))}" if for_long else "")
    return paint(cut(" " + text, canvas.width), Style.DIM, colour=canvas.colour)


def _help(view: View, canvas: Canvas) -> list[str]:
    lines = (*HELP, "q           leave") if view.quits else HELP
    return [cut(" " + line, canvas.width) for line in lines]


def _table(fleet: Fleet, view: View, gone_since: float | None, now: float, canvas: Canvas) -> list[str]:
    order = fleet.ordered(now)
    lines = body_lines(canvas)
    view = scrolled(view, order, lines)
    shown = order if len(order) <= lines else order[view.top : view.top + max(1, lines - 1)]
    table = columns_for(canvas.width, order)
    body = []
    for row in shown:
        parts = cells(row, table, now, canvas.width - 1)
        style, chosen = look(row.face(now)).style, row.run_id == view.selected
        line = _row_line(parts, style, canvas, chosen=chosen, stale=gone_since is not None)
        body.append(_alarmed(line, row.weaker, Style.STRONG_BAD) if canvas.colour else line)
    if canvas.height >= _LINES_WITH_HEADING:
        title = cut(" " + heading(table, canvas.width - 1), canvas.width)
        body.insert(0, paint(title, Style.DIM, colour=canvas.colour))
    if not order:
        body.append(cut(" no workers yet: pancode run TASK", canvas.width))
    elif len(shown) < len(order):
        below = len(order) - view.top - len(shown)
        text = f" … {below} more below" + (f", {view.top} above" if view.top else "")
        body.append(paint(cut(text, canvas.width), Style.DIM, colour=canvas.colour))
    return body


def _alarmed(line: str, words: str, style: Style) -> str:
    """Paint `words` where they stand in a line, as much of them as there was room for.

    Also in a chosen or a stale line: a weaker grade is red wherever it is seen.
    """
    seen = words
    while seen and seen not in line:
        seen = seen[:-1]
    if len(seen) < _LEAST_SEEN:
        return line
    before, _, after = line.partition(seen)
    goes_on = before.rpartition("\x1b[")[2].partition("m")[0] if before.startswith("\x1b[") else "0"
    return f"{before}\x1b[0m{paint(seen, style, colour=True)}\x1b[{goes_on}m{after}"


def _row_line(parts: tuple[str, str], style: Style, canvas: Canvas, *, chosen: bool, stale: bool) -> str:
    head, rest = parts
    if not canvas.colour:
        return ("›" if chosen else " ") + (head + rest).rstrip()
    if chosen:
        return f"\x1b[7m›{fit(head + rest, canvas.width - 1)}\x1b[0m"
    if stale:
        return paint((" " + head + rest).rstrip(), Style.DIM, colour=True)
    word = head.rstrip()
    return f" {paint(word, style, colour=True)}{' ' * (len(head) - len(word))}{rest}"


def _footer(fleet: Fleet, view: View, gone_since: float | None, now: float, canvas: Canvas) -> str:
    if view.stopping is not None:
        question = cut(f" stop {view.stopping}? y/n", canvas.width)
        return paint(question, Style.LOUD, colour=canvas.colour)
    if view.allowing is not None:
        return paint(_yes(fleet, view.allowing, canvas.width), Style.LOUD, colour=canvas.colour)
    if view.note:
        return paint(cut(f" {view.note}", canvas.width), Style.CAREFUL, colour=canvas.colour)
    segments = facts(fleet, gone_since, now)
    while len(segments) > 1 and _wide(segments) + 1 > canvas.width:
        segments.remove(min(segments, key=lambda segment: segment.rank))
    if _wide(segments) + 1 > canvas.width:
        return cut(" " + segments[0].text, canvas.width)
    painted = [paint(segment.text, segment.style, colour=canvas.colour) for segment in segments]
    return " " + " · ".join(painted)


def _yes(fleet: Fleet, id_: str, width: int) -> str:
    """Ask once more, with the words that the yes is for."""
    asked = (one for row in fleet.rows.values() for one in row.questions if one.get("id") == id_)
    what = clean((next(asked, None) or {}).get("what")) or "it has its answer already"
    return cut(f" allow {id_} once? y/n  {what}", width)


def _wide(segments: Sequence[Segment]) -> int:
    return sum(columns(segment.text) for segment in segments) + 3 * (len(segments) - 1)


def _chosen(fleet: Fleet) -> list[Segment]:
    """Give what the operator has chosen: mode, level, preset."""
    mode = Segment(90, fleet.mode.upper(), MODES.get(fleet.mode, Style.PLAIN))
    preset = Segment(30, f"preset {fleet.preset}" if fleet.preset else "")
    return [one for one in (mode, Segment(60, fleet.safety), preset) if one.text]


def facts(fleet: Fleet, gone_since: float | None, now: float) -> list[Segment]:
    """Give the session's facts in the order of the footer; counts of nothing are left out."""
    found: list[Segment] = []
    if gone_since is not None:
        found.append(Segment(99, f"controller gone since {age(now - gone_since)}", Style.BAD))
    if fleet.draining:
        found.append(Segment(98, "shutting down", Style.CAREFUL))
    found += _chosen(fleet)
    found.append(Segment(70, fleet.spent(), Style.LOUD if fleet.warning else Style.PLAIN))
    if fleet.warning:
        found.append(Segment(65, fleet.warning, Style.LOUD))
    if fleet.disk:
        found.append(Segment(94, fleet.disk, Style.STRONG_BAD))
    looks = (
        ("waiting", "asks you", 95, Style.LOUD),
        ("failed", "not done", 75, Style.BAD),
        ("live", "live", 80, Style.PLAIN),
        ("done", "done", 40, Style.PLAIN),
    )
    for key, word, rank, style in looks:
        if fleet.totals.get(key):
            found.append(Segment(rank, f"{fleet.totals[key]} {word}", style))
    weaker = sum(row.is_live and bool(row.weaker) for row in fleet.rows.values())
    if weaker:
        found.append(Segment(93, f"{weaker} WEAKER", Style.STRONG_BAD))
    beat = fleet.oldest_beat(now)
    if beat is not None:
        found.append(Segment(50, f"oldest beat {age(beat)}"))
    found.append(Segment(10, "? help", Style.DIM))
    return found
