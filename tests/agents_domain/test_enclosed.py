"""What an agent CLI needs in a sandbox, and which of its arguments only its level may decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents import registry as registry_module
from pancode.domains.agents.adapters import Adapter, load_file
from pancode.engine.shipped import adapters_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pancode.worker.profile import Hook
    from tests.agents_domain.conftest import World

HOOK: Hook = {"command": "ask || exit 2", "timeout_s": 660}
EXTRA = """
LOGINS, STATE, CACHE = ((".beta/login.json", "json"),), (".beta",), (".cache/beta",)
CONFIG, HOSTS, FOLDERS = (".beta/settings.json", ".beta/notes"), ("beta.example:443",), {"BETA_HOME": ".beta"}
DECIDED = ("--yes", "-y", "-c rules")

def hook_asks(payload):
    return {"tool": "shell", "command": payload["line"]}

def hook_says(allow, why):
    return {"out": "", "err": why, "exit": 0 if allow else 2}

def launch(request):
    ours = {"hooks": {"before": [request["hook"]]}} if request["hook"] else {}
    home = {".beta/settings.json": ours, ".beta/notes": "", ".beta/rules": "mine"}
    return {"argv": [request["binary"], *request["extra_args"]], "env": {}, "secret_env": {}, "files": {},
            "home": home if request["sandboxed"] else {}}
"""


@pytest.fixture
def beta(world: World) -> World:
    """Give a world whose second CLI says what it needs in a sandbox."""
    with (world.shipped / "beta.py").open("a") as file:
        file.write(EXTRA)
    world.program("beta")
    return world


def test_a_plan_for_a_sandbox_has_what_the_adapter_says(beta: World) -> None:
    plan = beta.plan(agent="beta", sandboxed=True, hook=HOOK)
    needs = plan.needs
    assert needs.logins == ((".beta/login.json", "json"),)
    assert (needs.config, needs.state) == ((".beta/settings.json", ".beta/notes"), (".beta",))
    assert (needs.cache, needs.hosts) == ((".cache/beta",), ("beta.example:443",))
    assert needs.binary == str(beta.bin / "beta")
    assert plan.hooked
    assert json.loads(plan.home[".beta/settings.json"]) == {"hooks": {"before": [HOOK]}}
    assert (plan.home[".beta/notes"], plan.home[".beta/rules"]) == ("", "mine")


def test_without_a_sandbox_there_are_no_needs_and_nothing_for_a_home(beta: World) -> None:
    plan = beta.plan(agent="beta")
    assert (plan.needs.state, plan.home, plan.hooked) == ((), {}, False)


def test_an_agent_that_can_not_ask_is_not_hooked(world: World) -> None:
    world.program("alpha")
    assert not world.plan(agent="alpha", sandboxed=True, hook=HOOK).hooked


def test_shell_commands_need_nothing(world: World) -> None:
    plan = world.plan(agent="shell", task="true", sandboxed=True, hook=HOOK)
    assert (plan.needs.binary, plan.needs.state, plan.home, plan.hooked) == (None, (), {}, False)


def test_settings_of_the_operators_stay_under_ours(beta: World, tmp_path: Path) -> None:
    (tmp_path / ".beta").mkdir()
    settings = '{"a": 1, // mine\n "hooks": {"before": ["x//y"], "after": []}} /* end */'
    (tmp_path / ".beta" / "settings.json").write_text(settings)
    (tmp_path / ".beta" / "notes").write_text("keep")
    plan = beta.plan(agent="beta", sandboxed=True, hook=HOOK)
    merged = json.loads(plan.home[".beta/settings.json"])
    assert merged == {"a": 1, "hooks": {"before": [HOOK, "x//y"], "after": []}}
    assert ".beta/notes" not in plan.home  # the operator's own is shown


def test_settings_that_are_no_json_are_told_before_the_start(beta: World, tmp_path: Path) -> None:
    (tmp_path / ".beta").mkdir()
    (tmp_path / ".beta" / "settings.json").write_text("{a: 1}")
    with pytest.raises(PanError) as raised:
        beta.plan(agent="beta", sandboxed=True, hook=HOOK)
    assert raised.value.code is ExitCode.CONFIG
    assert str(tmp_path / ".beta" / "settings.json") in raised.value.problem


def test_a_folder_that_a_variable_moves_is_found_below_home(beta: World, tmp_path: Path) -> None:
    beta.environment["BETA_HOME"] = str(tmp_path / "work" / "beta")
    plan = beta.plan(agent="beta", sandboxed=True, hook=HOOK)
    assert plan.needs.logins == (("work/beta/login.json", "json"),)
    assert plan.needs.state == ("work/beta",)
    assert plan.needs.cache == (".cache/beta",)
    assert set(plan.home) == {"work/beta/settings.json", "work/beta/notes", "work/beta/rules"}


def test_a_folder_elsewhere_is_refused_in_words(beta: World) -> None:
    beta.environment["BETA_HOME"] = "/srv/beta"
    assert beta.plan(agent="beta").needs.state == ()
    with pytest.raises(PanError) as raised:
        beta.plan(agent="beta", sandboxed=True, hook=HOOK)
    assert raised.value.code is ExitCode.CONFIG
    assert "BETA_HOME" in raised.value.problem


def test_a_file_that_a_variable_names_is_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    world.program("gemini")
    world.environment["GOOGLE_APPLICATION_CREDENTIALS"] = f"{world.environment['HOME']}/keys/one.json"
    plan = world.plan(agent="gemini", sandboxed=True, hook=HOOK)
    assert "keys/one.json" in plan.needs.config


@pytest.mark.parametrize("text", ['{"hooksConfig": {"enabled": false}}', '{"\\u0068ooks": null}'])
def test_a_project_can_not_turn_the_hook_off(
    world: World, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    world.program("gemini")
    settings = world.project / ".gemini" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"theme": "x"}')
    assert world.plan(agent="gemini", sandboxed=True, hook=HOOK).hooked
    settings.write_text(text)
    with pytest.raises(PanError) as raised:
        world.plan(agent="gemini", sandboxed=True, hook=HOOK)
    assert raised.value.code is ExitCode.CONFIG
    assert str(settings) in raised.value.problem
    assert not world.plan(agent="gemini").hooked


@pytest.mark.parametrize("words", [["--yes"], ["--yes=1"], ["-xy"], ["-c", "rules.x=1"], ["-crules=1"]])
def test_an_agent_with_arguments_of_its_level_is_left_out_with_a_sentence(
    beta: World, problems: Callable[[str], list[tuple[int | None, str]]], words: list[str]
) -> None:
    text = f"agents:\n  mine:\n    runtime: beta\n    runtime_args: {json.dumps(words)}\n"
    ((line, problem),) = problems(text)
    assert line == 4
    assert "is for its level to decide" in problem
    with pytest.raises(PanError) as raised:
        beta.plan(agent="mine")
    assert raised.value.code is ExitCode.CONFIG


def test_other_arguments_stay(beta: World) -> None:
    beta.write("agents:\n  mine:\n    runtime: beta\n    runtime_args: [--why, -c, color=rules, --, x]\n")
    assert beta.plan(agent="mine").argv[1:] == ("--why", "-c", "color=rules", "--", "x")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('LOGINS = ((".beta/x", "xml"),)', "LOGINS"),
        ('LOGINS = ("x",)', "LOGINS"),
        ('CONFIG = ("/etc/passwd",)', "CONFIG"),
        ('STATE = ("../up",)', "STATE"),
        ("CACHE = (3,)", "CACHE"),
        ("FOLDERS = 3", "FOLDERS"),
        ("hook_says = None", "hook_asks"),
    ],
)
def test_a_wrong_constant_is_told_of_the_adapter(beta: World, line: str, said: str) -> None:
    path = beta.shipped / "beta.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    loaded: Any = load_file(str(path))
    assert not isinstance(loaded, Adapter)
    assert said in loaded.problem
