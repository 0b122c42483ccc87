"""Turns one entry of panagents.yaml into an Agent, or into the list of what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import ACP, AUTO, COMMAND, Agent, Mistake, Source
from pancode.domains.agents.behind import loosened
from pancode.domains.agents.choose import beyond, candidates, canonical
from pancode.domains.agents.enclosed import decided
from pancode.domains.agents.schema import BY_KEY, Field
from pancode.domains.agents.yamlfile import Entry, Item, Value, nearest, value
from pancode.domains.prompts.api import OWN_LIMITS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_ATTRIBUTES = {"timeout": "timeout_s", "idle_timeout": "idle_timeout_s"}
_ONE_VALUE = frozenset({"prompt", "autonomy", "isolation", "sampling"})
"""Keys with only one value that can be honoured today, so an Agent needn't carry it."""


def read(file: str, entry: Entry, source: Source, adapters: Mapping[str, Adapter]) -> Agent | list[Mistake]:
    """Check every key of the entry; each mistake names the file, the line, why, and what to do."""
    reader = _Reader(file, entry, source, adapters)
    agent = reader.agent()
    return agent if not reader.mistakes else reader.mistakes


class _Reader:
    def __init__(self, file: str, entry: Entry, source: Source, adapters: Mapping[str, Adapter]) -> None:
        self.file = file
        self.entry = entry
        self.source = source
        self.adapters = adapters
        self.lines = {item.key: item.line for item in entry.items}
        self.mistakes: list[Mistake] = []

    def agent(self) -> Agent:
        values: dict[str, Any] = {}
        if not _NAME.fullmatch(self.entry.name):
            self.report(
                "",
                f'"{self.entry.name}" is not a name for an agent',
                "use 1 to 32 letters, digits, . _ and -",
            )
        for item in self.entry.items:
            found = self.item(item)
            if found is not None and item.key not in _ONE_VALUE:
                values[_ATTRIBUTES.get(item.key, item.key)] = found
        agent = Agent(
            name=self.entry.name, source=self.source, file=self.file, line=self.entry.line, **values
        )
        if not agent.description:
            agent = replace(agent, description=agent.name)
        if len(agent.system_prompt) > OWN_LIMITS[agent.role]:
            limit = f"at most {OWN_LIMITS[agent.role]} fit for a {agent.role}"
            words = f"it has {len(agent.system_prompt)} characters; {limit}"
            self.report("system_prompt", f'"system_prompt" of agent "{agent.name}": {words}')
        return agent if self.mistakes else self.on_runtime(agent)

    def report(self, key: str, problem: str, remedy: str | None = None) -> None:
        self.mistakes.append(Mistake(self.file, self.lines.get(key, self.entry.line), problem, remedy))

    def item(self, item: Item) -> Value | None:
        field = BY_KEY.get(item.key)
        of = f'of agent "{self.entry.name}"'
        if field is None:
            near = nearest(item.key, BY_KEY)
            remedy = f'rename it to "{near}"' if near else "the keys are listed in docs/agents.md"
            self.report(item.key, f'there is no key "{item.key}" (in agent "{self.entry.name}")', remedy)
            return None
        if field.yours_only and self.source == "project":
            self.report(
                item.key,
                f'a project may not set "{item.key}" ({of})',
                "put the agent into your own panagents.yaml if you trust it",
            )
            return None
        try:
            found = value(item.node, field.kind)
        except ValueError as error:
            self.report(item.key, f'"{item.key}" {of} must be {error}')
            return None
        return None if found is None else self.checked(field, found, of)

    def checked(self, field: Field, found: Value, of: str) -> Value | None:
        key = field.key
        if field.later and found not in field.values and (found in field.later or "*" in field.later):
            remedy = f"take it out, or write {key}: {field.values[0]}" if field.values else "take it out"
            self.report(key, f'"{key}: {found}" {of} is not available yet', remedy)
        elif field.values and found not in field.values:
            self.report(key, f'"{key}" {of} can\'t be "{found}"', f"one of {', '.join(field.values)}")
        elif field.check is not None and (complaint := field.check(found)):
            self.report(key, f'"{key}" {of}: {complaint}')
        elif key == "model" and self.source == "project" and "${" in str(found):
            self.report(key, f'a project may not read variables for "model" ({of})', "write the model's name")
        else:
            return found
        return None

    def on_runtime(self, agent: Agent) -> Agent:
        """Settle the runtime and hold the agent against it."""
        if agent.command is not None and agent.runtime != ACP:
            if "runtime" in self.lines:
                self.report("runtime", f'agent "{agent.name}" has both a command and a runtime', "keep one")
            self.check_task(agent)
            agent = replace(agent, runtime=COMMAND)
        else:
            runtime = self.runtime(agent)
            if runtime is None:
                return agent
            agent = replace(agent, runtime=runtime)
        if agent.runtime == AUTO:
            self.check_auto(agent)
        else:
            self.check_named(agent)
        return agent

    def runtime(self, agent: Agent) -> str | None:
        names = [AUTO, *self.adapters, "shell"]
        known = canonical(agent.runtime, self.adapters)
        if known is None:
            near = nearest(agent.runtime, names)
            self.report(
                "runtime",
                f'there is no runtime "{agent.runtime}" (in agent "{agent.name}")'
                + (f'; did you mean "{near}"?' if near else ""),
                f"use one of {', '.join(names)}, or `command:` for any other program",
            )
        return known

    def check_task(self, agent: Agent) -> None:
        if not any("{task}" in word for word in (agent.command or ())[1:]):
            problem = 'no part of it is "{task}", so the task would get lost'
            self.report("command", f'"command" of agent "{agent.name}": {problem}')

    def check_acp(self, agent: Agent) -> None:
        if agent.command is None:
            self.report(
                "runtime",
                f'agent "{agent.name}" has "runtime: acp" and no command',
                "add the program that speaks the protocol, such as `command: [gemini, --acp]`",
            )
        elif agent.runtime_args:
            self.report("runtime_args", f'agent "{agent.name}" has a command', "put them into the command")
        elif word := loosened(agent, self.adapters):
            self.report(
                "command",
                f'"{word}" in the command of agent "{agent.name}" is for its level to decide',
                "take it out, and choose the level with `pancode safety` or `readonly: true`",
            )

    def check_named(self, agent: Agent) -> None:
        what = "a command" if agent.runtime == COMMAND else agent.runtime
        for key in beyond(agent, agent.runtime, self.adapters):
            others = [name for name in self.adapters if key not in beyond(agent, name, self.adapters)]
            remedy = "take it out" + (f", or use runtime: {' or '.join(others)}" if others else "")
            if key == "model" and agent.runtime == COMMAND:
                remedy = 'take it out, or put "{model}" into the command'
            self.report(key, f'{what} can\'t honour "{key}" of agent "{agent.name}"', remedy)

        if agent.runtime == ACP:
            self.check_acp(agent)
        adapter = self.adapters.get(agent.runtime)
        if adapter is not None and (word := decided(adapter, agent.runtime_args)):
            self.report(
                "runtime_args",
                f'"{word}" in the runtime_args of agent "{agent.name}" is for its level to decide',
                "take it out, and choose the level with `pancode safety` or `readonly: true`",
            )

    def check_auto(self, agent: Agent) -> None:
        if agent.runtime_args:
            self.report(
                "runtime_args",
                f'"runtime_args" of agent "{agent.name}" are for one CLI, and its runtime is auto',
                "name the CLI with `runtime:`",
            )
        if self.adapters and not candidates(agent, self.adapters):
            keys = sorted({key for name in self.adapters for key in beyond(agent, name, self.adapters)})
            self.report(
                keys[0],
                f'no CLI can honour {_and(keys)} of agent "{agent.name}"',
                "take out what you can do without",
            )


def _and(keys: list[str]) -> str:
    quoted = [f'"{key}"' for key in keys]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]} together"
