"""`pancode up`: opens the session of this project, or attaches to it."""

from __future__ import annotations

import click


@click.command()
@click.option("--session", metavar="NAME", help='Which session of this project (default: "main").')
@click.option(
    "--layout", metavar="NAME", help="Window layout to open (default, wall, solo, review, or your own)."
)
@click.option("--preset", metavar="NAME", help="A preset: settings with a name.")
@click.option("--detach", is_flag=True, help="Start the session without showing it.")
def up(session: str | None, layout: str | None, preset: str | None, detach: bool) -> None:
    """Open the session of this project and attach to it."""
    import os

    from pancode.cli.opening import open_session
    from pancode.domains.session.enter import enter, how_to_attach
    from pancode.domains.session.start import has_terminal, wait_ready
    from pancode.engine import places as where

    places = where.find(session)
    done = open_session(places, layout=layout, preset=preset)
    for note in done.notes:
        click.echo(f"pancode: {note}", err=True)
    if detach or not has_terminal():
        wait_ready(places)
        state = "is up" if done.created else "was up already"
        click.echo(f'session "{places.session}" {state}; to see it: {how_to_attach(places)}')
        return
    said = enter(places, os.environ)
    if said:
        click.echo(said)
