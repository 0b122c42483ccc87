"""`pancode team`: flows under a name, for the kinds of work that come again and again."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option
from pancode.cli.flowing import asked, hold, performed, run_options
from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError
from pancode.domains.dispatch.flow import teams
from pancode.engine import places


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def team(context: click.Context, *, as_json: bool) -> None:
    """Let several agents do a task together, in a way that has a name.

    A team is a flow's file: shipped, yours in ~/.pancode/teams, or the project's in .pancode/teams.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@team.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the teams. Needs no session; mistakes go to standard error."""
    from pancode.cli.tables import printable
    from pancode.cli.tables import show as table

    rows: list[dict[str, Any]] = []
    for each in teams.teams(_folders()):
        try:
            flow = each.flow()
        except PanError as error:
            click.echo("\n".join(printable(line) for line in str(error).splitlines()), err=True)
            continue
        agents = list(dict.fromkeys(node.agent or "the default agent" for node in flow.nodes))
        rows.append({"name": each.name, "source": each.source, "file": each.file, "about": flow.about,
                     "agents": agents, "hides": list(each.hides)})  # fmt: skip
    if as_json:
        click.echo(json.dumps({"teams": rows}, ensure_ascii=False))
        return
    cells = [(row["name"], row["source"], " ".join(row["agents"]), row["about"] or "–") for row in rows]
    table(("team", "from", "agents", "what it does"), cells, [None] * len(cells), wrap=True)
    for row in rows:
        for hidden in row["hides"]:
            click.echo(plain(f"{hidden} doesn't count: {row['file']} has the name"), err=True)


@team.command()
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show team NAME: its nodes, who does them, and what each needs."""
    from pancode.cli.tables import show as table
    from pancode.domains.dispatch.flow.definition import to_json

    found = teams.team(name, _folders())
    flow = found.flow()
    if as_json:
        told = {"name": found.name, "source": found.source, "file": found.file, "flow": to_json(flow)}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(plain(f"{found.name}  {found.file}"))
    click.echo(plain(flow.about))
    rows = [(node.name, node.agent or "the default agent", " ".join(node.needs) or "–", node.task)
            for node in flow.nodes]  # fmt: skip
    table(("node", "agent", "needs", "task"), rows, [None] * len(rows), wrap=True)


@team.command()
@click.argument("name")
@click.argument("task", nargs=-1)
@click.option(
    "--dry-run", is_flag=True, help="Draw it, with what it may cost and what the gates say; start nothing."
)
@click.option("--no-cache", is_flag=True, help="Do everything anew.")
@run_options
def run(
    name: str, task: tuple[str, ...], *, dry_run: bool, no_cache: bool, session: str | None, **given: Any  # noqa: ANN401
) -> int:  # fmt: skip
    """Let team NAME do TASK. It is a flow: `pancode flow list`, `show` and `stop` know it."""
    found = teams.team(name, _folders())
    flow, where = found.flow(), places.find(session)
    hold(found.file, (node.model for node in flow.nodes), where)
    args = asked(flow, given, found.file)
    args |= {"resumes": None, "fresh": no_cache}
    if task:
        args["flow"]["original"] = " ".join(task)
    if not args["flow"]["original"].strip():
        raise PanError(
            f'team "{name}" needs a task', remedy=f'pancode team run {name} "TASK"', code=ExitCode.USAGE
        )
    return performed(args, where, given, dry_run=dry_run)


def _folders() -> list[tuple[teams.Source, str]]:
    return teams.folders(places.home(), places.project_root())
