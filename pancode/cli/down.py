"""`pancode down`: ends a session, or all of them, and leaves nothing running."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option

if TYPE_CHECKING:
    from pancode.engine.places import Places


def unmerged_lines(places: Places) -> list[str]:
    """Give a line for what isolated runs have left and nobody has merged; none if there is nothing."""
    from pancode.core.errors import PanError
    from pancode.domains.isolation.api import Work, unknown, unmerged

    try:
        left, hidden = unmerged(Work(places)), unknown(Work(places))
    except (PanError, OSError) as error:
        return [f"what isolated runs have left can't be looked at: {error}"]
    lines = [f"not collected yet, in the clone of {one.run}: {one.why}" for one in hidden]
    if not left:
        return lines
    named = ", ".join(f"{one.run} ({one.counts})" for one in left[:10])
    more = f" and {len(left) - 10} more" if len(left) > 10 else ""  # noqa: PLR2004
    return [f"not merged yet: {named}{more}; pancode merge RUN, or pancode discard RUN", *lines]


@click.command()
@click.option("--session", metavar="NAME", help="Which session of this project.  [default: main]")
@click.option("--all", "everything", is_flag=True, help="All sessions of all projects.")
@click.option(
    "--drain",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Let workers go on for as long as this before they are stopped.",
)
@json_option
def down(session: str | None, *, everything: bool, drain: float, as_json: bool) -> None:
    """Stop the workers, keep what they did, and end the session. A second Ctrl-C forces.

    In four phases, each of them bounded: drain (nothing more starts; what waits in the queue is cancelled,
    and named), stop, persist, exit.
    """
    import json
    from dataclasses import asdict

    from pancode.core.errors import ExitCode, PanError
    from pancode.domains.session.leftovers import leftovers
    from pancode.domains.session.listing import all_sessions
    from pancode.domains.session.stop import take_down
    from pancode.engine import places as where

    if everything and session is not None:
        raise PanError(
            "--all and --session exclude each other", remedy="give one of them", code=ExitCode.USAGE
        )
    chosen = [listed.places for listed in all_sessions()] if everything else [where.find(session)]
    told = []
    for places in chosen:
        taken = take_down(places, _say, drain)
        _say(f'session "{places.session}" of {places.project} {"is down" if taken.was_up else "was not up"}')
        for line in unmerged_lines(places):
            _say(line)
        told.append({"session": places.session, "project": places.project, **asdict(taken)})
    if not chosen:
        _say("no session is up")
    left = [one for one in leftovers() if any(one.is_of(places) for places in chosen)]
    if left:
        _say(
            f"{len(left)} things are left behind: pancode clean --dry-run lists them, pancode clean ends them"
        )
    if as_json:
        click.echo(json.dumps({"sessions": told, "left": [one.told() for one in left]}, ensure_ascii=False))


def _say(text: str) -> None:
    # Inside the session this terminal ends before we do.
    with contextlib.suppress(OSError):
        click.echo(f"pancode: {text}", err=True)
