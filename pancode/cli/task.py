"""`pancode task`: the session's task board."""

from __future__ import annotations

import json
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places

STATUS = click.Choice(["todo", "doing", "blocked", "done"])


@click.group()
def task() -> None:
    """What is to be done: a board that people, the orchestrator and workers share."""


@task.command()
@click.argument("title", nargs=-1, required=True)
@click.option("--description", "-d", metavar="TEXT", default="", help="What has to be known about it.")
@click.option("--run", "runs", metavar="RUN", multiple=True, help="A run that works on it.")
@session_option
@json_option
def create(
    title: tuple[str, ...], description: str, runs: tuple[str, ...], session: str | None, *, as_json: bool
) -> int:
    """Put a task on the board, to do."""
    args = {"title": " ".join(title), "description": description, "runs": runs}
    return _told(_ask("create", args, session), as_json=as_json)


@task.command()
@click.argument("id", metavar="ID")
@session_option
@json_option
def check(id: str, session: str | None, *, as_json: bool) -> int:  # noqa: A002 -- the option's name
    """Mark a task as done. The beginning of its id is enough."""
    return _told(_ask("check", {"id": id}, session), as_json=as_json)


@task.command()
@click.argument("id", metavar="ID")
@click.option("--title", metavar="TEXT", help="Another title.")
@click.option("--description", "-d", metavar="TEXT", help="Another description.")
@click.option("--status", type=STATUS, help="How far it is.")
@click.option("--run", "link", metavar="RUN", multiple=True, help="A run that works on it.")
@click.option("--not-run", "unlink", metavar="RUN", multiple=True, help="A run that doesn't.")
@session_option
@json_option
def update(id: str, session: str | None, *, as_json: bool, **given: Any) -> int:  # noqa: A002, ANN401
    """Change a task; what isn't given stays."""
    changes = {key: value for key, value in given.items() if value is not None and value != ()}
    if not changes:
        raise PanError("nothing is to be changed", remedy="pancode task update --help", code=ExitCode.USAGE)
    return _told(_ask("update", {"id": id, **changes}, session), as_json=as_json)


@task.command("list")
@click.option("--status", type=STATUS, help="Only these.")
@session_option
@json_option
def list_(status: str | None, session: str | None, *, as_json: bool) -> None:
    """List the tasks: those under way, blocked, to do, done."""
    found = _ask("list", {"status": status}, session)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found["tasks"]:
        empty = "the board is empty; pancode task create TITLE puts something on it"
        click.echo(empty if status is None else f"no task is {status}; pancode task list shows all of them")
        return
    from pancode.cli.tables import show as show_table

    rows = [(one["id"], one["status"], one["title"], _runs(one), one["author"]) for one in found["tasks"]]
    show_table(
        ("id", "status", "task", "runs", "author"),
        rows,
        [None] * len(rows),
        wrap=True,
        drop=("author", "runs"),
    )


@task.command()
@click.argument("id", metavar="ID")
@session_option
@json_option
def show(id: str, session: str | None, *, as_json: bool) -> None:  # noqa: A002 -- the option's name
    """Show a task with its history."""
    found = _ask("show", {"id": id}, session)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from datetime import datetime

    click.echo(f"{found['id']} {found['status']}: {found['title']}")
    for text in (found["description"], _runs(found)):
        if text:
            click.echo(f"  {text}")
    for change in found["history"]:
        when = datetime.fromtimestamp(change["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"  {when}  {change['by']}: {change['what']}")


def _ask(verb: str, args: dict[str, Any], session: str | None) -> dict[str, Any]:
    where = places.find(session)
    try:
        return request(f"task_{verb}", args, places=where)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE or verb not in ("list", "show"):
            raise
    return dict(_read_only(where).answer(verb, args, "nobody"))


def _read_only(where: Places) -> Any:  # noqa: ANN401 -- its module is imported only when no session is up
    from pancode.domains.board.board import Board
    from pancode.domains.board.journal import Journal
    from pancode.engine.files import read_json

    def state_of(run: str) -> str | None:
        return (read_json(f"{where.runs}/{run}/result.json") or {}).get("status")

    return Board(Journal(where.state), set, state_of)


def _runs(found: dict[str, Any]) -> str:
    return ", ".join(f"{run['run_id']} {run['state'] or '–'}" for run in found["runs"])


def _told(found: dict[str, Any], *, as_json: bool) -> int:
    click.echo(
        json.dumps(found, ensure_ascii=False)
        if as_json
        else f"{found['id']} {found['status']}: {found['title']}"
    )
    return int(ExitCode.DONE)
