"""`pancode recover`: what a crash has taken, what is left of it, and once more with it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, operator_environment, request, session_option
from pancode.cli.tables import printable
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.domains.dispatch.lost import Lost


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--retry", is_flag=True, help="Start the request of each once more, as a new run.")
@session_option
@json_option
def recover(runs: tuple[str, ...], session: str | None, *, retry: bool, as_json: bool) -> int:
    """List the runs that were lost, with their logs and what they have changed.

    A run is lost when its shim, tmux or the machine went down under it. Without RUN: those that nobody
    has retried. Works without a session; --retry needs one.
    """
    from pancode.domains.dispatch.folders import Folders
    from pancode.domains.dispatch.lost import chosen, damaged, lost_runs, unfinished
    from pancode.domains.session.ask import controller_pid

    where = places.find(session)
    folders = Folders(where)
    every = lost_runs(folders)
    found = chosen(every, runs, folders)
    rows = [each.told for each in found]
    failed = retry and not _retry(rows, where)
    open_ends = unfinished(folders)
    is_up = bool(open_ends) and controller_pid(where.socket, 1.0) is not None
    waiting, unwritten = ([], _ended(open_ends, where)) if is_up else (open_ends, {})
    broken = damaged(folders)
    if as_json:
        told = {"lost": rows, "unfinished": waiting, "unwritten": list(unwritten), "damaged": broken}
        click.echo(json.dumps(told, ensure_ascii=False))
        return int(ExitCode.FAILED if failed else ExitCode.DONE)
    for each, row in zip(found, rows, strict=True):
        _show(each, row)
    if found and not retry:
        click.echo("pancode recover --retry starts the requests of these once more")
    elif not (found or unwritten or waiting or broken):
        click.echo("all that was lost has been started once more" if every else "nothing was lost")
    for run, state in unwritten.items():
        click.echo(f"{run} has ended ({state}), and its result can't be written yet; see {where.log}")
    if waiting:
        click.echo(f"not ended, and no session is up: {', '.join(waiting)}; pancode up settles them")
    if broken:
        click.echo(f"can't be read any more: {', '.join(broken)}; see {where.runs}")
    return int(ExitCode.FAILED if failed else ExitCode.DONE)


def _ended(runs: list[str], where: places.Places) -> dict[str, str]:
    """Give those of the runs that have ended by the controller's word, each with how."""
    rows = {str(row["run_id"]): row for row in request("status", places=where)["workers"]}
    return {run: str(rows[run]["state"]) for run in runs if run in rows and rows[run]["ended"] is not None}


def _retry(rows: list[dict[str, Any]], where: places.Places) -> bool:
    """Start each request once more; each row gets `retried`, or `problem`. False if one was not started."""
    good = True
    for row in rows:
        try:
            args = {"run": row["run_id"], "env": operator_environment()}
            row["retried"] = request("retry", args, places=where)["run_id"]
        except PanError as error:
            if error.code is ExitCode.UNREACHABLE:
                raise
            row["problem"], good = str(error), False
    return good


def _show(lost: Lost, row: dict[str, Any]) -> None:
    when = datetime.fromtimestamp(lost.ended).astimezone().strftime("%d %b %H:%M:%S")
    click.echo(f"{lost.run:<5} {when}  {lost.agent:<12} {printable(lost.task)[:60]}")
    click.echo(f"      why      {printable(lost.why)}")
    click.echo(f"      logs     pancode logs {lost.run}")
    if lost.clone is not None:
        click.echo(f"      changes  {_changes(lost)}")
    if row["retried"]:
        click.echo(f"      retried  as {row['retried']}")
    if "problem" in row:
        click.echo(f"      not retried: {row['problem']}")


def _changes(lost: Lost) -> str:
    told = lost.changes
    if told is None:
        return f"in {lost.clone}; pancode diff {lost.run}"
    if told["fate"] == "none":
        return "none"
    figures = f"{told['files']} file{'' if told['files'] == 1 else 's'} +{told['added']} -{told['removed']}"
    merge = f", pancode merge {lost.run}" if told["fate"] in ("open", "needs-merge") else ""
    return f"{figures}, {told['fate']}; pancode diff {lost.run}{merge}"
