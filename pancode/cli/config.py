"""`pancode config`: the settings in force, and where each came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option

if TYPE_CHECKING:
    from pancode.domains.panconfigure.api import Setting


@click.command()
@json_option
def config(*, as_json: bool) -> None:
    """List the PANCODE_ settings that this shell gives, with their source. Needs no session."""
    import os
    from dataclasses import asdict

    from pancode.cli.tables import show
    from pancode.domains.panconfigure.settings import describe

    settings = describe(os.environ)
    if as_json:
        click.echo(json.dumps({"settings": [asdict(setting) for setting in settings]}, indent=1))
        return
    rows = [(setting.variable, _value(setting), setting.meaning) for setting in settings]
    colours = [None if setting.source == "environment" else "dim" for setting in settings]
    show(("variable", "in force", "meaning"), rows, colours, wrap=True)


def _value(setting: Setting) -> str:
    number = f"{setting.value:g} {setting.unit}" if isinstance(setting.value, float) else None
    return (number or str(setting.value or "–")) + (" (default)" if setting.source == "default" else "")
