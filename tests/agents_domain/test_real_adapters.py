"""The shipped adapters, as they are, plan runs that keep secrets apart and honour what CAN promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents import registry as registry_module
from pancode.domains.agents.adapters import ORDER, load
from pancode.domains.agents.schema import FIELDS
from pancode.engine.shipped import adapters_dir

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

EVERY, MISTAKES = load([adapters_dir()])
ADAPTERS = {name: adapter for name, adapter in EVERY.items() if adapter.tier == "cli"}
OTHERS = {name: adapter for name, adapter in EVERY.items() if adapter.tier != "cli" and adapter.binary}
GRANTS = [
    Grant(Mode.BUILD, Level.AUTO_EDIT),
    Grant(Mode.BUILD, Level.FULL_AUTO),
    Grant(Mode.REVIEW, Level.AUTO_EDIT),
]


@pytest.fixture
def shipped(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    for adapter in ADAPTERS.values():
        world.program(adapter.binary)
        world.environment |= dict.fromkeys(adapter.secrets, f"hush-{adapter.id}")
    return world


def test_the_five_clis_are_there_and_load_without_a_mistake() -> None:
    assert MISTAKES == []
    assert tuple(ADAPTERS) == ORDER


def test_an_adapter_promises_only_what_somebody_asks_for() -> None:
    words = {field.needs for field in FIELDS if field.needs} | {"resume", "fork"}
    assert {adapter.id: adapter.can - words for adapter in EVERY.values() if adapter.can - words} == {}


@pytest.mark.parametrize("name", list(ADAPTERS))
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9/v1"])
@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: f"{grant.mode}-{grant.level}")
def test_a_run_of_each_cli_can_be_planned(
    shipped: World, name: str, endpoint: str | None, grant: Grant
) -> None:
    shipped.environment |= {"PANCODE_ENDPOINT_KEY_ENV": "GATE", "GATE": "hush-gate"}
    session = "0f4f8a5c-4f5b-4d39-9d6b-6f3f5f0f0f0f" if "resume" in ADAPTERS[name].can else None
    plan = shipped.plan(agent=name, endpoint=endpoint, grant=grant, model="prov/m1", session=session)
    assert plan.argv[0] == str(shipped.bin / ADAPTERS[name].binary)
    stored = repr((plan.argv, dict(plan.env), dict(plan.files), plan.stdin))
    assert "hush" not in stored
    assert ("say hello" in stored) or ("say hello" in str(plan.stdin))
    values = set(plan.secrets.values())
    assert (f"hush-{name}" in values) == (endpoint is None)
    assert ("hush-gate" in values) == (endpoint is not None)
    others = {f"hush-{other}" for other in ADAPTERS if other != name}
    shared = {
        f"hush-{other.id}" for other in ADAPTERS.values() if set(other.secrets) & set(ADAPTERS[name].secrets)
    }
    assert not values & (others - shared)


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_every_default_agent_can_run_on_each_cli_that_is_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    world.program(ADAPTERS[name].binary)
    registry = world.registry()
    runs_on = {agent.name: registry.resolve(agent) for agent in registry.all() if agent.source == "user"}
    assert set(runs_on.values()) == {name}


def test_what_is_no_cli_is_never_taken_unless_it_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    registry = world.registry()
    assert {agent.runtime for agent in registry.all() if registry.resolve(agent) in OTHERS} == set(OTHERS)
