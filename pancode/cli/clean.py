"""`pancode clean`: what nobody needs any more: clones, what killed sessions left, and what is old."""

from __future__ import annotations

import json
import os

import click

from pancode.cli.client import json_option, session_option
from pancode.core.errors import ExitCode


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.IntRange(min=1),
    help="Also what was kept for longer.  [default: dispatch.keepDays, or nothing]",
)
@session_option
@json_option
def clean(session: str | None, days: int | None, *, dry_run: bool, as_json: bool) -> int:
    """Remove the clones of runs whose changes are merged, discarded or none, and name each.

    What is open or needs a merge stays, and so does every run's record. Also ends and removes what killed
    sessions of yours have left: processes, runtime directories, handed over secrets. With --older-than also
    checkpoints, results of flows, and the changes of runs that were merged or discarded before that. Needs
    no session.
    """
    from pancode.domains.dispatch.tidying import tidy
    from pancode.domains.isolation.api import Work, clones, remove, used
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.session import leftovers
    from pancode.engine import places

    where = places.find(session)
    work = Work(where)
    kept = [one if dry_run or not one.may_go else remove(work, one) for one in clones(work)]
    found = leftovers.leftovers()
    left = [] if dry_run else leftovers.clean(found)
    for_days = days or InForce(where, os.environ).read(os.environ).keep_days
    old = [] if for_days is None else tidy(where, for_days, dry_run=dry_run)
    disk = used(where.state)
    if as_json:
        told = [{"run_id": one.run, "why": one.why, "removed": one.may_go and not dry_run} for one in kept]
        things = {"found": [one.told() for one in found], "left": [one.told() for one in left]}
        more = {"older_than": for_days, "old": old, "bytes": disk}
        click.echo(json.dumps({"clones": told, **things, **more}, ensure_ascii=False))
        return int(ExitCode.ENVIRONMENT if left else ExitCode.DONE)
    removed = "would remove" if dry_run else "removed"
    for one in kept:
        click.echo(f"{removed if one.may_go else 'kept'} the clone of {one.run}: {one.why}")
    for thing in found:
        outcome = "couldn't remove" if thing in left else removed
        click.echo(f"{outcome} the {thing.kind} {thing.what}: {thing.why}")
    for what in old:
        click.echo(f"{removed} {what}")
    if not kept:
        click.echo("there are no clones")
    click.echo(f"the session keeps {disk / 1e6:,.1f} MB in {where.state}")
    return int(ExitCode.ENVIRONMENT if left else ExitCode.DONE)
