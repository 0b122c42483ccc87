"""`pancode skills`: which skills there are, what is in one, and what is wrong with others."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option
from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.agents.skills.finding import Skills
    from pancode.domains.agents.skills.giving import Shelf
    from pancode.domains.agents.skills.skill import Skill


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def skills(context: click.Context, *, as_json: bool) -> None:
    """List the skills that agents can be given, show one, check them all. Needs no session."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@skills.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the skills, and the agents that have them."""
    from pancode.cli.agents import here
    from pancode.cli.tables import show as table

    found = shelf().find()
    agents = here().all()
    rows = [_row(skill, [agent.name for agent in agents if skill.name in agent.skills])
            for skill in found.found.values()]  # fmt: skip
    if as_json:
        told = {"skills": rows, "mistakes": [asdict(mistake) for mistake in found.mistakes]}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    if not rows:
        click.echo("no skills yet: a folder with a SKILL.md in ~/.pancode/skills is one (docs/skills.md)")
    else:
        cells = [(row["name"], row["source"], " ".join(row["agents"]) or "–", row["line"]) for row in rows]
        table(("skill", "from", "given to", "what it is for"), cells, [None] * len(cells), wrap=True)
    if found.mistakes:
        click.echo(f"{_count_bad(found)} left out: pancode skills check", err=True)


@skills.command()
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show skill NAME: what it says of itself, its files, and what of it no worker would get."""
    there = shelf()
    skill = _known(there, name)
    files, left = there.files(skill)
    text = next(iter(files.values()), "")
    if as_json:
        sizes = {path: len(content) for path, content in files.items()}
        told = {**_row(skill, []), "files": sizes, "left_out": left, "text": text}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    head = f"{skill.name}  {skill.version or ''}  {skill.source}, {skill.file}"
    click.echo(plain(head.replace("    ", "  ")))
    for path, content in files.items():
        click.secho(plain(f"  {path}  {len(content)} characters"), dim=True)
    for line in left:
        click.secho(plain(f"  left out: {line}"), fg="yellow")
    click.echo("")
    click.echo(plain(text))


@skills.command()
@json_option
def check(*, as_json: bool) -> int:
    """Check every skill; the exit status is 10 if anything is wrong with one."""
    from pancode.cli.tables import printable

    there = shelf()
    found = there.find()
    left = {name: there.files(skill)[1] for name, skill in found.found.items()}
    left = {name: lines for name, lines in left.items() if lines}
    if as_json:
        told = {"skills": len(found.found), "left_out": left,
                "mistakes": [asdict(mistake) for mistake in found.mistakes]}  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for mistake in found.mistakes:
            for line in str(mistake).splitlines():
                click.echo(("  " if line.startswith("  ") else "") + printable(line))
        for name, lines in left.items():
            for line in lines:
                click.echo(f"{name}: left out: {printable(line)}")
        click.echo(f"{len(found.found)} skills can be given, {_count_bad(found)} can't")
    return int(ExitCode.CONFIG if found.mistakes else ExitCode.DONE)


def _count_bad(found: Skills) -> int:
    """Count the files with mistakes; one may have several."""
    return len({mistake.file for mistake in found.mistakes})


def _row(skill: Skill, agents: list[str]) -> dict[str, Any]:
    return {**asdict(skill), "line": skill.line, "agents": agents}


def _known(shelf: Shelf, name: str) -> Skill:
    found = shelf.known()
    if name not in found:
        known = " ".join(sorted(found)) or "none"
        remedy = f"known here: {known} · pancode skills check"
        raise PanError(f'there is no skill "{name}"', remedy=remedy, code=ExitCode.NOT_FOUND)
    return found[name]


def shelf() -> Shelf:
    """Give the skills of this user and project."""
    from pancode.domains.agents.skills.giving import Shelf
    from pancode.engine.places import home, project_root

    return Shelf(home(), os.path.expanduser("~"), project_root())
