"""`pancode mode`: show or set what the operator allows."""

from __future__ import annotations

import json
import os

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Mode, parse_mode
from pancode.engine import places


@click.command()
@click.argument("value", required=False, metavar="[" + "|".join(Mode) + "]")
@session_option
@json_option
def mode(value: str | None, session: str | None, *, as_json: bool) -> None:
    """Show or set the mode: what the session is doing. Shift+Tab and Alt+A do the same."""
    if value is not None:
        parse_mode(value)
        operators_only("the mode")
    told = request("mode", {"value": value}, places=places.find(session))
    text = told.pop("text")
    click.echo(json.dumps(told) if as_json else text)


def operators_only(what: str) -> None:
    """Raise PanError (REFUSED) inside of a worker: `what` is the operator's to set."""
    if os.environ.get("PANCODE_RUN_ID"):
        raise PanError(
            f"a worker can't set {what}", remedy="set it from a terminal of yours", code=ExitCode.REFUSED
        )
