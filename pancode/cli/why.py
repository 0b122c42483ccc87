"""`pancode why`: what is claimed about a run, and on what evidence."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places


@click.command()
@click.argument("run", metavar="RUN")
@session_option
@json_option
def why(run: str, session: str | None, as_json: bool) -> None:
    """Show the evidence about RUN: each claim, who says so, and how old that is.

    Works for runs that have ended or were lost, and without a session, from what is on the disk.
    """
    from dataclasses import asdict

    from pancode.domains.observability.why import chain
    from pancode.engine import clock

    known, now = _known(run, places.find(session)), clock.now()
    claims = [
        {**asdict(claim), "age_s": None if claim.at is None else max(0.0, round(now - claim.at, 1))}
        for claim in chain(known, now)
    ]
    if as_json:
        click.echo(json.dumps({"run_id": known.shown["run_id"], "claims": claims}, ensure_ascii=False))
        return
    task = " ".join(str(known.shown.get("task") or "").split())[:80]
    click.echo(f"{known.shown['run_id']} {known.shown.get('agent')}: {task}\n")
    for claim in claims:
        click.echo(_lines(claim))


def _lines(claim: dict[str, Any]) -> str:
    from pancode.core.health import span

    value = claim["value"] + (f": {claim['because']}" if claim["because"] else "")
    age = "" if claim["age_s"] is None else f", {span(claim['age_s'])} ago"
    return f"{claim['claim']:<10} {value}\n{'':<10}   {claim['source']}{age}"


def _known(run: str, where: Places) -> Any:  # noqa: ANN401 -- its module is imported only when the verb runs
    from pancode.cli.offline import request_or_read
    from pancode.domains.observability.why import Known
    from pancode.engine import files, processes

    shown = request_or_read("runs_show", {"run": run}, where, request)
    folder = str(shown["folder"])
    row = _row(str(shown["run_id"]), where)
    pids = [pid for pid in ((row or {}).get("pid"), (row or {}).get("shim_pid")) if pid]
    return Known(
        row=row,
        shown=shown,
        spec=files.read_json(f"{folder}/spec.json") or {},
        journal=list(files.read_journal(f"{folder}/events.jsonl")),
        processes={pid: processes.state(pid) for pid in pids},
    )


def _row(run_id: str, where: Places) -> dict[str, Any] | None:
    """Give what the controller knows of the run; None without a controller, or if it has forgotten it."""
    try:
        rows = request("status", places=where)["workers"]
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE:
            raise
        return None
    return next((row for row in rows if row["run_id"] == run_id), None)
