"""The three domains register what the others look for, and the socket handlers answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pancode.core.host import Caller, Handler, Host
from pancode.core.manifest import load_order
from pancode.domains.agents import extension as agents_extension
from pancode.domains.agents.api import Agents
from pancode.domains.agents.manifest import MANIFEST as AGENTS
from pancode.domains.panconfigure import extension as panconfigure_extension
from pancode.domains.panconfigure.api import Settings
from pancode.domains.panconfigure.manifest import MANIFEST as PANCONFIGURE
from pancode.domains.panconfigure.settings import Environments
from pancode.domains.prompts import extension as prompts_extension
from pancode.domains.prompts.manifest import MANIFEST as PROMPTS
from pancode.domains.providers.api import Providers
from pancode.domains.providers.manifest import MANIFEST as PROVIDERS
from pancode.domains.providers.service import Service
from pancode.domains.safety.api import Audit
from pancode.engine.places import Places
from pancode.engine.tmux.doors import Doors

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

EXTENSIONS = {
    "agents": agents_extension,
    "panconfigure": panconfigure_extension,
    "prompts": prompts_extension,
}


class ListHost:
    """A host that only remembers."""

    def __init__(self, places: Places) -> None:
        self.services: dict[Any, Any] = {Places: places, Doors: Doors(cast("Any", None), cast("Any", None))}
        self.handlers: dict[str, Handler] = {}
        self.work: list[str] = []

    def provide(self, kind: Any, service: Any) -> None:
        self.services[kind] = service

    def need(self, kind: Any) -> Any:
        return self.services[kind]

    def serve(self, verb: str, handler: Handler) -> None:
        self.handlers[verb] = handler

    def on(self, kind: type, listener: Any) -> None:
        assert callable(listener), kind

    def background(self, name: str, work: Any) -> None:
        assert callable(work)
        self.work.append(name)

    def post(self, _fact: object) -> None:
        raise AssertionError("nobody changes anything here")

    def ask(self, verb: str, **args: Any) -> Mapping[str, Any]:
        async def answer() -> Mapping[str, Any]:
            return await self.handlers[verb](args, cast("Caller", None))

        return asyncio.run(answer())


def test_the_domains_register_and_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)
    world.program("alpha")
    host = ListHost(Places(str(world.project), "main", str(world.home), str(world.home / "run")))
    host.provide(Audit, Audit(str(world.home / "audit.jsonl")))
    for manifest in load_order([AGENTS, replace(PANCONFIGURE, needs=()), PROMPTS, PROVIDERS]):
        if manifest.name == "providers":
            host.provide(Providers, Service(Environments(world.environment), str(world.home)))
            continue
        EXTENSIONS[manifest.name].register(cast("Host", host))
    assert host.services[Settings].default_agent == "dev"
    assert host.services[Agents].get(None).name == "dev"
    assert sorted(host.work) == ["discovery", "prompts", "settings"]
    assert host.ask("runtimes")["runtimes"][0]["version"] == "1.2.3"
    assert {agent["name"] for agent in host.ask("agents", tag="recon")["agents"]} == {"scout"}
    world.write("agents:\n  mine: {}\n")
    assert "mine" in {agent["name"] for agent in host.ask("reload_agents")["agents"]}
    assert host.ask("config")["settings"][0]["key"] == "runtime.safety"
