"""`pancode down`: ends a session, or all of them, and leaves nothing running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pancode.engine.places import Places


def unmerged_lines(places: Places) -> list[str]:
    """Give a line for what isolated runs have left and nobody has merged; none if there is nothing."""
    from pancode.core.errors import PanError
    from pancode.domains.isolation.api import Work, unmerged

    try:
        left = unmerged(Work(places))
    except (PanError, OSError):
        return []
    if not left:
        return []
    named = ", ".join(f"{one.run} ({one.counts})" for one in left[:10])
    more = f" and {len(left) - 10} more" if len(left) > 10 else ""  # noqa: PLR2004
    return [f"not merged yet: {named}{more}; pancode merge RUN, or pancode discard RUN"]


@click.command()
@click.option("--session", metavar="NAME", help="Which session of this project.  [default: main]")
@click.option("--all", "everything", is_flag=True, help="All sessions of all projects.")
def down(session: str | None, everything: bool) -> None:
    """Stop the workers, keep what they did, and end the session. A second Ctrl-C forces."""
    import contextlib

    from pancode.core.errors import ExitCode, PanError
    from pancode.domains.session.listing import all_sessions
    from pancode.domains.session.stop import take_down
    from pancode.engine import places as where

    if everything and session is not None:
        raise PanError(
            "--all and --session exclude each other", remedy="give one of them", code=ExitCode.USAGE
        )

    def say(text: str) -> None:
        # Inside the session this terminal ends before we do.
        with contextlib.suppress(OSError):
            click.echo(f"pancode: {text}", err=True)

    chosen = [listed.places for listed in all_sessions()] if everything else [where.find(session)]
    for places in chosen:
        was_up = take_down(places, say)
        say(f'session "{places.session}" of {places.project} {"is down" if was_up else "was not up"}')
        for line in unmerged_lines(places):
            say(line)
    if not chosen:
        say("no session is up")
