"""`pancode status`: the session and its workers at this moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.plain import plain
from pancode.engine import places

if TYPE_CHECKING:
    from rich.table import Table

    from pancode.domains.ui.rows import Row


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

    from pancode.domains.ui.frame import Segment, facts
    from pancode.domains.ui.reading import read_fleet
    from pancode.domains.ui.theme import paint, wants_colour

    now = time.time()
    fleet = read_fleet(found, now)
    console = Console(soft_wrap=False)
    colour = console.is_terminal and wants_colour(os.environ)
    said = [segment for segment in facts(fleet, None, now) if segment.text != "? help"]
    kept = (found.get("disk") or {}).get("bytes")
    said += [] if kept is None else [Segment(0, f"{kept / 1e6:,.1f} MB kept")]
    click.echo(" · ".join(paint(s.text, s.style, colour=colour) for s in said), color=colour)
    if found.get("scripted_model"):
        click.echo(plain(f"model calls go to the scripted model, {found['scripted_model']}"))
    if not fleet.rows:
        click.echo("no workers yet: pancode run TASK")
    elif console.is_terminal:
        from pancode.cli.tables import fitting, left_out

        rows = [(row, _cells(row, now)) for row in fleet.ordered(now)]
        kept = (
            fitting(TITLES, [cells for _, cells in rows], console.width, FIRST_TO_GO, LEAST) or STATE_AND_ID
        )
        console.print(_table(rows, kept, now, console.width))
        left_out(console, TITLES, kept)
    else:
        from pancode.cli.tables import show

        cells = [_cells(row, now) for row in fleet.ordered(now)]
        show(TITLES, cells, [None] * len(cells))


TITLES = ("state", "id", "agent", "mode", "in/out", "cost", "time", "doing")
GAP = 2
LEAST = 12
"""Columns that what a worker does gets at least; the window is too narrow for a table below that."""
FIRST_TO_GO = ("in/out", "mode", "cost", "time")
"""Columns that give their room to what a worker does, where there isn't enough for all."""
STATE_AND_ID = [0, 1]


def _table(rows: list[tuple[Row, tuple[str, ...]]], kept: list[int], now: float, width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    from pancode.domains.ui.theme import Style, look

    titles = [TITLES[place] for place in kept]
    widths = [
        max(len(cells[place]) for cells in (TITLES, *(cells for _, cells in rows))) for place in kept[:-1]
    ]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for title, least in zip(titles, widths, strict=False):
        table.add_column(title, no_wrap=True, min_width=least)
    room = width - sum(widths) - GAP * len(titles)
    table.add_column(titles[-1], no_wrap=True, overflow="ellipsis", max_width=max(room, 1))
    for row, every in rows:
        state, *others, end = (every[place] for place in kept)
        doing = Text(end)
        doing.highlight_words([row.weaker] if row.weaker else [], Style.STRONG_BAD.rich)
        table.add_row(Text(state, style=look(row.face(now)).style.rich), *map(Text, others), doing)
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
