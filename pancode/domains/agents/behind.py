"""The program behind an ACP agent: what its own adapter knows of it serves the protocol's client too."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import ACP, Agent
from pancode.domains.agents.enclosed import decided

if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

SPEAKING = frozenset({"--acp", "--experimental-acp"})
"""Words of a command that only say which protocol is spoken; some adapters keep them to themselves."""


def driving(agent: Agent, adapter: Adapter, adapters: Mapping[str, Adapter]) -> Adapter:
    """Give the adapter as it drives this agent: for ACP, with what is known of the program of its command.

    Logins, settings, folders, keys and endpoint are those of the program's own adapter, and the launch asks
    that one for what the program needs.
    """
    if adapter.id != ACP or agent.command is None:
        return adapter
    command, known = list(agent.command), program(agent.command, adapters)
    if known is None:
        return replace(adapter, binary=command[0], launch=_launch(adapter, None, command))
    return replace(
        known,
        id=adapter.id,
        name=f"{known.name} by ACP",
        binary=command[0],
        path=adapter.path,
        asks=adapter.asks,
        reads=(),
        unhooks={},
        can=adapter.can | (known.can & {"endpoint"}),
        idle_s=known.idle_s or adapter.idle_s,
        launch=_launch(adapter, known, command),
    )


def program(command: Sequence[str], adapters: Mapping[str, Adapter]) -> Adapter | None:
    """Give the adapter of the program that a command starts; None if there is none for it."""
    name = os.path.basename(command[0]).removesuffix("-acp")
    return next((each for each in adapters.values() if each.binary and name in (each.binary, each.id)), None)


def loosened(agent: Agent, adapters: Mapping[str, Adapter]) -> str | None:
    """Give the word of an ACP agent's command that only its level may decide; None if there is none."""
    known = program(agent.command, adapters) if agent.command else None
    words = [word for word in (agent.command or ())[1:] if word not in SPEAKING]
    return decided(known, words) if known is not None else None


def _launch(adapter: Adapter, known: Adapter | None, command: Sequence[str]) -> Any:  # noqa: ANN401
    def launch(request: Request) -> Launch:
        ours: Any = {**request, "command": list(command)}
        if known is not None:
            # Not by its hook: over the protocol it asks in the protocol's own way.
            theirs: Any = {**request, "hook": None}
            ours |= {"program": known.id, "behind": known.launch(theirs)}
        return adapter.launch(ours)

    return launch
