"""`pancode pause` and `pancode resume`: a run stands still, and goes on."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places


@click.command()
@click.argument("run", metavar="RUN", required=False)
@click.option("--all", "everything", is_flag=True, help="Every run of the session that has not ended.")
@click.option("--why", metavar="TEXT", default="", help="A reason, which is shown and written down.")
@session_option
@json_option
def pause(run: str | None, session: str | None, *, everything: bool, why: str, as_json: bool) -> int:
    """Let RUN and every process it has started stand still. Its time limits stand still, too.

    It can be resumed, stopped and attached to. One that hasn't begun pauses as soon as it does.
    """
    return _order("pause", run, session, {"why": why}, everything=everything, as_json=as_json)


@click.command()
@click.argument("run", metavar="RUN", required=False)
@click.option("--all", "everything", is_flag=True, help="Every run of the session that is paused.")
@session_option
@json_option
def resume(run: str | None, session: str | None, *, everything: bool, as_json: bool) -> int:
    """Let a paused RUN go on from where it stood."""
    return _order("resume", run, session, {}, everything=everything, as_json=as_json)


def _order(
    verb: str, run: str | None, session: str | None, more: dict[str, Any], *, everything: bool, as_json: bool
) -> int:
    if (run is None) is not everything:
        raise PanError(
            "name one run, or all of them", remedy=f"pancode {verb} RUN, or --all", code=ExitCode.USAGE
        )
    told = request(verb, {"run": run, "all": everything, **more}, places=places.find(session))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    elif not told["runs"]:
        click.echo("no run is at work")
    else:
        for one in told["runs"]:
            click.echo(f"{one['run_id']}: {one['words']}")
    unsaid = any(one["confirmed"] is False for one in told["runs"])
    return int(ExitCode.FAILED if unsaid else ExitCode.DONE)
