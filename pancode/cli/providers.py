"""`pancode providers`: who can answer model calls, whether they do, and where their keys come from."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option

COLOURS = {"answers": "green", "fails": "yellow", "no key": "dim", "not asked": "dim"}


@click.command()
@click.option("--refresh", is_flag=True, help="Ask every provider again, also those with a key command.")
@json_option
def providers(*, refresh: bool, as_json: bool) -> None:
    """List the model providers with their health: state, latency, and failures in a row.

    Needs no session. `pancode queue` shows how they answer the runs of a session.
    """
    from pancode.cli.models import here, renew, say_mistakes
    from pancode.cli.tables import show
    from pancode.domains.providers import view

    service, environment = here()
    renew(service, environment, thorough=refresh)
    found = view.providers(service, environment)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        rows = found["providers"]
        table = [_row(row) for row in rows]
        show(
            ("provider", "state", "models", "took", "", "url"),
            table,
            [COLOURS[row["state"]] for row in rows],
            drop=("url", "took", "models"),
        )
    say_mistakes(service)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    note = row["error"] or ("" if row["key"] is None else f"key: {row['key']}")
    if row["failures"] > 1:
        note += f" ({row['failures']} times in a row)"
    took = "" if row["took_ms"] is None else f"{row['took_ms']:.0f} ms"
    return row["id"], row["state"], str(row["models"] or ""), took, note, row["url"]
