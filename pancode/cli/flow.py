"""`pancode flow`: a graph of runs from a file; and what became of flows, batches, chains and races."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.flowing import (
    asked,
    ending,
    exit_code,
    hold,
    performed,
    report,
    run_options,
    table,
    waited,
)
from pancode.cli.say_how import money, span
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places


class _OrFile(click.Group):
    """Takes `pancode flow FILE` for `pancode flow run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` in front of what is no command."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_OrFile)
def flow() -> None:
    """Run a graph of runs from a file, list flows, show one, stop one.

    `pancode flow FILE` is `pancode flow run FILE`.
    """


@flow.command()
@click.argument("file", required=False)
@click.option(
    "--dry-run", is_flag=True, help="Draw it, with what it may cost and what the gates say; start nothing."
)
@click.option("--resume", metavar="ID", help="Go on with flow ID: what it has done is not done again.")
@click.option("--no-cache", is_flag=True, help="Do everything anew.")
@click.option(
    "--task", "-t", metavar="TEXT", help="What $ORIGINAL stands for, instead of the file's own `task`."
)
@run_options
def run(
    file: str | None, *, dry_run: bool, resume: str | None, no_cache: bool, task: str | None,
    session: str | None, **given: Any,  # noqa: ANN401
) -> int:  # fmt: skip
    """Run the graph of FILE, or that of the flow that --resume names.

    What an earlier flow of the same file has done is not done again, where nothing that it depends on has
    changed.
    """
    where = places.find(session)
    if file is None and resume is None:
        raise PanError("which flow?", remedy="pancode flow FILE.yaml", code=ExitCode.USAGE)
    args = _of_file(file, where, given) if file is not None else _of_flow(str(resume), where, given)
    args |= {"resumes": resume, "fresh": no_cache}
    if task is not None:
        args["flow"]["original"] = task
    return performed(args, where, given, dry_run=dry_run)


def _of_file(file: str, where: places.Places, given: Mapping[str, Any]) -> dict[str, Any]:
    from pancode.domains.dispatch.flow.reader import read_flow

    found = read_flow(file)
    hold(file, (node.model for node in found.nodes), where)
    return asked(found, given, os.path.realpath(file))


def _of_flow(flow_id: str, where: places.Places, given: Mapping[str, Any]) -> dict[str, Any]:
    from pancode.domains.dispatch.flow.definition import from_json

    was = request("flow_show", {"flow": flow_id, "definition": True}, places=where)["asked"]
    args = asked(from_json(was["flow"]), given, was["source"])
    return {**args, "cwd": was["cwd"], "options": {**was["options"], **args["options"]}}


@flow.command("list")
@session_option
@json_option
def list_(session: str | None, *, as_json: bool) -> None:
    """List flows, newest first: batches, chains and races among them. Needs no session."""
    from pancode.cli.offline import request_or_read

    found = request_or_read("flow_list", {}, places.find(session), request)["flows"]
    if as_json:
        click.echo(json.dumps({"flows": found}, ensure_ascii=False))
        return
    if not found:
        click.echo("no flows yet; start one: pancode batch TASK TASK")
    for each in found:
        when = datetime.fromtimestamp(each["created"]).astimezone().strftime("%H:%M:%S")
        took = span(each["ended"] - each["created"]) if each["ended"] else "–"
        start = f"{each['flow_id']:<5} {when}  {each['kind']:<6} {each['status'] or 'working':<10}"
        click.echo(f"{start} {took:>7}  {money(each['cost']):>8}  {' '.join(each['name'].split())[:60]}")


@flow.command()
@click.argument("id_", metavar="ID")
@click.option("--wait", "-w", is_flag=True, help="Follow it until it has ended.")
@session_option
@json_option
def show(id_: str, session: str | None, *, wait: bool, as_json: bool) -> int:
    """Show how far flow ID is: each of its runs, and why others were not started. Needs no session."""
    from pancode.cli.offline import request_or_read

    where = places.find(session)
    found = request_or_read("flow_show", {"flow": id_}, where, request)
    if wait and found["status"] is None:
        return waited(found["flow_id"], where, as_json=as_json)
    if wait:
        report(found, as_json=as_json)
        return int(exit_code(found))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        table(found)
        click.echo(ending(found))
    return int(ExitCode.DONE)


@flow.command()
@click.argument("id_", metavar="ID")
@session_option
@json_option
def stop(id_: str, session: str | None, *, as_json: bool) -> None:
    """End flow ID and all of its runs that are under way."""
    told = request("flow_stop", {"flow": id_}, places=places.find(session))
    if as_json:
        click.echo(json.dumps(told))
    elif told["was_live"]:
        click.echo(f"{told['flow_id']}: asked to stop")
    else:
        click.echo(f"{told['flow_id']} had ended already")
