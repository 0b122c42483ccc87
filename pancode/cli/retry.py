"""`pancode retry`: a run's request once more."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, operator_environment, request, session_option
from pancode.core.errors import ExitCode
from pancode.engine import places


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--detach/--wait", help="Come back at once, or when the run has ended.  [default: wait]")
@click.option("--yes", is_flag=True, help="Say yes to a shell command that the level asks about.")
@click.option(
    "--accept-weaker",
    metavar="NAME",
    multiple=True,
    help="Start this run although a promise of its sandbox can't be kept.",
)
@session_option
@json_option
def retry(
    run: str,
    accept_weaker: tuple[str, ...],
    session: str | None,
    *,
    detach: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Start the request of RUN, which has ended, as a new run: same task, agent, limits and checks.

    Mode and safety level are those of now. A turn that `say` began goes on with the same conversation.
    """
    from pancode.cli.run import report
    from pancode.cli.waiting import wait

    where = places.find(session)
    args = {"run": run, "env": operator_environment(), "accept_weaker": accept_weaker, "yes": yes}
    told = request("retry", args, places=where)
    run_id = told["run_id"]
    if detach and told["result"] is None:
        click.echo(json.dumps({"run_id": run_id, "status": None}) if as_json else run_id)
        return int(ExitCode.DONE)
    return report(told["result"] or wait(run_id, where, quiet=as_json), as_json=as_json)
