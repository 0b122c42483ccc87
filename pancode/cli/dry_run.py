"""How `pancode run --dry-run` prints what the gates say and what the run would get."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.core.errors import ExitCode
from pancode.engine.places import Places

_COLOURS = {"passes": None, "remarks": "yellow", "refuses": "red"}


def dry_run(args: dict[str, Any], where: Places, *, as_json: bool) -> int:
    """Ask the gates about a request and print what they say; the exit status says whether it would run."""
    from pancode.cli.run import start

    told = start(args, where, "dry_run")
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(told)
    return int(ExitCode.DONE if told["admitted"] else ExitCode.REFUSED)


def _show(told: dict[str, Any]) -> None:
    from pancode.cli.say_how import kept_in_colour
    from pancode.cli.tables import show

    rows = [(str(one["order"]), one["gate"], one["verdict"], _words(one)) for one in told["gates"]]
    show(("", "gate", "verdict", ""), rows, [_COLOURS[one["verdict"]] for one in told["gates"]], wrap=True)
    run = told["run"]
    where = f"a clone of its own: {run['cwd']}" if run["isolated"] else run["cwd"]
    grant = f"{run['mode']}, {run['safety']}{', read-only' if run['read_only'] else ''}"
    click.echo(f"agent    {run['agent'] or '–'} on {run['runtime'] or '–'}")
    click.echo(f"model    {_model(run)}")
    if told["routing"]:
        click.echo(f"chosen   {told['routing']['why']}")
    click.echo(f"grant    {grant}, in {where}")
    click.echo(f"enclosed {kept_in_colour(run['sandbox'])}")
    if told["admitted"]:
        click.echo(f"starts   {'at once' if told['waits'] is None else 'later: ' + told['waits']}")
    else:
        click.echo(f"refused  by the gate {told['refused_by']}; nothing was started")


def _words(one: dict[str, Any]) -> str:
    remedy = f" (try: {one['remedy']})" if one["remedy"] else ""
    return f"{one['problem'] or ''}{remedy}"


def _model(run: dict[str, Any]) -> str:
    if run["model"] is None and run["provider"] is None:
        return "–"
    return f"{run['model'] or 'as the agent chooses'}, provider {run['provider'] or '–'}"
