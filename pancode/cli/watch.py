"""`pancode watch`: the fleet screen in this terminal, or one line for each change where there is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pancode.cli.client import request, session_option
from pancode.engine import places, terminal

if TYPE_CHECKING:
    from pancode.domains.ui.rows import Fleet
    from pancode.engine.places import Places


@click.command()
@session_option
def watch(session: str | None) -> None:
    """Follow the session's workers until q or Ctrl-C; into a pipe, print one line for each change."""
    here = places.find(session)
    request("status", places=here)  # A session that isn't up is told at once, with the remedy.
    if terminal.is_interactive():
        _screen(here)
    else:
        _lines(here)


def _screen(here: Places) -> None:
    import contextlib

    from pancode.domains.ui.screen import Screen, prepared

    with contextlib.suppress(KeyboardInterrupt), prepared(whole_screen=True):
        Screen(here, quits=True).run()


def _lines(here: Places) -> None:
    from pancode.domains.ui.link import Link, follow
    from pancode.domains.ui.screen import absorbed

    link = Link(here.socket, time.time)
    fleet: Fleet | None = None
    said: dict[str, str] = {}
    is_there = True
    for event in follow(link):
        if event is None:
            if is_there:
                click.echo(f"{_stamp()} controller gone")
            is_there = False
            if link.session_is_down:
                click.echo(f"{_stamp()} session is down")
                return
            continue
        is_there = True
        fleet = absorbed(fleet, event, time.time())
        if fleet is not None:
            _tell(fleet, said)


def _tell(fleet: Fleet, said: dict[str, str]) -> None:
    """Print the rows whose state or work differs from what was printed for them before."""
    from pancode.domains.ui.text import money

    now = time.time()
    for row in fleet.ordered(now):
        line = f"{row.run_id} {row.agent} {row.face(now)}  {_work(row.face(now), row.doing, row.what(now))}"
        if not row.is_live:
            line += f"  {money(row.usd, estimated=row.estimated)}"
        if said.get(row.run_id) != line:
            said[row.run_id] = line
            click.echo(f"{_stamp()} {line}")


def _work(face: str, doing: str, what: str) -> str:
    """Leave out what only counts seconds: a line per change is not a line per second."""
    return doing if face in ("silent", "no-beat") else what


def _stamp() -> str:
    return time.strftime("%H:%M:%S")
