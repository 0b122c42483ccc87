"""`pancode clean`: what nobody needs any more: clones, and what killed sessions have left behind."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, session_option
from pancode.core.errors import ExitCode


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@session_option
@json_option
def clean(session: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Remove the clones of runs whose changes are merged, discarded or none, and name each.

    What is open or needs a merge stays, and so does every run's record. Also ends and removes what killed
    sessions of yours have left: processes, runtime directories, handed over secrets. Needs no session.
    """
    from pancode.domains.isolation.api import Work, clones, remove
    from pancode.domains.session import leftovers
    from pancode.engine import places

    work = Work(places.find(session))
    kept = [one if dry_run or not one.may_go else remove(work, one) for one in clones(work)]
    found = leftovers.leftovers()
    left = [] if dry_run else leftovers.clean(found)
    if as_json:
        told = [{"run_id": one.run, "why": one.why, "removed": one.may_go and not dry_run} for one in kept]
        things = {"found": [one.told() for one in found], "left": [one.told() for one in left]}
        click.echo(json.dumps({"clones": told, **things}, ensure_ascii=False))
        return int(ExitCode.ENVIRONMENT if left else ExitCode.DONE)
    removed = "would remove" if dry_run else "removed"
    for one in kept:
        click.echo(f"{removed if one.may_go else 'kept'} the clone of {one.run}: {one.why}")
    for thing in found:
        outcome = "couldn't remove" if thing in left else removed
        click.echo(f"{outcome} the {thing.kind} {thing.what}: {thing.why}")
    if not kept:
        click.echo("there are no clones")
    return int(ExitCode.ENVIRONMENT if left else ExitCode.DONE)
