"""`pancode preset`: sets of settings with a name, for a session that is up."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.mode import operators_only
from pancode.engine import places as where


@click.command()
@click.argument("name", required=False, metavar="[NAME|off|list|show]")
@click.argument("of", required=False, metavar="[NAME]")
@session_option
@json_option
def preset(name: str | None, of: str | None, session: str | None, *, as_json: bool) -> None:
    """Give the session the preset NAME, or go back to what was before: off.

    Without a NAME, or with `list`, it lists the presets; `show NAME` says what one sets. Yours are in
    ~/.pancode/panpresets.yaml. `pancode up --preset NAME` begins a session with one.
    """
    places = where.find(session)
    if name == "show":
        _show(places.home, of or _active(session), as_json=as_json)
    elif of is not None:
        raise click.UsageError(f'"{of}" is one word too many')
    elif name in (None, "list"):
        _list(places.home, session, as_json=as_json)
    else:
        operators_only("the preset")
        environment = {key: text for key, text in os.environ.items() if key.startswith("PANCODE_")}
        told = request("preset", {"name": name, "env": environment}, places=places)
        _tell(told, as_json=as_json)


def _active(session: str | None) -> str | None:
    from pancode.domains.panconfigure.inforce import InForce

    return InForce(where.find(session), os.environ).current().preset


def _list(home: str, session: str | None, *, as_json: bool) -> None:
    from pancode.cli.tables import printable, show
    from pancode.domains.panconfigure.sources import presets_path, read_presets

    found, active = read_presets(presets_path(home)), _active(session)
    rows = [
        {
            "name": one.name,
            "description": one.description,
            "active": one.name == active,
            "sets": {key: given.text for key, given in one.given.items()},
        }
        for one in found.presets.values()
    ]
    mistakes = [str(one) for one in found.mistakes]
    if as_json:
        click.echo(json.dumps({"active": active, "presets": rows, "mistakes": mistakes}, indent=1))
        return
    table = [("●" if row["active"] else "", str(row["name"]), str(row["description"])) for row in rows]
    show(("", "preset", "what it is for"), table, ["green" if row["active"] else None for row in rows])
    for line in mistakes:
        click.echo(printable(line), err=True)


def _show(home: str, name: str | None, *, as_json: bool) -> None:
    from pancode.cli.tables import show
    from pancode.domains.panconfigure.inforce import named
    from pancode.domains.panconfigure.sources import presets_path, read_presets

    if name is None:
        raise click.UsageError("which preset? pancode preset show NAME")
    found = named(read_presets(presets_path(home)), name)
    sets = {key: given.text for key, given in found.given.items()}
    if as_json:
        click.echo(json.dumps({"name": found.name, "description": found.description, "sets": sets}))
        return
    click.echo(f"{found.name}: {found.description}\n")
    show(("setting", "value"), list(sets.items()), [None] * len(sets))


def _tell(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
        return
    before = told["before"] or "none"
    click.echo(f"the preset is {told['preset'] or 'off'}; it was {before}")
    for note in told["notes"]:
        click.echo(f"pancode: {note}", err=True)
