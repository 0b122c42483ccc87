"""`pancode reload`: settings, agents, adapters and prompts read again, and what is wrong in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode
from pancode.engine import places


@click.command()
@session_option
@json_option
def reload(session: str | None, *, as_json: bool) -> int:
    """Have the running session read settings, agents, adapters and prompts again, and tell what is wrong.

    A changed file counts by itself from the next run or request on; this shows it at once, and finds adapters
    and CLIs that were installed meanwhile. Exit status 1 if a file has a mistake.
    """
    from pancode.cli.tables import printable
    from pancode.domains.prompts.library import Library

    where = places.find(session)
    agents = request("reload_agents", places=where)
    mistakes = request("config_reload", places=where)["mistakes"]
    library = Library(where.home)
    slips = [_words(one) for one in agents["mistakes"]]
    wrong: list[str] = [*mistakes, *slips, *map(str, library.wrong())]
    found = {"agents": len(agents["agents"]), "prompts": len(library.fragments()), "mistakes": wrong}
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo(f"read again: settings, {found['agents']} agents, {found['prompts']} parts of prompts")
        for mistake in wrong:
            for line in mistake.splitlines():
                click.echo(("  " if line.startswith("  ") else "") + printable(line), err=True)
    return int(ExitCode.FAILED if wrong else ExitCode.DONE)


def _words(told: Mapping[str, Any]) -> str:
    """Give a mistake of the agents' files as they print it themselves."""
    remedy = f"\n  try: {told['remedy']}" if told.get("remedy") else ""
    return f"{told['file']}:{told['line']}: {told['problem']}{remedy}"
