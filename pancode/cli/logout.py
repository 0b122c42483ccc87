"""`pancode logout`: forget what is kept of a model provider, and say where its key comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option
from pancode.cli.say_how import tell
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.providers.api import Provider

NO_KEYS = "PanCode keeps no keys"


@click.command()
@click.argument("provider", required=False)
@json_option
def logout(provider: str | None, *, as_json: bool) -> None:
    """Forget the models that PROVIDER has told of, and say what to unset so that it isn't asked any more.

    PanCode keeps no keys: they come from a variable or a command each time. Without PROVIDER: list those
    that have a key now. An agent's CLI keeps a login of its own, which its own logout ends.
    """
    from pancode.cli.models import here
    from pancode.domains.providers import view

    service, environment = here()
    rows = view.providers(service, environment)["providers"]
    keyed = [row for row in rows if row["key"] is not None and row["state"] != "no key"]
    if provider is None:
        _list(keyed, as_json=as_json)
        return
    row = next((row for row in rows if row["id"] == provider), None)
    if row is None:
        raise PanError(
            f'there is no provider "{provider}"', remedy="pancode providers", code=ExitCode.NOT_FOUND
        )
    forgotten = _forget(service.home, provider)
    known = next(one for one in service.all(environment) if one.id == provider)
    if as_json:
        click.echo(json.dumps({"provider": provider, "models_forgotten": forgotten, "key": row["key"]}))
        return
    gone = f"the {forgotten} models that {provider} has told of are forgotten" if forgotten else (
        f"nothing is kept of {provider}"
    )  # fmt: skip
    tell(f"{gone}; {NO_KEYS}. {_what_to_unset(known)}")


def _what_to_unset(one: Provider) -> str:
    if one.key_command:
        where = f"take key_command of {one.id} out of panproviders.yaml"
        return f"Its key is printed by a command: {where}, or log out of what prints it"
    if not one.key_env:
        return f"It needs none: `{one.id}: {{enabled: false}}` in panproviders.yaml keeps it from being asked"
    names = " ".join(one.key_env)
    return f"Its key comes from a variable: unset {names} here, and pancode down, so that no session has it"


def _list(keyed: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        told = [{"provider": row["id"], "key": row["key"], "models": row["models"]} for row in keyed]
        click.echo(json.dumps({"providers": told}))
        return
    for row in keyed:
        click.echo(f"{row['id']}: {row['key']}, {row['models']} models known")
    more = "pancode logout PROVIDER says what to unset" if keyed else "no provider has one here"
    click.echo(f"{NO_KEYS}; {more}")


def _forget(home: str, provider: str) -> int:
    """Take a provider out of the kept answers; give how many models that were."""
    from pancode.domains.providers import cache

    known = cache.read(home)
    gone = known.kept.get(provider)
    if gone is None:
        return 0
    kept = {name: one for name, one in known.kept.items() if name != provider}
    cache.write(home, cache.Cache(kept=kept))
    return len(gone.models)
