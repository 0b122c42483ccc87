"""`pancode clean`: removes the clones that nobody needs any more."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, session_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@session_option
@json_option
def clean(session: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove the clones of runs whose changes are merged, discarded or none, and name each.

    What is open or needs a merge stays, and so does every run's record. Needs no session.
    """
    from pancode.domains.isolation.api import Work, clones
    from pancode.engine import places

    work = Work(places.find(session))
    found = clones(work)
    for one in found:
        if one.may_go and not dry_run:
            work.store.remove_clone(one.run)
    if as_json:
        told = [{"run_id": one.run, "why": one.why, "removed": one.may_go and not dry_run} for one in found]
        click.echo(json.dumps({"clones": told}, ensure_ascii=False))
        return
    removed = "would remove" if dry_run else "removed"
    for one in found:
        click.echo(f"{removed if one.may_go else 'kept'} the clone of {one.run}: {one.why}")
    if not found:
        click.echo("there are no clones")
