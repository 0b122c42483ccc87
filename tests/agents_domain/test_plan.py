"""A plan has everything that dispatch needs, and secrets stand nowhere but among the secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode

if TYPE_CHECKING:
    from pancode.worker.protocol import Usage
    from tests.agents_domain.conftest import World

READ_ONLY = Grant(Mode.REVIEW, Level.AUTO_EDIT, read_only=True)
SO_FAR: Usage = {
    "input": 1, "output": 2, "cache_read": 3, "cache_write": 4, "reasoning": 5, "turns": 6, "tool_calls": 7,
}  # fmt: skip


def refused(world: World, **given: Any) -> PanError:
    with pytest.raises(PanError) as caught:
        world.plan(**given)
    return caught.value


def test_an_agent_cli_gets_what_its_adapter_says_and_the_limits(world: World) -> None:
    path = world.program("alpha")
    world.write(
        "agents:\n  mine:\n    runtime: alpha\n    speed: fast\n    tools: [read]\n    max_turns: 4\n"
        "    token_budget: 900\n    timeout: 60\n    idle_timeout: 7.5\n    retry_on_failure: true\n"
        "    runtime_args: [--x]\n    model: m1\n"
    )
    registry = world.registry()
    registry.probe()
    plan = registry.plan(world.ask(agent="mine", session="s1", previous=SO_FAR))
    assert plan.argv == (str(path), "--x", "--model", "m1")
    assert (plan.agent, plan.runtime, plan.agent_version, plan.model) == ("mine", "alpha", "1.2.3", "m1")
    assert plan.adapter == str(world.shipped / "alpha.py")
    assert json.loads(plan.files["settings.json"]) == {"effort": "low", "tools": ["read"]}
    assert (plan.stdin, plan.interactive, plan.reads) == ("say hello", False, ("usage.json",))
    assert plan.limits == {"wall_s": 60.0, "idle_s": 7.5, "max_turns": 4, "token_budget": 900}
    assert (plan.heartbeat_s, plan.retry_on_failure, plan.previous) == (10.0, True, SO_FAR)


def test_an_idle_time_out_of_the_run_counts_before_that_of_the_agent_and_of_its_adapter(world: World) -> None:
    world.program("alpha")
    path = world.shipped / "alpha.py"
    path.write_text(path.read_text() + "\nIDLE_S = 600.0\n")
    world.write("agents:\n  mine: {runtime: alpha, idle_timeout: 7}\n  bare: {runtime: alpha}\n")
    registry = world.registry()
    registry.probe()

    def idle(agent: str, asked: float | None) -> float | None:
        return registry.plan(world.ask(agent=agent, idle_s=asked)).limits["idle_s"]

    assert [idle("bare", None), idle("mine", None), idle("mine", 3.0), idle("bare", 0.0)] == [600, 7, 3, None]


@pytest.mark.parametrize(
    ("model", "more", "told"),
    [
        ("sonet", {}, 'anthropic has no model "sonet"; did you mean "sonnet"?'),
        ("mine-v2x", {}, 'anthropic has no model "mine-v2x"; did you mean "mine-v2"?'),
        ("sonnet", {}, None),
        ("claude-tomorrow", {}, None),
        ("something-else-entirely", {}, None),
        ("sonet", {"endpoint": "http://127.0.0.1:1"}, None),
    ],
)
def test_a_mistyped_model_is_found_before_anything_starts(
    world: World, model: str, more: dict[str, str], told: str | None
) -> None:
    world.program("alpha")
    path = world.shipped / "alpha.py"
    path.write_text(path.read_text() + '\nHOSTS = ("api.anthropic.com:443",)\n')
    world.write("agents:\n  mine: {runtime: alpha, model: mine-v2}\n")
    if told is None:
        plan = world.plan(agent="mine", model=model, **more)
        assert plan.provider == ("127.0.0.1:1" if more else "anthropic")
    else:
        assert refused(world, agent="mine", model=model, **more).problem == told


def test_the_environment_is_what_the_list_lets_through(world: World) -> None:
    world.program("alpha")
    passed = {
        "LC_ALL": "C",
        "CARGO_HOME": "/c",
        "https_proxy": "http://p",
        "ALPHA_HOME": "/a",
        "TERM": "tmux",
    }
    kept_back = {
        "TMUX": "x",
        "TMUX_PANE": "%1",
        "SSH_AUTH_SOCK": "/s",
        "OTHER_TOKEN": "t",
        "BETA_API_KEY": "b",
    }
    world.environment |= passed | kept_back | {"PANCODE_SAFETY": "suggest", "LD_PRELOAD": "x"}
    plan = world.plan(agent="alpha")
    assert passed.items() <= plan.env.items()
    own = {"PANCODE_RUN_ID": "k3f", "QUIET": "1", "ALPHA_URL": ""}
    assert set(plan.env) == {"PATH", "HOME", *passed, *own}
    assert own.items() <= plan.env.items()


def test_secrets_are_in_no_other_part_of_the_plan(world: World) -> None:
    world.program("alpha")
    world.write("agents:\n  mine:\n    runtime: alpha\n    env: [DATABASE_PASSWORD, NOT_SET]\n")
    world.environment |= {
        "ALPHA_API_KEY": "hush-1",
        "DATABASE_PASSWORD": "hush-2",
        "HTTPS_PROXY": "http://me:hush-3@proxy",
        "OTHER_KEY": "hush-4",
    }
    plan = world.plan(agent="mine")
    assert plan.secrets == {
        "ALPHA_API_KEY": "hush-1",
        "DATABASE_PASSWORD": "hush-2",
        "HTTPS_PROXY": "http://me:hush-3@proxy",
    }
    assert "hush" not in repr(plan)
    assert not set(plan.env) & set(plan.secrets)


def test_a_plain_command_gets_the_variables_that_its_agent_names_and_no_other_key(world: World) -> None:
    world.program("aider")
    world.write('agents:\n  aider:\n    command: [aider, "{task}"]\n    env: [OPENAI_API_KEY]\n')
    world.environment |= {"OPENAI_API_KEY": "hush", "ALPHA_API_KEY": "hush"}
    plan = world.plan(agent="aider")
    assert plan.secrets == {"OPENAI_API_KEY": "hush"}
    assert "hush" not in repr(plan)


def test_an_endpoint_gets_its_own_key_and_none_of_the_vendors(world: World) -> None:
    world.program("alpha")
    world.environment |= {"ALPHA_API_KEY": "vendor", "GATE_KEY": "gate"}
    world.write(
        "agents:\n  mine:\n    runtime: alpha\n    endpoint: https://gate/v1\n"
        "    endpoint_key_env: GATE_KEY\n"
    )
    plan = world.plan(agent="mine")
    assert (plan.env["ALPHA_URL"], plan.secrets) == ("https://gate/v1", {"ALPHA_API_KEY": "gate"})
    other = world.plan(agent="mine", endpoint="http://127.0.0.1:1")
    assert (other.env["ALPHA_URL"], other.secrets) == (
        "http://127.0.0.1:1",
        {"ALPHA_API_KEY": "no-key-is-needed"},
    )


def test_a_key_goes_to_nobody_elses_machine_without_tls(world: World) -> None:
    world.program("alpha")
    world.environment |= {"PANCODE_ENDPOINT": "http://10.0.0.7:8000"}
    assert world.plan(agent="alpha").endpoint == "http://10.0.0.7:8000"  # No key, nothing to lose.
    world.environment |= {"PANCODE_ENDPOINT_KEY_ENV": "K", "K": "k"}
    problem = refused(world, agent="alpha")
    assert (problem.code, problem.problem) == (
        ExitCode.CONFIG,
        "the key for http://10.0.0.7:8000 would travel without TLS",
    )
    assert "models.machines" in (problem.remedy or "")
    for url in ("https://10.0.0.7:8000", "http://127.0.0.1:9", "http://[::1]:9"):
        assert world.plan(agent="alpha", endpoint=url).secrets == {"ALPHA_API_KEY": "k"}
    world.environment["PANCODE_LOCAL_MACHINES"] = "attic=10.0.0.7"
    assert world.plan(agent="alpha").secrets == {"ALPHA_API_KEY": "k"}


def test_the_endpoint_is_asked_then_the_agents_then_the_environments(world: World) -> None:
    world.program("alpha")
    world.write("agents:\n  mine:\n    runtime: alpha\n    endpoint: http://agent\n")
    world.environment |= {"PANCODE_ENDPOINT": "https://env", "PANCODE_ENDPOINT_KEY_ENV": "K", "K": "k"}
    assert world.plan(agent="alpha").env["ALPHA_URL"] == "https://env"
    assert world.plan(agent="alpha").secrets == {"ALPHA_API_KEY": "k"}
    assert world.plan(agent="mine").env["ALPHA_URL"] == "http://agent"
    assert world.plan(agent="mine").secrets == {"ALPHA_API_KEY": "no-key-is-needed"}
    assert world.plan(agent="mine", endpoint="https://ask").env["ALPHA_URL"] == "https://ask"


def test_a_key_variable_that_is_not_set_is_named(world: World) -> None:
    world.program("alpha")
    world.environment |= {"PANCODE_ENDPOINT": "https://env", "PANCODE_ENDPOINT_KEY_ENV": "K"}
    error = refused(world, agent="alpha")
    assert (error.code, error.problem) == (
        ExitCode.CONFIG,
        "the key for https://env comes from K, which is not set",
    )


def test_the_model_is_asked_then_the_agents_then_the_environments(world: World) -> None:
    world.program("alpha")
    world.write("agents:\n  mine:\n    runtime: alpha\n    model: big-${SIZE:-m}\n")
    assert world.plan(agent="alpha").model is None
    world.environment["PANCODE_WORKER_MODEL"] = "env"
    assert world.plan(agent="alpha").model == "env"
    assert world.plan(agent="mine").model == "big-m"
    world.environment["SIZE"] = "xl"
    assert world.plan(agent="mine").model == "big-xl"
    assert world.plan(agent="mine", model="ask").model == "ask"


def test_a_model_variable_that_is_not_set_is_named_and_an_empty_default_means_none(world: World) -> None:
    world.program("alpha")
    world.write("agents:\n  a:\n    model: ${NOPE}\n  b:\n    model: ${NOPE:-}\n")
    error = refused(world, agent="a")
    assert error.problem == 'the model of agent "a" comes from NOPE, which is not set'
    assert world.plan(agent="b").model is None


def test_time_limits_are_asked_then_the_agents_then_the_environments(world: World) -> None:
    world.program("alpha")
    world.write("agents:\n  mine:\n    runtime: alpha\n    timeout: 60\n")
    assert world.plan(agent="alpha").limits["wall_s"] is None
    world.environment["PANCODE_WORKER_TIMEOUT_MS"] = "2500"
    assert world.plan(agent="alpha").limits["wall_s"] == 2.5
    assert world.plan(agent="mine").limits["wall_s"] == 60
    assert world.plan(agent="mine", timeout_s=5.0).limits["wall_s"] == 5


def test_a_missing_cli_is_a_prerequisite_with_its_install_line(world: World) -> None:
    error = refused(world, agent="alpha")
    assert error.code is ExitCode.PREREQUISITE
    assert error.problem == 'Alpha is not installed: there is no program "alpha" in PATH'
    assert error.remedy == "install-alpha"


def test_with_no_cli_at_all_the_default_agent_points_to_one_and_to_shell(world: World) -> None:
    error = refused(world)
    assert error.code is ExitCode.PREREQUISITE
    assert "install-alpha" in str(error.remedy)
    assert "--agent shell" in str(error.remedy)


def test_the_shell_agent_runs_the_task_in_a_shell_that_one_can_type_into(world: World) -> None:
    plan = world.plan(agent="shell", task="echo '{task}' && ls")
    assert os.path.basename(plan.argv[0]) == "bash"
    assert plan.argv[1:] == ("-c", "echo '{task}' && ls")
    assert (plan.adapter, plan.interactive, plan.stdin, plan.secrets, plan.files) == (
        None,
        True,
        None,
        {},
        {},
    )


def test_placeholders_are_filled_in_one_pass(world: World) -> None:
    path = world.program("aider")
    world.write('agents:\n  aider:\n    command: [aider, "--m={model}", "{task}", "{cwd}", "{other}"]\n')
    plan = world.plan(agent="aider", task="explain {cwd} and {model}", model="m1")
    assert plan.argv == (str(path), "--m=m1", "explain {cwd} and {model}", str(world.project), "{other}")
    error = refused(world, agent="aider")
    assert "needs a model" in error.problem


def test_a_plain_program_refuses_what_it_cannot_honour(world: World) -> None:
    assert refused(world, agent="shell", model="m").code is ExitCode.USAGE
    assert refused(world, agent="shell", endpoint="http://h").code is ExitCode.USAGE
    assert refused(world, agent="shell", session="s").code is ExitCode.USAGE
    assert refused(world, agent="shell", grant=READ_ONLY).code is ExitCode.REFUSED
    world.write('agents:\n  gone:\n    command: [no-such-program, "{task}"]\n')
    assert refused(world, agent="gone").code is ExitCode.PREREQUISITE


def test_a_task_that_no_program_could_get_is_refused(world: World) -> None:
    for task in ("", " \n", "a\0b", "x" * 200_000):
        assert refused(world, agent="shell", task=task).code is ExitCode.USAGE


def test_a_runtime_that_cannot_resume_or_be_redirected_says_so(world: World) -> None:
    world.program("beta")
    assert "can't go on" in refused(world, agent="beta", session="s").problem


def test_a_conversation_goes_on_where_it_began(world: World) -> None:
    world.program("alpha")
    world.program("beta")
    world.write("agents:\n  any: {}\n")
    assert world.plan(agent="any").runtime == "alpha"
    assert "Beta can't go on" in refused(world, agent="any", session="s", runtime="beta").problem
    assert refused(world, agent="any", session="s", runtime="gone").code is ExitCode.NOT_FOUND


def test_a_read_only_agent_stays_read_only_in_build_mode(world: World) -> None:
    world.program("alpha")
    plan = world.plan(agent="scout")
    assert plan.read_only
    assert "not change any file" in plan.files["prompt.md"]
    assert not world.plan(agent="dev").read_only


def test_a_built_in_agent_is_told_what_every_worker_is_told(world: World) -> None:
    world.program("alpha")
    for grant, words in ((None, "FILES CHANGED"), (READ_ONLY, "not change any file")):
        plan = world.plan(agent="alpha", **({} if grant is None else {"grant": grant}))
        assert words in plan.files["prompt.md"]
        assert plan.prompt is not None
        assert {used.category for used in plan.prompt.used} >= {"identity", "safety", "output-contract"}


def test_a_scouts_own_words_have_less_room(world: World) -> None:
    world.program("alpha")
    world.write(
        f"agents:\n  scout:\n    system_prompt: {'x' * 2001}\n  dev:\n    system_prompt: {'x' * 2001}\n"
    )
    assert "at most 2000 fit for a scout" in refused(world, agent="scout").problem
    assert world.plan(agent="dev").files["prompt.md"].endswith("x" * 2001)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ('return {"argv": []}', "IndexError"),
        ('return {"argv": [1], "env": {}, "secret_env": {}, "files": {}}', "1 in the launch is not a text"),
        ("return request['nope']", "KeyError"),
    ],
)
def test_an_adapter_that_fails_is_named_with_its_line(world: World, broken: str, words: str) -> None:
    world.program("alpha")
    file = world.shipped / "alpha.py"
    text = file.read_text(encoding="utf-8").replace(
        "def launch(request):", f"def launch(request):\n    {broken}"
    )
    file.write_text(text, encoding="utf-8")
    error = refused(world, agent="alpha")
    assert error.code is ExitCode.CONFIG
    assert words in error.problem
    assert f"{file}:" in error.problem


def test_an_adapter_may_not_write_outside_the_run(world: World) -> None:
    world.program("alpha")
    file = world.shipped / "alpha.py"
    file.write_text(file.read_text(encoding="utf-8").replace('"prompt.md"', '"../x"'), encoding="utf-8")
    assert "outside the run" in refused(world, agent="alpha").problem


def test_a_bad_setting_of_the_asker_is_named(world: World) -> None:
    world.program("alpha")
    environment = world.environment | {"PANCODE_HEARTBEAT_INTERVAL_MS": "soon"}
    with pytest.raises(PanError, match="PANCODE_HEARTBEAT_INTERVAL_MS") as caught:
        world.registry().plan(world.ask(agent="alpha", environment=environment))
    assert caught.value.code is ExitCode.CONFIG


def test_nothing_is_written_by_planning(world: World, tmp_path: Path) -> None:
    world.program("alpha")
    registry = world.registry()
    before = sorted(tmp_path.rglob("*"))
    registry.plan(world.ask(agent="alpha"))
    assert sorted(tmp_path.rglob("*")) == before
