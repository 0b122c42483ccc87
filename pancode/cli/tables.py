"""Tables: coloured and cut to the window for a person, aligned and whole for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

import click

Row = Sequence[str]
LAST_MIN = 10
"""Columns of a screen that the last column gets at least."""


def printable(text: str) -> str:
    r"""Put a text into one line without control characters: a file may hold escapes for the terminal.

    >>> printable("clear\x1b[2J the\nscreen")
    'clear?[2J the screen'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def show(columns: Row, rows: Sequence[Row], colours: Sequence[str | None], *, wrap: bool = False) -> None:
    """Print a table; `colours` has one rich style, or None, for each row.

    Where the window is too narrow, the last column is cut, or goes on in the next line with `wrap`.
    """
    clean = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _show_rich(columns, clean, colours, wrap=wrap)
        return
    every = [list(columns), *clean]
    widths = [max(len(row[place]) for row in every) for place in range(len(columns) - 1)]
    for row in every:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


def _show_rich(columns: Row, rows: Sequence[Row], colours: Sequence[str | None], *, wrap: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, gap = Console(), 2
    widths = [max(len(row[place]) for row in [columns, *rows]) for place in range(len(columns) - 1)]
    room = console.width - sum(widths) - gap * len(columns)
    table = Table(box=None, padding=(0, gap, 0, 0), header_style="dim")
    for name, width in zip(columns, widths, strict=False):
        table.add_column(name, no_wrap=True, min_width=width)
    overflow: Literal["fold", "ellipsis"] = "fold" if wrap else "ellipsis"
    table.add_column(columns[-1], no_wrap=not wrap, overflow=overflow, max_width=max(room, LAST_MIN))
    for row, colour in zip(rows, colours, strict=True):
        table.add_row(*(Text(cell) for cell in row), style=colour)
    console.print(table)
