"""`pancode models`: which models there are, what they can do, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option
from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.providers.service import Service

_THOUSAND, _MILLION = 1000, 1_000_000


@click.command()
@click.argument("part", required=False)
@click.option("--refresh", is_flag=True, help="Ask every provider again, also those with a key command.")
@json_option
def models(*, part: str | None, refresh: bool, as_json: bool) -> None:
    """List the models of all providers that answer, or those whose name contains PART.

    Needs no session. The answers are kept in PANCODE_HOME/model-cache.yaml for four hours. Prices are
    dollars for a million tokens, in and out.
    """
    from pancode.domains.providers import view

    service, environment = here()
    renew(service, environment, thorough=refresh)
    found = view.models(service, environment)
    rows = [row for row in found["models"] if part is None or part.lower() in row["name"].lower()]
    if as_json:
        click.echo(json.dumps({**found, "models": rows}, indent=1))
    elif rows:
        _show(rows)
    elif part is not None and found["models"]:
        raise PanError(
            f'no model\'s name has "{part}" in it', remedy="pancode models", code=ExitCode.NOT_FOUND
        )
    else:
        click.echo("no provider with models answers: `pancode providers` says why")
        if endpoint := service.settings(environment).endpoint:
            click.echo(plain(f"runs ask {endpoint} (models.endpoint), by any name that it knows"))
    say_mistakes(service)


def here() -> tuple[Service, dict[str, str]]:
    """Give the providers of this home directory, without a controller, and the operator's variables."""
    import os

    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.providers.service import Service
    from pancode.engine.places import find

    places, environment = find(), dict(os.environ)
    return Service(InForce(places, environment), places.home), environment


def renew(service: Service, environment: Mapping[str, str], *, thorough: bool) -> None:
    """Ask whom nobody has asked for four hours, or everybody; what fails is in the answers."""
    refresher = service.refresher(environment)
    try:
        if thorough:
            refresher.refresh(environment, thorough=True)
        elif due := refresher.due(environment):
            refresher.refresh(environment, due)
    except OSError as error:
        from pancode.engine.files import unusable

        remedy = "make the directory writable, or point PANCODE_HOME somewhere else"
        if error.errno is not None:
            raise unusable(
                f"the answers of the providers can't be kept in {service.home}", error, remedy
            ) from None
        raise PanError(f"the providers can't be asked: {error}", code=ExitCode.ENVIRONMENT) from None


def say_mistakes(service: Service) -> None:
    """Print what is wrong in panproviders.yaml to standard error."""
    from pancode.cli.tables import printable

    for slip in service.slips():
        for line in str(slip).splitlines():
            click.echo(f"{'  ' if line.startswith('  ') else ''}{printable(line)}", err=True)


def _show(rows: list[dict[str, Any]]) -> None:
    from pancode.cli.tables import show

    table = [
        (
            row["name"],
            _tokens(row["context"]),
            *(_flag(row[name]) for name in ("tools", "reasoning", "vision")),
            str(row["tier"]),
            _price(row),
            "" if row["error"] is None else f"not now: {row['error']}",
        )
        for row in rows
    ]
    heads = ("model", "context", "tools", "reasoning", "vision", "tier", "$ in / out", "")
    colours = ["dim" if row["error"] else None for row in rows]
    show(heads, table, colours, drop=("vision", "reasoning", "tools", "tier"))


def _tokens(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / _MILLION:.3g}M" if count >= _MILLION else f"{count // _THOUSAND}k"


def _flag(value: bool | None) -> str:
    return "?" if value is None else "yes" if value else "no"


def _price(row: Mapping[str, Any]) -> str:
    if row["local"]:
        return "0"
    if row["usd_in"] is None or row["usd_out"] is None:
        return "?"
    return f"{row['usd_in']:g} / {row['usd_out']:g}"
