"""What a plan is made of, and the parts that every kind of plan has in common."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents import npm, packages
from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import Agent, AgentNeeds, LaunchAsk, Plan, UnknownModelError
from pancode.domains.agents.checks import expand
from pancode.domains.agents.enclosed import home_files, needs
from pancode.domains.agents.skills.skill import Skill
from pancode.domains.panconfigure.api import Settings
from pancode.domains.prompts.api import Prompts

if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Limits

ARGUMENT_LIMIT = 131_071
"""Bytes of one argument of a program on Linux."""


class Enclosed(TypedDict):
    """The fields of a plan that are about the sandbox."""

    needs: AgentNeeds
    home: Mapping[str, str]
    hooked: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """What a plan is made of: the ask, its agent, the settings of the asker, and where to ask further."""

    ask: LaunchAsk
    agent: Agent
    settings: Settings
    prompts: Prompts
    version: Callable[[str], str | None]
    models: tuple[str, ...] = ()
    """The models that the operator's agents name."""
    skills: tuple[Skill, ...] = ()
    """The skills that the agent is given."""
    skill_files: Mapping[str, str] = field(default_factory=dict)
    """Their files, by paths below the run's files."""

    @property
    def read_only(self) -> bool:
        """Whether this run may not change files, because of its agent or of its grant."""
        return self.agent.readonly or not self.ask.grant.may_write


def check_task(task: str) -> None:
    """Raise PanError for a task that no program could be given."""
    if not task.strip():
        raise PanError("the task is empty", remedy="say what is to be done", code=ExitCode.USAGE)
    if "\0" in task:
        raise PanError("the task has a NUL character in it", remedy="take it out", code=ExitCode.USAGE)


def finish(bench: Bench, adapter: Adapter | None, launch: Launch, model: str | None) -> Plan:
    """Put a launch and what the ask, the agent and the settings say into a plan."""
    ask, agent = bench.ask, bench.agent
    secrets = launch["secret_env"]
    longest = max(len(os.fsencode(word)) for word in launch["argv"])
    if longest > ARGUMENT_LIMIT:
        who = adapter.name if adapter else agent.name
        raise PanError(
            f"the task is too long for {who}: it makes an argument of {longest} bytes",
            remedy=f"put it into a file and name that in the task; {ARGUMENT_LIMIT} bytes are possible",
            code=ExitCode.USAGE,
        )
    env = {name: text for name, text in launch["env"].items() if name not in secrets}
    return Plan(
        agent=agent.name,
        runtime=adapter.id if adapter else agent.runtime,
        agent_version=_version(bench, adapter, launch.get("program") or launch["argv"][0]),
        adapter=adapter.path if adapter else None,
        model=model,
        argv=tuple(launch["argv"]),
        env=env | {"PANCODE_RUN_ID": ask.run_id},
        secrets=secrets,
        files={_inside(path): _file_text(text) for path, text in launch["files"].items()}
        | dict(bench.skill_files),
        stdin=launch.get("stdin"),
        interactive=adapter is None,
        reads=adapter.reads if adapter else (),
        limits=_limits(bench, adapter),
        heartbeat_s=bench.settings.heartbeat_s,
        read_only=bench.read_only,
        retry_on_failure=agent.retry_on_failure,
        watch={"stale": agent.on_stale, "dead": agent.on_dead},
        previous=ask.previous if ask.session else None,
        **_enclosed(bench, adapter, launch),
    )


def _version(bench: Bench, adapter: Adapter | None, program: str) -> str | None:
    if adapter is None:
        return None
    if adapter.npm is not None:
        return npm.version(bench.settings.home, adapter.npm)
    return packages.version(adapter.package[0]) if adapter.package else bench.version(program)


def _enclosed(bench: Bench, adapter: Adapter | None, launch: Launch) -> Enclosed:
    ask, home = bench.ask, launch.get("home", {})
    if adapter is None or not ask.sandboxed:
        needed, given = AgentNeeds(), dict[str, str]()
    else:
        needed = needs(adapter, launch.get("program") or launch["argv"][0], ask.environment)
        if adapter.npm is not None:
            needed = replace(needed, shows=(npm.folder(bench.settings.home, adapter.npm),))
        given = home_files(adapter, {_inside(path): text for path, text in home.items()}, ask.environment)
    hooked = adapter is not None and adapter.asks and ask.hook is not None
    return {"needs": needed, "home": given, "hooked": hooked and (ask.sandboxed or not home)}


def _limits(bench: Bench, adapter: Adapter | None) -> Limits:
    asked, agent = bench.ask.timeout_s, bench.agent
    idle = bench.ask.idle_s if bench.ask.idle_s is not None else agent.idle_timeout_s
    if idle is None and adapter is not None:
        idle = adapter.idle_s
    wall = asked if asked is not None else agent.timeout_s
    return {
        "wall_s": wall if wall is not None else bench.settings.worker_timeout_s,
        "idle_s": idle or None,
        "max_turns": agent.max_turns,
        "token_budget": agent.token_budget,
    }


def expanded_model(bench: Bench) -> str | None:
    """Give the agent's model with its variables put in; PanError CONFIG names one that is not set."""
    return named_model(bench.agent, bench.ask.environment)


def named_model(agent: Agent, environment: Mapping[str, str]) -> str | None:
    """Give the model that an agent names, with the variables of this environment put in."""
    if agent.model is None:
        return None
    try:
        return expand(agent.model, environment.get) or None
    except KeyError as error:
        raise UnknownModelError(
            f'the model of agent "{agent.name}" comes from {error.args[0]}, which is not set',
            remedy=f"export {error.args[0]}, use --model, or write ${{{error.args[0]}:-}} for the default",
            code=ExitCode.CONFIG,
        ) from None


def present(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """Give those of the variables that are set to something."""
    return {name: environment[name] for name in names if environment.get(name)}


def _inside(path: str) -> str:
    if os.path.isabs(path) or ".." in path.split("/"):
        raise PanError(f'an adapter may not write "{path}": it is outside the run', code=ExitCode.CONFIG)
    return path


def _file_text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
