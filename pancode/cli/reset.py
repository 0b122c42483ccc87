"""`pancode reset`: removes what a session that is down has kept."""

from __future__ import annotations

import click


@click.command()
@click.option("--session", metavar="NAME", help="Which session of this project.  [default: main]")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--with-unmerged", is_flag=True, help="Also where changes would go that are merged nowhere.")
def reset(session: str | None, yes: bool, with_unmerged: bool) -> None:
    """Remove the session's runs, index and settings; it must be down. The project isn't touched."""
    import os
    import sys

    from pancode.core.errors import ExitCode, PanError
    from pancode.domains.session.clean import kept_runs, wipe
    from pancode.engine import places as where

    places = where.find(session)
    if not os.path.isdir(places.state):
        click.echo(f'session "{places.session}" has kept nothing')
        return
    from pancode.cli.down import unmerged_lines

    left = unmerged_lines(places)
    if left and not with_unmerged:
        raise PanError(
            left[0], remedy="pancode reset --with-unmerged removes them, too", code=ExitCode.CONFLICT
        )
    if not yes:
        if not sys.stdin.isatty():
            raise PanError(
                "nobody can be asked without a terminal", remedy="pancode reset --yes", code=ExitCode.USAGE
            )
        count = kept_runs(places)
        runs = f"{count} run{'' if count == 1 else 's'}"
        click.confirm(f"remove {runs} and all else in {places.state}?", abort=True)
    wipe(places)
    click.echo(f'session "{places.session}" starts afresh')
