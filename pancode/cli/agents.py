"""`pancode agents`: who can be run here, and what is wrong in panagents.yaml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option

if TYPE_CHECKING:
    from pancode.domains.agents.registry import Registry


@click.command()
@click.option("--tag", metavar="TAG", help="Only agents with this tag.")
@json_option
def agents(*, tag: str | None, as_json: bool) -> None:
    """List the agents and the runtime that each would run on now.

    Needs no session. Mistakes in panagents.yaml go to standard error, each with file and line.
    """
    from pancode.cli.tables import printable, show
    from pancode.domains.agents import view

    service = here()
    found = view.agents(service, tag)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        rows = [_row(agent) for agent in found["agents"]]
        show(("agent", "runs on", "", "what it does"), rows, [_colour(agent) for agent in found["agents"]])
    for mistake in service.mistakes():
        for line in str(mistake).splitlines():
            indent = "  " if line.startswith("  ") else ""
            click.echo(f"{indent}{printable(line)}", err=True)


def here() -> Registry:
    """Give the agents of the project around the current directory, without a controller."""
    import os

    from pancode.domains.agents.registry import Registry
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.prompts.service import Compiler
    from pancode.domains.providers.service import Service
    from pancode.engine.places import find

    places, environment = find(), dict(os.environ)
    settings = InForce(places, environment)
    compiler, providers = Compiler(places.home), Service(settings, places.home)
    return Registry(places.project, environment, settings, compiler, providers)


def _row(agent: dict[str, object]) -> tuple[str, str, str, str]:
    runs_on = str(agent["runs_on"] or "–") + ("" if agent["ready"] else " (missing)")
    if agent["runs_on"] is None:
        runs_on = "no CLI, no model"
    return str(agent["name"]), runs_on, "read-only" if agent["readonly"] else "", str(agent["description"])


def _colour(agent: dict[str, object]) -> str | None:
    return None if agent["ready"] else "dim"
