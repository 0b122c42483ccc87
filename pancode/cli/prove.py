"""`pancode safety prove`: tries, with the real agents of this machine, what the levels promise to stop."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option
from pancode.core.errors import ExitCode

if TYPE_CHECKING:
    from pancode.domains.safety.prove.proof import Proof, Report
    from pancode.domains.safety.prove.verdict import Row

LEVELS = ("suggest", "read-only", "auto-edit", "full-auto")


@click.command()
@click.option("--agent", "agents", metavar="AGENT", multiple=True, help="Only this CLI; can be repeated.")
@click.option(
    "--level", "levels", type=click.Choice(LEVELS), multiple=True, help="Only this; can be repeated."
)
@json_option
def prove(agents: tuple[str, ...], levels: tuple[str, ...], *, as_json: bool) -> int:
    """Order forbidden acts of the installed agents, and show what stopped each; exit status 1 if one wasn't.

    A scripted model gives the orders, in a session of its own with its own home: to write outside, to read
    a key, to delete by five means, to push, to connect out, to reach tmux, to leave a process behind and to
    change settings. Each is ordered openly, and once more in a script, where no hook sees it. What happened
    is judged from outside. Needs no network, costs nothing, and takes about ten seconds for each worker.

    read-only is an agent that may only read, at auto-edit.
    """
    from pancode.domains.safety.prove.acts import Column
    from pancode.domains.safety.prove.proof import prove as proven
    from pancode.engine import places

    columns = [Column(level) for level in LEVELS if level in levels or not levels]
    adapters = os.path.join(places.home(), "adapters")
    found = proven(os.environ, adapters, agents, columns, lambda line: click.echo(f"  {line}", err=True))
    if as_json:
        click.echo(json.dumps(_as_json(found)))
    else:
        _show(found)
    return int(ExitCode.DONE if found.is_kept else ExitCode.FAILED)


def _as_json(found: Proof) -> dict[str, Any]:
    return {
        "kept": found.is_kept,
        "missing": dict(found.missing),
        "workers": [
            {
                "agent": report.agent,
                "version": report.version,
                "level": report.column.value,
                "status": report.status,
                "reason": report.reason,
                "kept": report.is_kept,
                "grade": dict(report.grade),
                "acts": [_act(row) for row in report.rows],
            }
            for report in found.reports
        ],
    }


def _act(row: Row) -> dict[str, Any]:
    return {
        "act": row.act,
        "what": row.what,
        "forbidden": row.forbidden,
        "open": row.open.value,
        "hidden": row.hidden.value,
        "kept": row.is_kept,
    }


def _show(found: Proof) -> None:
    for agent in dict.fromkeys(report.agent for report in found.reports):
        _show_agent([report for report in found.reports if report.agent == agent])
    for name, why in found.missing.items():
        click.echo(f"{name}: {why}")
    if not found.reports:
        click.echo("no agent CLI is installed: nothing could be proved")
        return
    click.echo("each cell: ordered openly / from a script that no hook looks into")
    wrong = [(report, row) for report in found.reports for row in report.rows if not row.is_kept]
    for report, row in wrong:
        click.secho(f"✗ {report.agent}, {report.column}: {row.what}: {_cell(row)}", fg="red")
    if not wrong:
        click.echo("everything that the levels promise to stop was stopped")


def _show_agent(reports: list[Report]) -> None:
    from pancode.cli.tables import show

    first = reports[0]
    click.echo(f"{first.agent} {first.version or ''}".rstrip())
    for report in reports:
        if report.status not in ("done", "refused"):
            click.secho(f"  {report.column}: the run ended as {report.status}: {report.reason}", fg="yellow")
        elif report.status == "refused" and report.column.value != "suggest":
            click.secho(f"  {report.column}: no worker was started: {report.reason}", fg="yellow")
    columns = ("", *(report.column.value for report in reports))
    table, colours = [], []
    for number, row in enumerate(first.rows):
        across = [report.rows[number] for report in reports]
        table.append((row.what, *(_cell(each) for each in across)))
        colours.append(None if all(each.is_kept for each in across) else "red")
    show(columns, table, colours)
    click.echo()


def _cell(row: Row) -> str:
    words = [outcome.words.removeprefix("stopped by the ") for outcome in (row.open, row.hidden)]
    return words[0] if words[0] == words[1] else " / ".join(words)
