"""Plans of native agents: what goes to the loop, and what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pancode.core.errors import PanError
from pancode.domains.agents import registry as registry_module
from pancode.domains.agents.api import NATIVE, Gatepost, Plan, UnknownModelError
from pancode.domains.agents.native import KEY
from pancode.domains.agents.registry import Registry
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.settings import Environments
from pancode.domains.prompts.service import Compiler
from pancode.domains.providers.service import Service
from pancode.engine.places import Places
from pancode.engine.shipped import adapters_dir

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

POST = Gatepost("http://127.0.0.1:20001", "pan-k3f-token")


@pytest.fixture
def registry(world: World, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    world.environment["OPENAI_API_KEY"] = "sk-of-openai"
    world.write("agents:\n  sdk: {runtime: openai-agents}\n")
    settings = Environments(world.environment)
    providers = Service(settings, str(world.home))
    return Registry(str(world.project), world.environment, settings, Compiler(str(world.home)), providers)


def planned(registry: Registry, world: World, **given: object) -> Plan:
    return registry.plan(world.ask(**{"agent": NATIVE, "gateway": POST, **given}))


def test_the_loop_gets_a_token_and_nothing_of_it_is_stored(registry: Registry, world: World) -> None:
    plan = planned(registry, world, model="openai/gpt-5.5")
    assert plan.native is not None
    assert plan.native["url"] == "http://127.0.0.1:20001/v1"
    assert (plan.native["model"], plan.native["wire"]) == ("gpt-5.5", "openai-chat")
    assert plan.secrets[KEY] == "pan-k3f-token"
    assert plan.upstream is not None
    assert (plan.upstream.url, plan.upstream.key) == ("https://api.openai.com", "sk-of-openai")
    stored = json.dumps([plan.native, plan.argv, plan.env])
    assert "pan-k3f" not in stored
    assert "sk-of-openai" not in stored
    assert (plan.provider, plan.needs.hosts, plan.needs.logins) == ("openai", (), ())


def test_an_address_of_the_operators_gets_its_own_key_alone(registry: Registry, world: World) -> None:
    plan = planned(registry, world, model="m", endpoint="http://127.0.0.1:9999")
    assert plan.upstream is not None
    assert (plan.upstream.url, plan.provider) == ("http://127.0.0.1:9999", "127.0.0.1:9999")
    assert plan.upstream.key != "sk-of-openai"


def test_without_a_model_it_says_how_to_name_one(registry: Registry, world: World) -> None:
    with pytest.raises(PanError) as told:
        planned(registry, world)
    assert "--model" in str(told.value.remedy)


def test_a_conversation_goes_on_in_the_same_session_only(registry: Registry, world: World) -> None:
    runs = world.home / "runs"
    with pytest.raises(PanError, match="not there any more"):
        planned(registry, world, model="openai/x", session="abc")
    (runs / "abc").mkdir(parents=True)
    (runs / "abc" / "history.json").write_text("{}")
    plan = planned(registry, world, model="openai/x", session="abc")
    assert plan.native is not None
    assert plan.native["history"] == str(runs / "abc" / "history.json")
    with pytest.raises(PanError, match="not there any more"):
        planned(registry, world, model="openai/x", session=str(Path("..") / ".." / "etc" / "passwd"))


@pytest.mark.parametrize(
    ("model", "runtime"),
    [
        ("openai/gpt-5.5", NATIVE),
        ("${MY_MODEL:-openai/gpt-5.5}", NATIVE),
        ("${MY_MODEL}", None),
        ("no/such", None),
    ],
)
def test_auto_takes_native_where_there_is_a_model_and_no_cli(
    registry: Registry, world: World, model: str, runtime: str | None
) -> None:
    world.write(f"agents:\n  any:\n    model: {model}\n")
    assert registry.resolve(registry.get("any")) == runtime


def test_a_native_agent_of_the_users_that_is_wrong_does_not_hide_the_others(
    registry: Registry, world: World
) -> None:
    assert not registry.native_wanted()
    world.write("agents:\n  native:\n    lunch: yes\n")
    assert not registry.native_wanted()
    world.write("agents:\n  mine:\n    runtime: pi\n")
    assert registry.native_wanted()


@pytest.mark.parametrize("runtime", [NATIVE, "openai-agents", "opencode", "auto"])
def test_a_projects_agent_names_only_models_that_ones_own_settings_reach(
    registry: Registry, world: World, runtime: str
) -> None:
    del registry
    world.program("opencode")
    world.write("agents:\n")
    path = world.write_project(f"agents:\n  theirs: {{runtime: {runtime}, model: openai/gpt-5}}\n")
    settings = InForce(
        Places(str(world.project), "main", str(world.home), str(world.home / "run")), world.environment
    )
    providers = Service(settings, str(world.home))
    found = Registry(str(world.project), world.environment, settings, Compiler(str(world.home)), providers)
    with pytest.raises(UnknownModelError, match="nothing of yours names the provider openai") as caught:
        found.plan(world.ask(agent="theirs", gateway=POST))
    assert f"{path}:2" in caught.value.problem
    with pytest.raises(UnknownModelError):  # Nor does routing take it.
        found.model_of(found.get("theirs"), world.environment)
    far = found.too_far("native", NATIVE, "openai/gpt-5", world.environment, "run k3f")
    assert str(far).startswith('run k3f can\'t choose "openai/gpt-5": nothing of yours names')
    assert found.too_far("native", "opencode", "openai/gpt-5", world.environment, "run k3f") == far
    assert found.too_far("native", "codex", "gpt-5", world.environment, "run k3f") is None
    world.write("agents:\n  mine: {runtime: native, model: openai/gpt-5}\n")
    assert found.too_far("native", NATIVE, "openai/gpt-5", world.environment, "run k3f") is None
    (world.home / "panproviders.yaml").write_text("providers:\n  openai: {key_env: OPENAI_API_KEY}\n")
    assert found.model_of(found.get("theirs"), world.environment) == "openai/gpt-5"


def test_a_projects_agent_on_a_vendors_own_cli_names_that_vendors_models(
    registry: Registry, world: World
) -> None:
    del registry
    world.program("codex")
    world.write_project("agents:\n  theirs: {runtime: codex, model: gpt-5}\n")
    settings = InForce(
        Places(str(world.project), "main", str(world.home), str(world.home / "run")), world.environment
    )
    found = Registry(str(world.project), world.environment, settings, Compiler(str(world.home)))
    assert found.plan(world.ask(agent="theirs")).model == "gpt-5"


@pytest.mark.parametrize(
    ("model", "goes_to", "named", "key"),
    [
        ("groq/llama-70b", "https://api.groq.com", "llama-70b", "hush-of-groq"),
        ("anthropic/claude-opus-5", "https://api.anthropic.com", "claude-opus-5", "hush-of-anthropic"),
        ("openai/gpt-5.5", "https://api.openai.com", "gpt-5.5", "sk-of-openai"),
        ("ollama/qwen3:4b", "http://127.0.0.1:11434", "qwen3:4b", "no-key-is-needed"),
        ("gpt-5.5", "https://api.openai.com", "gpt-5.5", "sk-of-openai"),
    ],
)
def test_an_sdks_agent_finds_a_named_provider_as_a_native_one_does(
    registry: Registry, world: World, model: str, goes_to: str, named: str, key: str
) -> None:
    world.environment |= {"GROQ_API_KEY": "hush-of-groq", "ANTHROPIC_API_KEY": "hush-of-anthropic"}
    if model != "gpt-5.5":  # Which a bare name goes to, and a provider's doesn't.
        world.environment["PANCODE_ENDPOINT"] = "http://127.0.0.1:9"
    plan = planned(registry, world, agent="sdk", model=model)
    assert plan.upstream is not None
    assert (plan.upstream.url, plan.upstream.key, plan.model) == (goes_to, key, named)
    told = json.loads(plan.stdin or "")
    assert (told["model"], told["more"]["vendor"]) == (named, goes_to == "https://api.openai.com")
    assert key not in repr((plan.argv, plan.env, plan.stdin))
    assert "OPENAI_API_KEY" not in plan.secrets


def test_a_prompt_is_that_of_the_tier_which_is_known_of_its_model(registry: Registry, world: World) -> None:
    (world.home / "panproviders.yaml").write_text("providers:\n  ollama:\n    models: {q: {tier: small}}\n")
    prompt = planned(registry, world, model="ollama/q").prompt
    assert prompt is not None
    assert prompt.about["tier"] == "small"
