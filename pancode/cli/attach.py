"""`pancode attach`: shows a session, or one run's window, on this terminal."""

from __future__ import annotations

import click


@click.command()
@click.argument("run", required=False)
@click.option("--session", metavar="NAME", help="Which session of this project.  [default: main]")
def attach(run: str | None, session: str | None) -> None:
    """Show the session on this terminal, or the window of RUN. Detach with the prefix key and d."""
    import os

    from pancode.core.errors import ExitCode, PanError
    from pancode.domains.session.ask import ask
    from pancode.domains.session.enter import enter
    from pancode.domains.session.naming import typed
    from pancode.domains.session.start import has_terminal
    from pancode.engine import places as where
    from pancode.engine.tmux.server import look

    places = where.find(session)
    if look(places.tmux_socket).state != "alive":
        raise PanError(
            f'session "{places.session}" of {places.project} is not up',
            remedy=f"{typed(places, 'up')}, or pancode sessions",
            code=ExitCode.UNREACHABLE,
        )
    window = None
    if run is not None:
        found = ask(places.socket, "resolve", {"run": run})
        window = found.get("window")
        if not window:
            raise PanError(
                f'run "{found.get("run_id", run)}" has no window',
                remedy=f"pancode logs {run}",
                code=ExitCode.NOT_FOUND,
            )
    if not has_terminal():
        raise PanError(
            "there is no terminal to show the session on",
            remedy="run pancode attach in a terminal",
            code=ExitCode.ENVIRONMENT,
        )
    said = enter(places, os.environ, window)
    if said:
        click.echo(said)
