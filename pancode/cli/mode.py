"""`pancode mode` and `pancode safety`: show or set what the operator allows."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.grants import Level, Mode
from pancode.engine import places


@click.command()
@click.argument("value", required=False, metavar="[" + "|".join(Mode) + "]")
@session_option
@json_option
def mode(value: str | None, session: str | None, *, as_json: bool) -> None:
    """Show or set the mode: what the session is doing. Shift+Tab and Alt+A do the same."""
    _switch("mode", value, session, as_json=as_json)


@click.command()
@click.argument("value", required=False, metavar="[" + "|".join(Level) + "]")
@session_option
@json_option
def safety(value: str | None, session: str | None, *, as_json: bool) -> None:
    """Show or set the safety level: how much workers may do on their own. Ctrl+Y does the same."""
    _switch("safety", value, session, as_json=as_json)


def _switch(verb: str, value: str | None, session: str | None, *, as_json: bool) -> None:
    told = request(verb, {"value": value}, places=places.find(session))
    text = told.pop("text")
    click.echo(json.dumps(told) if as_json else text)
