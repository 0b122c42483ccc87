"""`pancode stop`: end a run."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import ending, public
from pancode.core.errors import ExitCode
from pancode.engine import places


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--force", is_flag=True, help="Kill at once, without asking the agent to finish.")
@click.option("--detach", is_flag=True, help="Don't wait until it has ended.")
@session_option
@json_option
def stop(run: str, session: str | None, *, force: bool, detach: bool, as_json: bool) -> int:
    """End RUN and every process it has started. A prefix of its id is enough."""
    from pancode.cli.waiting import wait

    where = places.find(session)
    told = request("stop", {"run": run, "force": force}, places=where)
    run_id = told["run_id"]
    if detach:
        click.echo(json.dumps(told) if as_json else f"{run_id}: asked to stop")
        return int(ExitCode.DONE)
    result = wait(run_id, where, quiet=True)
    if as_json:
        click.echo(json.dumps(public(result), ensure_ascii=False))
    elif not told["was_live"]:
        click.echo(f"{run_id} had ended already: {result['status']}")
    else:
        click.echo(ending(result))
    return int(ExitCode.DONE)
