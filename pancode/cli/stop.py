"""`pancode stop`: end a run; with a turn of the conversation's, what works for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import ending, public, tell
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.engine.places import Places


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--force", is_flag=True, help="Kill at once, without asking the agent to finish.")
@click.option("--detach", is_flag=True, help="Don't wait until it has ended.")
@session_option
@json_option
def stop(run: str | None, session: str | None, *, force: bool, detach: bool, as_json: bool) -> int:
    """End RUN and every process it has started. A prefix of its id is enough.

    Without RUN it is Panos's turn that is under way. With a turn ends what it has started, but for what was
    started to be kept; what those runs have done stays.
    """
    from pancode.cli.waiting import wait

    where = places.find(session)
    told = request("stop", {"run": run or _turn(where), "force": force}, places=where)
    run_id, along = told["run_id"], _along(told)
    if detach:
        if as_json:
            click.echo(json.dumps(told))
        else:
            tell(f"{run_id}: asked to stop{along}")
        return int(ExitCode.DONE)
    result = wait(run_id, where, quiet=True)
    if as_json:
        extent = {key: told[key] for key in ("stopped", "flows", "kept") if key in told}
        click.echo(json.dumps({**public(result), **extent}, ensure_ascii=False))
    elif not told["was_live"]:
        click.echo(f"{run_id} had ended already: {result['status']}")
    else:
        tell(ending(result) + along)
    return int(ExitCode.DONE)


def _turn(where: Places) -> str:
    """Give the turn that is under way; PanError USAGE where there is none."""
    turn = request("conversation", places=where)["turn"]
    if turn is None:
        raise PanError(
            "no turn of Panos's is under way, so there is nothing to stop but a run that you name",
            remedy="pancode stop RUN; pancode status lists them",
            code=ExitCode.USAGE,
        )
    return str(turn)


def _along(told: Mapping[str, Any]) -> str:
    """Say what ends with a turn and what goes on.

    >>> _along({"stopped": [{"run_id": "k3f", "agent": "native"}], "flows": ["fab2"], "kept": []})
    ', and with it k3f (native), flow fab2'
    >>> _along({"kept": [{"run_id": "m5e", "agent": "dev"}]}), _along({})
    ('; kept, and still working: m5e (dev)', '')
    """
    ends = [*_named(told.get("stopped")), *(f"flow {flow}" for flow in told.get("flows") or ())]
    kept = _named(told.get("kept"))
    words = f", and with it {', '.join(ends)}" if ends else ""
    return words + (f"; kept, and still working: {', '.join(kept)}" if kept else "")


def _named(runs: list[Mapping[str, str]] | None) -> list[str]:
    return [f"{run['run_id']} ({run['agent']})" for run in runs or ()]
