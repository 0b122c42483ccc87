"""Agents whose program speaks ACP: one entry, and what is known of the program serves it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents import registry as registry_module
from pancode.engine.shipped import adapters_dir

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

FILE = """agents:
  theirs:
    runtime: acp
    command: [some-agent, --acp]
    system_prompt: Be short.
  ge:
    runtime: acp
    command: [gemini, --experimental-acp]
  oc:
    runtime: acp
    command: [opencode, acp]
  co:
    runtime: acp
    command: [copilot, --acp]
"""


@pytest.fixture
def acp(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    for name in ("gemini", "opencode", "copilot", "some-agent"):
        world.program(name)
    world.write(FILE)
    return world


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("runtime: acp", '"runtime: acp" and no command'),
        ("{runtime: acp, command: []}", "it names no program"),
        ("{runtime: acp, command: [gemini, --acp], runtime_args: [-x]}", "put them into the command"),
        ("{runtime: acp, command: [gemini, --acp], tools: [read]}", 'acp can\'t honour "tools"'),
        ("{runtime: acp, command: [gemini, --acp, --yolo]}", '"--yolo" in the command'),
        (
            "{runtime: acp, command: [copilot, --acp, --allow-all-tools]}",
            '"--allow-all-tools" in the command',
        ),
        ("{runtime: acp, command: [other, --acp], endpoint: 'http://h/v1'}", 'acp can\'t honour "endpoint"'),
        ("{runtime: gemini, command: [gemini, --acp]}", "both a command and a runtime"),
    ],
)
def test_a_mistake_in_an_acp_agent_is_named(acp: World, entry: str, problem: str) -> None:
    entry = entry if entry.startswith("{") else f"{{{entry}}}"
    acp.write(f"agents:\n  bad: {entry}\n")
    assert problem in " ".join(mistake.problem + str(mistake.remedy) for mistake in acp.registry().mistakes())


def test_any_program_is_driven_by_the_client_inside_the_sandbox(acp: World) -> None:
    plan = acp.plan(agent="theirs")
    assert plan.argv == (sys.executable, "-I", "-m", "pancode.bridges.acp")
    assert (plan.runtime, plan.agent) == ("acp", "theirs")
    assert plan.stdin is not None
    job = json.loads(plan.stdin)
    assert job["more"] == {"command": [str(acp.bin / "some-agent"), "--acp"], "model_given": False}
    assert "Be short." in job["task"]
    assert job["task"].endswith("say hello")
    with pytest.raises(PanError, match="can't be sent to an endpoint"):
        acp.plan(agent="theirs", endpoint="http://127.0.0.1:9/v1")


@pytest.mark.parametrize("level", [Level.AUTO_EDIT, Level.FULL_AUTO])
@pytest.mark.parametrize(
    ("name", "words"), [("ge", "--approval-mode default"), ("oc", "acp"), ("co", "--acp")]
)
def test_a_known_program_goes_to_its_endpoint_and_asks(
    acp: World, name: str, words: str, level: Level
) -> None:
    acp.environment |= {"PANCODE_ENDPOINT_KEY_ENV": "GATE", "GATE": "hush-gate"}
    plan = acp.plan(
        agent=name,
        endpoint="http://127.0.0.1:9/v1",
        model="m1",
        grant=Grant(Mode.BUILD, level),
        sandboxed=True,
    )
    job = json.loads(plan.stdin or "")
    command = " ".join(job["more"]["command"])
    assert words in command
    assert job["more"]["asks"] is True
    assert not any(word in command for word in ("yolo", "allow-tool", "allow-all"))
    assert "http://127.0.0.1:9" in repr(plan.env)
    assert "hush-gate" in plan.secrets.values()
    assert "hush" not in repr((plan.argv, dict(plan.env), dict(plan.files), plan.stdin))
    assert plan.needs.binary == job["more"]["command"][0]
    assert plan.needs.state != ()
    told = command + plan.env.get("OPENCODE_CONFIG_CONTENT", "")
    assert "m1" in told
    rules = json.loads(plan.env.get("OPENCODE_CONFIG_CONTENT", '{"permission": {"*": "ask"}}'))
    assert rules["permission"] == {"*": "ask"}


def test_a_cli_is_never_taken_for_acp_by_itself(acp: World) -> None:
    registry = acp.registry()
    assert "acp" not in [agent.name for agent in registry.all()]
    info = next(each for each in registry.runtimes() if each.id == "acp")
    assert (info.status, info.path) == ("available", None)
