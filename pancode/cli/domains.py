"""`pancode domains`: what PanCode is made of, in the order it is loaded."""

from __future__ import annotations

import json
import os

import click

from pancode.cli.client import json_option


@click.command()
@json_option
def domains(*, as_json: bool) -> None:
    """Print the domains in their load order, and what each needs."""
    from pancode.core.manifest import is_enabled, load_order
    from pancode.finding import manifests

    order = load_order(manifests())
    if as_json:
        rows = [
            {
                "name": one.name,
                "needs": list(one.needs),
                "summary": one.summary,
                "verbs": sorted(one.verbs),
                "enabled": is_enabled(one, os.environ),
            }
            for one in order
        ]
        click.echo(json.dumps({"domains": rows}))
        return
    for number, one in enumerate(order, 1):
        off = "" if is_enabled(one, os.environ) else f"  [off: set {one.enabled_by}=on]"
        needs = f" ← {', '.join(one.needs)}" if one.needs else ""
        click.echo(f"{number:>2} {one.name}{needs}{off}\n     {one.summary}")
