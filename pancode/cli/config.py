"""`pancode config`: the settings in force, and where each came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from pancode.cli.client import json_option


@click.command()
@json_option
def config(*, as_json: bool) -> None:
    """List the settings in force, and which layer sets each. Needs no session."""
    import os

    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.panconfigure.rows import listed
    from pancode.engine import places

    found = listed(InForce(places.find(), os.environ), os.environ)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _show(found)


def _show(found: Mapping[str, Any]) -> None:
    from pancode.cli.tables import printable, show

    rows = [(one["key"], _text(one), one["layer"], one["meaning"]) for one in found["settings"]]
    colours = ["dim" if one["layer"] == "default" else None for one in found["settings"]]
    show(("key", "in force", "set by", "meaning"), rows, colours, wrap=True)
    for one in found["mistakes"]:
        click.echo(printable(f"{one['file']}:{one['line']}: {one['problem']}"), err=True)
    for one in found["left_out"]:
        click.echo(printable(f"{one['where']}: left out: {one['why']}"), err=True)


def _text(one: Mapping[str, Any]) -> str:
    return str(one["text"])
