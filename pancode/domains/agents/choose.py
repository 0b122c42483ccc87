"""Which runtime can honour an agent: what the agent asks for against what an adapter CAN do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import AUTO, COMMAND, NATIVE, SHELL, Agent
from pancode.domains.agents.behind import driving
from pancode.domains.agents.schema import BY_KEY

_OLD_NAMES = {
    "copilot-cli": "copilot",
    "sdk:claude-code": "claude-sdk",
    "sdk:claude": "claude-sdk",
    "sdk:openai": "openai-agents",
    "sdk:mastra": "mastra",
    "pi": NATIVE,
}


def wants(agent: Agent) -> dict[str, str]:
    """Give the keys that the agent sets and that need something of the runtime, each with its word in CAN."""
    is_set = {
        "tools": agent.tools is not None,
        "system_prompt": bool(agent.system_prompt),
        "skills": bool(agent.skills),
        "speed": agent.speed != "balanced",
        "max_turns": agent.max_turns is not None,
        "token_budget": agent.token_budget is not None,
        "endpoint": agent.endpoint is not None,
        "endpoint_key_env": agent.endpoint_key_env is not None,
    }
    return {key: BY_KEY[key].needs or key for key, there in is_set.items() if there}


def beyond(agent: Agent, runtime: str, adapters: Mapping[str, Adapter]) -> list[str]:
    """Give the keys of the agent that the runtime can't honour."""
    if runtime not in (SHELL, COMMAND):
        can = driving(agent, adapters[runtime], adapters).can
        keys = [key for key, need in wants(agent).items() if need not in can]
        if adapters[runtime].elsewhere:
            keys += [key for key, there in (("model", agent.model), ("readonly", agent.readonly)) if there]
        return keys
    keys = list(wants(agent))
    takes_model = agent.command is not None and any("{model}" in word for word in agent.command)
    keys += ["model"] if agent.model is not None and not takes_model else []
    keys += ["runtime_args"] if agent.runtime_args else []
    keys += ["readonly"] if agent.readonly else []
    return keys


def candidates(agent: Agent, adapters: Mapping[str, Adapter]) -> list[str]:
    """Give the runtimes that could run the agent, the preferred one first, installed or not.

    Only CLIs are taken by themselves; the others are there for those who name them.
    """
    if agent.runtime != AUTO:
        return [agent.runtime]
    clis = (name for name, adapter in adapters.items() if adapter.tier == "cli")
    return [name for name in clis if not beyond(agent, name, adapters)]


def canonical(written: str, adapters: Iterable[str]) -> str | None:
    """Give today's name of a runtime as it was written, also in the original's words; None if unknown.

    >>> canonical("cli:copilot-cli", ["codex", "copilot"])
    'copilot'
    """
    name = written.removeprefix("cli:")
    name = _OLD_NAMES.get(name, name)
    return name if name in (AUTO, SHELL, *adapters) else None
