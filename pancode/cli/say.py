"""`pancode say`: the next turn of a run's conversation."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, operator_environment, request, session_option
from pancode.core.errors import ExitCode
from pancode.engine import places


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("text", nargs=-1, required=True)
@click.option("--detach/--wait", help="Come back at once, or when the turn has ended.  [default: wait]")
@click.option(
    "--accept-weaker",
    metavar="NAME",
    multiple=True,
    help="Start this turn although a promise of its sandbox can't be kept.",
)
@session_option
@json_option
def say(
    run: str,
    text: tuple[str, ...],
    accept_weaker: tuple[str, ...],
    session: str | None,
    *,
    detach: bool,
    as_json: bool,
) -> int:
    """Go on with RUN's conversation, by the agent's own continuation, as a new run.

    While RUN still works, TEXT waits and becomes the next turn as soon as it has ended.
    """
    from pancode.cli.run import report
    from pancode.cli.waiting import wait

    where = places.find(session)
    args = {
        "run": run,
        "text": " ".join(text),
        "env": operator_environment(),
        "accept_weaker": accept_weaker,
    }
    told = request("say", args, places=where)
    run_id = told["run_id"]
    if run_id is None:
        click.echo(json.dumps(told) if as_json else f"{told['after']} still works; this is its next turn")
        return int(ExitCode.DONE)
    if detach and told["result"] is None:
        click.echo(json.dumps({"run_id": run_id, "status": None}) if as_json else run_id)
        return int(ExitCode.DONE)
    return report(told["result"] or wait(run_id, where, quiet=as_json), as_json=as_json)
