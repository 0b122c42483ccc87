"""Tables: coloured and cut to the window for a person, aligned and whole for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from pancode.domains.ui.text import columns as in_columns
from pancode.domains.ui.text import folded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = Sequence[str]
GAP = 2
FEWEST = 2
"""Columns that make a table."""
LAST_MIN, LAST_WRAPPED = 10, 24
"""Columns of a screen that the last column gets at least, if it needs them; more where it is wrapped."""


def printable(text: str) -> str:
    r"""Put a text into one line without control characters: a file may hold escapes for the terminal.

    >>> printable("clear\x1b[2J the\nscreen")
    'clear?[2J the screen'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def show(
    columns: Row,
    rows: Sequence[Row],
    colours: Sequence[str | None],
    *,
    wrap: bool = False,
    drop: Sequence[str] = (),
) -> None:
    """Print a table; `colours` has one rich style, or None, for each row.

    Where the window is too narrow, the last column is cut, or goes on in the next line with `wrap`. Where
    that isn't enough, columns are left out, those of `drop` first and then from the right, and a line
    names them; at last each row is a few lines. A pipe gets everything.
    """
    clean = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _show_on_screen(columns, clean, colours, wrap=wrap, drop=drop)
        return
    every = [list(columns), *clean]
    widths = [max(len(row[place]) for row in every) for place in range(len(columns) - 1)]
    for row in every:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


def fitting(
    columns: Row, rows: Sequence[Row], width: int, drop: Sequence[str] = (), last: int = LAST_MIN
) -> list[int]:
    """Give the places of the columns that fit side by side; none if not even the first and another one do.

    >>> heads, rows = ("run", "decision", "by", "what"), [("k3f", "done", "operator", "make the tests pass")]
    >>> fitting(heads, rows, 40), fitting(heads, rows, 30), fitting(heads, rows, 30, drop=("what",))
    ([0, 1, 2, 3], [0, 1, 3], [0, 1, 2])
    >>> fitting(heads, rows, 10)
    []
    """
    widths = [max(in_columns(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    kept = list(range(len(columns)))
    named = [columns.index(name) for name in drop if name in columns]
    for place in (*named, *(one for one in reversed(kept[1:-1]) if one not in named), None):
        *fixed, end = kept
        if sum(widths[one] for one in fixed) + min(widths[end], last) + GAP * len(kept) <= width:
            return kept
        if place is not None and len(kept) > FEWEST:
            kept.remove(place)
    return []


def _show_on_screen(
    columns: Row, rows: Sequence[Row], colours: Sequence[str | None], *, wrap: bool, drop: Sequence[str]
) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    kept = fitting(columns, rows, console.width, drop, LAST_WRAPPED if wrap else LAST_MIN)
    if not kept:
        for row, colour in zip(rows, colours, strict=True):
            for line in _stacked(columns, row):
                console.print(Text(folded(line, console.width)), style=colour or "", soft_wrap=True)
        return
    chosen = [[row[place] for place in kept] for row in rows]
    console.print(_table([columns[place] for place in kept], chosen, colours, console.width, wrap=wrap))
    left_out(console, columns, kept)


def left_out(console: Console, columns: Row, kept: Sequence[int]) -> None:
    """Name the columns that had no room, if there are any."""
    from rich.text import Text

    if gone := [name for place, name in enumerate(columns) if place not in kept and name]:
        console.print(Text(f"no room here for: {', '.join(gone)} (--json has all)"), style="dim")


def _table(
    columns: Row, rows: Sequence[Row], colours: Sequence[str | None], width: int, *, wrap: bool
) -> Table:
    from rich.table import Table
    from rich.text import Text

    widths = [max(in_columns(row[place]) for row in (columns, *rows)) for place in range(len(columns) - 1)]
    room = width - sum(widths) - GAP * len(columns)
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for name, least in zip(columns, widths, strict=False):
        table.add_column(name, no_wrap=True, min_width=least)
    overflow: Literal["fold", "ellipsis"] = "fold" if wrap else "ellipsis"
    table.add_column(columns[-1], no_wrap=not wrap, overflow=overflow, max_width=max(room, 1))
    for row, colour in zip(rows, colours, strict=True):
        table.add_row(*(Text(cell) for cell in row), style=colour)
    return table


def _stacked(columns: Row, row: Row) -> list[str]:
    """Give a row as lines: its first cell, and the others below with their names.

    >>> _stacked(("key", "in force", "meaning"), ("runtime.theme", "dark", ""))
    ['runtime.theme', '  in force: dark']
    """
    named = zip(columns[1:], row[1:], strict=True)
    return [row[0], *(f"  {name}: {cell}" if name else f"  {cell}" for name, cell in named if cell)]
