"""`pancode queue`: what waits, why, and in which order; the limits, and how model providers answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode
from pancode.engine import clock, places

_STATES = {"ok": "answers", "resting": "left alone", "open": "fails", "trying": "is being tried"}


@click.group(invoke_without_command=True)
@session_option
@json_option
@click.pass_context
def queue(context: click.Context, session: str | None, *, as_json: bool) -> None:
    """List the runs that wait, and what each waits for; then the limits, and how providers answer.

    `pancode stop RUN` takes a run out of the queue.
    """
    if context.invoked_subcommand is not None:
        return
    found = request("queue", places=places.find(session))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _show_waiting(found["waiting"])
    for line in _limits(found):
        click.echo(line)


@queue.command()
@click.argument("run")
@click.option(
    "--priority", metavar="N", type=click.IntRange(-100, 100), required=True,
    help="From -100 to 100; 0 is usual, higher is sooner.",
)  # fmt: skip
@session_option
@json_option
def move(run: str, priority: int, session: str | None, *, as_json: bool) -> int:
    """Let RUN start sooner or later than the others that wait."""
    told = request("queue_move", {"run": run, "priority": priority}, places=places.find(session))
    click.echo(json.dumps(told) if as_json else f"{told['run_id']}: priority {told['priority']}")
    return int(ExitCode.DONE)


def _show_waiting(waiting: list[dict[str, Any]]) -> None:
    from pancode.cli.say_how import span
    from pancode.cli.tables import show

    if not waiting:
        click.echo("nothing waits")
        return
    now = clock.now()
    rows = [
        (
            str(row["position"]), row["run_id"], row["agent"], str(row["priority"]),
            span(now - row["since"]), row["waits"] or "its turn",
        )
        for row in waiting
    ]  # fmt: skip
    show(("", "run", "agent", "priority", "waited", "for"), rows, [None] * len(rows), wrap=True)


def _limits(found: dict[str, Any]) -> Iterator[str]:
    session, memory = found["session"], found["memory"]
    free = "unknown" if memory["free_mb"] is None else f"{memory['free_mb']} MB"
    yield f"live {session['live']} of at most {session['limit']}"
    yield f"memory free {free}, of which {memory['kept_mb']} MB are left to everything else"
    for kind, key in (("agent", "agents"), ("provider", "providers"), ("node", "nodes")):
        for row in found[key]:
            most = "" if row["limit"] is None else f" of at most {row['limit']}"
            health = _health(row) if kind == "provider" else ""
            yield f"{kind} {row['name']}: live {row['live']}{most}, waiting {row['waiting']}{health}"
    if found["providers"]:
        since = datetime.fromtimestamp(found["health_since"]).astimezone().strftime("%H:%M:%S")
        yield f"how providers answer is counted since {since}, when this controller began"


def _health(row: dict[str, Any]) -> str:
    counted = f", answered {row['answered']} of {row['of']}" if row["of"] else ""
    until = ""
    if row["until"] is not None:
        until = datetime.fromtimestamp(row["until"]).astimezone().strftime(" until %H:%M:%S")
    why = f": {row['why']}" if row["why"] else ""
    return f", {_STATES[row['state']]}{until}{why}{counted}"
