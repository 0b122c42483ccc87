"""Loads all agents: the built-in ones, the user's panagents.yaml (seeded once), then the project's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import ORCHESTRATOR, SCOUT, SHELL, Agent, Mistake, Source
from pancode.domains.agents.entry import read
from pancode.domains.agents.skills.giving import without_skill
from pancode.domains.agents.skills.skill import Skill
from pancode.domains.agents.yamlfile import Parsed, parse
from pancode.engine import files

FILE = "panagents.yaml"
NATIVE = "native"
"""The runtime of PanCode's own agents."""
SEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seed.yaml")


@dataclass(slots=True)
class Loaded:
    """The usable agents by name, all mistakes, and the names that a mistake has taken away."""

    agents: dict[str, Agent] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    bad: dict[str, Mistake] = field(default_factory=dict)


def seed(home: str) -> str:
    """Put the default panagents.yaml into `home` unless one is there; give the path to read.

    An existing file is never touched, whatever is in it. Where `home` can't be written, the path is
    that of the shipped file.
    """
    path = os.path.join(home, FILE)
    try:
        files.seed(path, SEED)
    except OSError:
        return SEED
    return path


def project_file(project: str) -> str:
    """Give the path of a project's panagents.yaml, there or not."""
    return os.path.join(project, ".pancode", FILE)


def load(
    user_file: str, project: str, adapters: Mapping[str, Adapter], skills: Callable[[], Mapping[str, Skill]]
) -> Loaded:
    """Load the built-in agents, then `user_file`, then the project's file; never raises for their content.

    `skills` is asked for the skills that there are, if any agent names one.
    """
    loaded = Loaded(agents=built_in(adapters))
    _add(loaded, user_file, "user", adapters)
    theirs = project_file(project)
    if os.path.lexists(theirs) and os.path.realpath(theirs) != os.path.realpath(user_file):
        _add(loaded, theirs, "project", adapters)
    for agent in [agent for agent in loaded.agents.values() if agent.skills]:
        if (mistake := without_skill(agent, skills())) is not None:
            loaded.mistakes.append(mistake)
            loaded.agents.pop(agent.name)
            loaded.bad[agent.name] = mistake
    return loaded


def built_in(adapters: Mapping[str, Adapter]) -> dict[str, Agent]:
    """Give one agent for each runtime with a program of its own, installed or not, and `shell`."""
    agents = {
        name: Agent(
            name=name,
            source="built-in",
            runtime=name,
            description=_described(adapter),
            tags=("built-in",),
        )
        for name, adapter in adapters.items()
        if adapter.binary
    }
    shell = Agent(
        name=SHELL,
        source="built-in",
        runtime=SHELL,
        description="runs the task as a shell command",
        tags=("built-in",),
    )
    return agents | {SHELL: shell} | (_of_the_conversation() if NATIVE in adapters else {})


def _of_the_conversation() -> dict[str, Agent]:
    """Give the orchestrator, and what it sends out to look."""
    panos = Agent(
        name=ORCHESTRATOR,
        source="built-in",
        runtime=NATIVE,
        description="the orchestrator: what you talk to in the command pane",
        tags=("built-in",),
    )
    scout = Agent(
        name=SCOUT,
        source="built-in",
        runtime=NATIVE,
        readonly=True,
        model="${PANCODE_SCOUT_MODEL:-}",
        description="looks for what the orchestrator asks, and changes nothing",
        tools=("read", "grep", "find", "ls"),
        tags=("built-in", "readonly"),
    )
    return {panos.name: panos, scout.name: scout}


def _described(adapter: Adapter) -> str:
    if adapter.tier == "native":
        return "PanCode's own agent, for any model"
    return f"{adapter.name} as it is"


def _add(loaded: Loaded, file: str, source: Source, adapters: Mapping[str, Adapter]) -> None:
    parsed = _parse_file(file)
    loaded.mistakes += parsed.mistakes
    taken = set(loaded.agents) | set(loaded.bad) if source == "project" else set()
    bad = dict(parsed.bad)
    for entry in parsed.entries:
        if entry.name in taken:
            loaded.mistakes.append(
                Mistake(
                    file,
                    entry.line,
                    f'there is an agent "{entry.name}" already, and a project may not replace it',
                    "give it another name",
                )
            )
            continue
        agent = read(file, entry, source, adapters)
        if isinstance(agent, Agent):
            loaded.agents[entry.name] = agent
        else:
            loaded.mistakes += agent
            bad.setdefault(entry.name, agent[0])
    for name, mistake in bad.items():
        # Falling back to another definition could drop a restriction that the broken one meant.
        if name not in taken:
            loaded.agents.pop(name, None)
            loaded.bad[name] = mistake


def _parse_file(file: str) -> Parsed:
    try:
        with open(file, "rb") as opened:
            raw = opened.read()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return Parsed(mistakes=[Mistake(file, None, f"this can't be read: {why}")])
    try:
        return parse(file, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Parsed(mistakes=[Mistake(file, line, "this is not UTF-8 text", "save it as UTF-8")])
