"""`pancode flow`: what became of batches, chains and other flows."""

from __future__ import annotations

import json
from datetime import datetime

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.flowing import ending, table, waited
from pancode.cli.say_how import money, span
from pancode.core.errors import ExitCode
from pancode.engine import places


@click.group()
def flow() -> None:
    """Many runs as one: list flows, show one, stop one."""


@flow.command("list")
@session_option
@json_option
def list_(session: str | None, *, as_json: bool) -> None:
    """List flows, newest first: batches and chains among them."""
    found = request("flow_list", places=places.find(session))["flows"]
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
    """Show how far flow ID is: each of its runs, and why others were not started."""
    where = places.find(session)
    found = request("flow_show", {"flow": id_}, places=where)
    if wait:
        return waited(found["flow_id"], where, as_json=as_json)
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
