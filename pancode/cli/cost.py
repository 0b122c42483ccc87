"""`pancode cost`: what runs have cost, by the ledger, and whose figures these are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import click

from pancode.cli.audit import time_of
from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places


@click.command()
@click.option("--by", type=click.Choice(["agent", "model", "day", "run"]), help="Add up for each of these.")
@click.option(
    "--of", "scope", type=click.Choice(["session", "project", "all"]), default="session", show_default=True,
    help="Whose runs: this session's, this project's, or all of yours.",
)  # fmt: skip
@click.option(
    "--since", metavar="TIME", help="Only from then on: 90s, 15m, 2h, 7d ago, or 2026-01-31[T12:00]."
)
@session_option
@json_option
def cost(by: str | None, scope: str, since: str | None, session: str | None, *, as_json: bool) -> None:
    """Add up what ended runs have cost. What nobody knows is counted apart, and never as 0."""
    begin = None if since is None else time_of(since)
    told = _asked({"by": by, "scope": scope, "since": begin}, places.find(session))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    from pancode.cli.tables import show

    rows = [_cells(str(row[told["by"]]), row) for row in told["rows"]]
    heads = (told["by"] or "all", "runs", "tokens", "turns", "cost", "by whose word")
    every = [*rows, _cells("in all", told["total"])]
    show(heads, every, [None] * len(every), drop=("by whose word", "turns"))


def _cells(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    from pancode.domains.ui.text import amount, money

    unknown = row["unknown_runs"]
    usd = money(row["usd"]) if row["usd"] is not None or not unknown else "unknown"
    more = f" + {unknown} unknown" if unknown and row["usd"] is not None else ""
    words = [f"{source} ({one['runs']})" for source, one in row["sources"].items()]
    return name, str(row["runs"]), amount(row["tokens"]), amount(row["turns"]), usd + more, ", ".join(words)


def _asked(args: Mapping[str, Any], where: Places) -> dict[str, Any]:
    """Ask the controller; where none is up, read the ledger."""
    try:
        return request("cost", args, places=where)
    except PanError as error:
        path = os.path.join(where.home, "ledger.db")
        if error.code is not ExitCode.UNREACHABLE or not os.path.exists(path):
            raise
    from pancode.domains.scheduling.moneyverbs import told_costs
    from pancode.engine.ledgerindex import LedgerIndex

    index = LedgerIndex(path)
    try:
        return told_costs(index, os.path.relpath(where.state, where.home), where.project, args)
    finally:
        index.close()
