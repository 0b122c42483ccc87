"""`pancode status`: the session and its workers at this moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.engine import places

if TYPE_CHECKING:
    from rich.table import Table

    from pancode.domains.ui.rows import Fleet, Row


@click.command()
@session_option
@json_option
def status(session: str | None, as_json: bool) -> None:
    """Show the session's mode, safety level, cost and workers."""
    found = request("status", places=places.find(session))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    import os
    import time

    from rich.console import Console

    from pancode.domains.ui.frame import facts
    from pancode.domains.ui.reading import read_fleet
    from pancode.domains.ui.theme import paint, wants_colour

    now = time.time()
    fleet = read_fleet(found, now)
    console = Console(soft_wrap=False)
    colour = console.is_terminal and wants_colour(os.environ)
    said = [segment for segment in facts(fleet, None, now) if segment.text != "? help"]
    click.echo(" · ".join(paint(s.text, s.style, colour=colour) for s in said), color=colour)
    if not fleet.rows:
        click.echo("no workers yet: pancode run TASK")
    elif console.is_terminal:
        console.print(_table(fleet, now, console.width))
    else:
        from pancode.cli.tables import show

        rows = [_cells(row, now) for row in fleet.ordered(now)]
        show(TITLES, rows, [None] * len(rows))


TITLES = ("state", "id", "agent", "mode", "in/out", "cost", "time", "doing")
GAP = 2
LEAST = 12
"""Columns that what a worker does gets at least; the window is too narrow for a table below that."""
NARROW = 100
"""Columns of a window below which mode and tokens give their room to what a worker does."""


def _table(fleet: Fleet, now: float, width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    from pancode.domains.ui.theme import Style, look

    kept = [place for place, title in enumerate(TITLES) if width >= NARROW or title not in ("mode", "in/out")]
    titles = [TITLES[place] for place in kept]
    rows = []
    for row in fleet.ordered(now):
        every = _cells(row, now)
        rows.append((look(row.face(now)).style.rich, row.weaker, [every[place] for place in kept]))
    widths = [
        max(len(cells[place]) for cells in (titles, *(cells for *_, cells in rows)))
        for place in range(len(titles) - 1)
    ]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for title, least in zip(titles, widths, strict=False):
        table.add_column(title, no_wrap=True, min_width=least)
    room = width - sum(widths) - GAP * len(titles)
    table.add_column(titles[-1], no_wrap=True, overflow="ellipsis", max_width=max(room, LEAST))
    for style, weaker, cells in rows:
        doing = Text(cells[-1])
        doing.highlight_words([weaker] if weaker else [], Style.STRONG_BAD.rich)
        table.add_row(Text(cells[0], style=style), *(Text(cell) for cell in cells[1:-1]), doing)
    return table


def _cells(row: Row, now: float) -> tuple[str, ...]:
    from pancode.domains.ui.text import amount, clock, money
    from pancode.domains.ui.theme import look

    seen, elapsed = look(row.face(now)), row.elapsed(now)
    return (
        f"{seen.mark} {seen.word}",
        row.run_id,
        row.agent,
        row.mode or "–",
        f"{amount(row.tokens_in)}/{amount(row.tokens_out)}",
        money(row.usd, estimated=row.estimated),
        "–" if elapsed is None else clock(elapsed),
        row.what(now),
    )
