"""`pancode prompts`: what agents are told besides their task, what it is made of, and how it has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, session_option
from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.agents.api import Agent
    from pancode.domains.agents.skills.skill import Skill
    from pancode.domains.prompts.api import Occasion
    from pancode.domains.prompts.history import History
    from pancode.domains.prompts.service import Compiler

SHORT = 12
"""Letters of a hash that are printed."""
RUNS_SKILLS = "files/skills"
"""Where a run has its skills, below its folder."""


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def prompts(context: click.Context, *, as_json: bool) -> None:
    """Show what agents are told besides their task, compare two prompts, list those that were given.

    Needs no session. Mistakes in your fragments (~/.pancode/prompts) go to standard error.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@prompts.command()
@click.argument("hash_", metavar="[HASH]", required=False)
@click.option("--agent", "-a", metavar="NAME", help="For this agent.  [default: the default agent]")
@click.option(
    "--role", type=click.Choice(["orchestrator", "worker", "scout"]), help="As if it had this role."
)
@click.option("--tier", type=click.Choice(["frontier", "mid", "small"]), help="For a model of this tier.")
@click.option("--mode", type=click.Choice(["admin", "plan", "build", "review"]), default="build")
@click.option("--level", type=click.Choice(["suggest", "auto-edit", "full-auto"]), default="auto-edit")
@click.option("--runtime", metavar="ID", help="On this runtime.  [default: the agent's]")
@session_option
@json_option
def show(hash_: str | None, session: str | None, *, as_json: bool, **asked: Any) -> None:  # noqa: ANN401
    """Show the prompt that a run was given, by its HASH; or the one that an agent would get now."""
    told = _history(session).get(hash_) if hash_ else _compiled(asked)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    click.echo(plain(told["text"]))
    click.echo("")
    for name in told["fragments"]:
        source = told["source"].get(name.partition("@")[0], "pancode")
        click.secho(f"  {name}" + ("" if source == "pancode" else f"  {source}"), dim=True)
    for name in told["dropped"]:
        click.secho(f"  {name}  dropped: there was no room", dim=True)
    click.secho(f"{told['hash'][:SHORT]}  {told['tokens']} tokens  {told['role']}, {told['tier']}", dim=True)


def _compiled(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Compile a prompt as a run would get it now."""
    from dataclasses import replace

    from pancode.cli.agents import here
    from pancode.domains.agents.api import AUTO, NATIVE
    from pancode.domains.agents.telling import persona_of

    agents, compiler = here(), _compiler()
    agent = agents.get(asked["agent"])
    persona = persona_of(agent, _skills(agent))
    if asked["role"]:
        persona = replace(persona, role=asked["role"])
    runtime = (
        asked["runtime"] or agents.resolve(agent) or (NATIVE if agent.runtime == AUTO else agent.runtime)
    )
    names = {info.id: info.name for info in agents.runtimes()}
    if asked["runtime"] and runtime not in names:
        problem = f'there is no runtime "{runtime}"'
        raise PanError(problem, remedy="pancode runtimes", code=ExitCode.NOT_FOUND)
    made = compiler.compile_prompt(persona, _occasion(asked, agent, runtime, names))
    return {**made.about, **made.to_json(), "source": {used.id: used.source for used in made.used},
            "text": made.kept}  # fmt: skip


def _skills(agent: Agent) -> list[Skill]:
    """Give the agent's skills, as far as they are there."""
    from pancode.cli.skills import shelf

    known = shelf().known() if agent.skills else {}
    return [known[name] for name in agent.skills if name in known]


def _occasion(asked: Mapping[str, Any], agent: Agent, runtime: str, names: Mapping[str, str]) -> Occasion:
    from pancode.core.grants import Grant, parse_level, parse_mode
    from pancode.domains.prompts.api import Occasion
    from pancode.domains.providers.api import tier_by_name

    grant = Grant(parse_mode(asked["mode"]), parse_level(asked["level"]), read_only=agent.readonly)
    tier = asked["tier"] or tier_by_name(agent.model)
    runs_on = names.get(runtime, runtime)
    return Occasion(grant=grant, runtime=runtime, runs_on=runs_on, tier=tier, skills_dir=RUNS_SKILLS)


@prompts.command()
@click.argument("first", metavar="HASH")
@click.argument("second", metavar="HASH")
@session_option
@json_option
def diff(first: str, second: str, session: str | None, *, as_json: bool) -> int:
    """Compare two prompts that runs were given. The exit status is 1 if they differ."""
    from difflib import unified_diff

    history = _history(session)
    before, after = history.get(first), history.get(second)
    one, other = (str(each["hash"])[:SHORT] for each in (before, after))
    texts = (before["text"].split("\n"), after["text"].split("\n"))
    lines = list(unified_diff(*texts, fromfile=one, tofile=other, lineterm=""))
    was, now = (set(map(str, one["fragments"])) for one in (before, after))
    if as_json:
        told = {"gone": sorted(was - now), "new": sorted(now - was), "diff": lines}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for mark, names in (("-", sorted(was - now)), ("+", sorted(now - was))):
            for name in names:
                click.echo(f"{mark} {name}")
        for line in lines:
            click.secho(plain(line), fg={"-": "red", "+": "green"}.get(line[:1]))
    return int(ExitCode.FAILED if lines else ExitCode.DONE)


@prompts.command()
@click.option("--agent", "-a", metavar="NAME", help="Only those of this agent.")
@session_option
@json_option
def history(agent: str | None, session: str | None, *, as_json: bool) -> None:
    """List the prompts that runs of this project were given, newest first."""
    from datetime import datetime

    from pancode.cli.tables import show as table

    found = [one for one in _history(session).all() if agent in (None, one.get("agent"))]
    if as_json:
        click.echo(json.dumps({"prompts": found}, ensure_ascii=False))
        return
    if not found:
        click.echo("no run of this project was given a prompt yet")
        return
    rows = [
        (
            str(one["hash"])[:SHORT],
            f"{datetime.fromtimestamp(float(one['at'])).astimezone():%Y-%m-%d %H:%M}",
            str(one.get("agent")),
            str(one.get("runtime")),
            f"{one.get('mode')}, {one.get('level')}",
            f"{one.get('tokens')} tokens in {len(one['fragments'])} fragments",
        )
        for one in found
    ]
    table(("hash", "first given", "agent", "runtime", "grant", "size"), rows, [None] * len(rows))


@prompts.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the fragments in force: the shipped ones, and yours, which replace or add."""
    from dataclasses import asdict

    from pancode.cli.tables import show as table
    from pancode.domains.prompts.api import tokens

    fragments = _compiler().library.fragments()
    if as_json:
        click.echo(json.dumps({"fragments": [asdict(each) for each in fragments]}, ensure_ascii=False))
        return
    rows = []
    for each in fragments:
        words = (each.roles, each.tiers, each.modes, each.levels, each.runtimes)
        limits = [" or ".join(some) for some in words if some]
        limits += [] if each.read_only is None else ["read-only" if each.read_only else "may write"]
        source = "" if each.source == "pancode" else each.source
        rows.append((each.category, f"{each.id}@{each.version}", str(tokens(each.text)),
                     " · ".join(limits) or "all", source))  # fmt: skip
    table(("category", "fragment", "tokens", "for", "from"), rows, [None] * len(rows))


def _compiler() -> Compiler:
    """Give the compiler of this user's fragments; say what is wrong in them."""
    from pancode.cli.tables import printable
    from pancode.domains.prompts.service import Compiler
    from pancode.engine.places import home

    compiler = Compiler(home())
    for wrong in compiler.library.wrong():
        for line in str(wrong).splitlines():
            click.echo(("  " if line.startswith("  ") else "") + printable(line), err=True)
    return compiler


def _history(session: str | None) -> History:
    from pancode.domains.prompts.history import History
    from pancode.domains.prompts.service import project_state
    from pancode.engine import places

    return History(project_state(places.find(session).state))
