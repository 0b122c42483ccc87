"""`pancode audit`: what was decided, by whom and why; and whether the log of it is whole."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import click

from pancode.cli.client import json_option
from pancode.core.actions import ActionClass
from pancode.core.errors import ExitCode, PanError

_DECISIONS = ("allowed", "blocked", "asked", "approved", "denied", "expired")
_AGO = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COLOURS = {"blocked": "red", "denied": "red", "expired": "red", "asked": "yellow"}


@click.group(invoke_without_command=True)
@click.option("--run", metavar="RUN", help="Only this run, or the beginning of its id.")
@click.option(
    "--class", "kind", type=click.Choice([kind.value for kind in ActionClass]), metavar="CLASS",
    help="Only this class of action.",
)  # fmt: skip
@click.option("--decision", type=click.Choice(_DECISIONS), help="Only what was decided so.")
@click.option("--agent", metavar="AGENT", help="Only this agent.")
@click.option(
    "--since", metavar="TIME", help="Only from then on: 90s, 15m, 2h, 7d ago, or 2026-01-31[T12:00]."
)
@json_option
@click.pass_context
def audit(
    context: click.Context,
    run: str | None,
    kind: str | None,
    decision: str | None,
    agent: str | None,
    since: str | None,
    *,
    as_json: bool,
) -> None:
    """List the decisions about workers' actions, of all sessions, oldest first. Needs no session."""
    if context.invoked_subcommand is not None:
        return
    from pancode.domains.safety.audit import audit_path
    from pancode.domains.safety.auditlog import Wanted, read

    begin = None if since is None else time_of(since)
    found = read(audit_path(), Wanted(run, kind, decision, agent, begin))
    if as_json:
        for record in found:
            click.echo(json.dumps(record))
        return
    _show(list(found))


@audit.command()
@json_option
def verify(*, as_json: bool) -> int:
    """Check that no record was changed, taken out or cut off; exit status 1 if one was."""
    from pancode.domains.safety.audit import audit_path
    from pancode.domains.safety.auditlog import verify as check

    path = audit_path()
    found = check(path)
    if as_json:
        told = {"whole": found.is_whole, "records": found.records, "broken": found.broken}
        click.echo(json.dumps({**told, "problem": found.problem, "path": path}))
    elif found.is_whole:
        click.echo(f"{found.records} records, all as they were written ({path})")
    else:
        click.echo(f"{path}: record {found.broken} is wrong: {found.problem}")
        click.echo(f"  the {found.records} records before it are as they were written")
    return int(ExitCode.DONE if found.is_whole else ExitCode.FAILED)


def time_of(text: str) -> float:
    """Read a time as people write it, ago or as a date; PanError USAGE for anything else."""
    from pancode.engine import clock

    ago = _AGO.fullmatch(text)
    if ago:
        return clock.now() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise PanError(
            f'"{text}" is not a time',
            remedy="90s, 15m, 2h or 7d ago, or a date such as 2026-01-31T12:00",
            code=ExitCode.USAGE,
        ) from None


def _show(records: list[dict[str, Any]]) -> None:
    from pancode.cli.tables import show

    rows = [
        (
            _when(record.get("t")),
            *(str(record.get(key) or "-") for key in ("run", "agent", "decision", "by", "class", "rule")),
            _what(record),
        )
        for record in records
    ]
    if not rows:
        click.echo("nothing")
        return
    colours = [_COLOURS.get(str(record.get("decision"))) for record in records]
    show(("when", "run", "agent", "decision", "by", "class", "rule", "what"), rows, colours)


def _when(t: object) -> str:
    try:
        return f"{datetime.fromtimestamp(float(str(t))).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "?"


def _what(record: dict[str, Any]) -> str:
    action = record.get("action")
    told = action if isinstance(action, dict) else {}
    paths = told.get("paths")
    listed = [str(path) for path in paths] if isinstance(paths, list) else []
    return str(told.get("command") or told.get("url") or " ".join([str(record.get("tool")), *listed]))
