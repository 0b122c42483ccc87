"""`pancode diff`: what an isolated run has changed."""

from __future__ import annotations

import json
import sys

import click

from pancode.cli.client import json_option, session_option


@click.command()
@click.argument("run")
@click.option("--stat", is_flag=True, help="Only the files, with what was added and removed in each.")
@session_option
@json_option
def diff(run: str, session: str | None, *, stat: bool, as_json: bool) -> None:
    """Show what an isolated RUN has changed: its commits, and what it left uncommitted.

    Needs no session. `git apply` takes what is printed.
    """
    from pancode.domains.isolation.api import Work
    from pancode.engine import places

    work = Work(places.find(session))
    left = work.changes(run)
    if as_json:
        told = {"run_id": left.run, **left.told, "base": left.base, "result": left.result}
        click.echo(json.dumps({**told, "paths": work.paths(left)}, ensure_ascii=False))
    elif stat:
        for change in work.paths(left):
            before = f"{change['from']} → " if "from" in change else ""
            click.echo(f"{change['letter']} {_figure(change)} {before}{change['path']}")
        click.echo(f"{left.words}")
    else:
        sys.stdout.flush()
        work.print_patch(left, sys.stdout.buffer)


def _figure(change: dict[str, object]) -> str:
    added, removed = change["added"], change["removed"]
    return f"{'binary':>11}" if added is None else f"{f'+{added}':>5} {f'-{removed}':>5}"
