"""`pancode workers`: every agent on every runtime that can honour it, and how it is rated now."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option, operator_environment, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places


@click.command()
@click.argument("agents", nargs=-1, metavar="[AGENT]…")
@click.option("--all", "every", is_flag=True, help="Also those whose runtime is not installed.")
@click.option("--why", is_flag=True, help="Print where each figure comes from.")
@session_option
@json_option
def workers(agents: tuple[str, ...], *, every: bool, why: bool, session: str | None, as_json: bool) -> None:
    """Show the pool: the scores by which runtimes are chosen for agents with `runtime: auto`.

    More is better, from 0 to 1. PANCODE_SCORING_POLICY says how the five parts are weighed.
    """
    args: dict[str, Any] = {"env": operator_environment()}
    args |= {"agents": list(agents)} if agents else {}
    told = request("pool", args, places=places.find(session))
    if agents and not told["workers"]:
        raise PanError(
            f"no agent of that name has a model: {' '.join(agents)}",
            remedy="pancode agents",
            code=ExitCode.NOT_FOUND,
        )
    if not every:
        told = {**told, "workers": [row for row in told["workers"] if row["installed"]]}
    if as_json:
        click.echo(json.dumps(told, indent=1))
    elif not told["workers"]:
        click.echo("no agent has a model here: `pancode runtimes` and `pancode providers` say what there is")
    else:
        _show(told, why=why)


def _show(told: dict[str, Any], *, why: bool) -> None:
    from pancode.cli.tables import show

    names = list(told["weights"])
    rows = []
    for row in told["workers"]:
        parts = row["dimensions"]
        cells = [f"{parts[name]['value']:.2f}" for name in names]
        sources = "; ".join(f"{name}: {parts[name]['source']}" for name in names)
        rows.append((row["worker"], f"{row['score']:.2f}", *cells, sources if why else row["model"] or "–"))
    heads = ("worker", "score", *names, "why" if why else "model")
    colours = [None if row["first"] else "dim" for row in told["workers"]]
    show(heads, rows, colours, wrap=why, drop=names[::-1])
    weights = ", ".join(f"{name} {weight:g}" for name, weight in told["weights"].items())
    click.echo(f"\npolicy {told['policy']}: {weights}")
