"""The launch lines: levels, endpoint, conversation, limits, and no secret but in `secret_env`."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.adapters.replaying import FILES, adapter

if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

KEY = "sk-very-secret"
URL = "http://127.0.0.1:4321"
LEVELS: tuple[Literal["suggest", "auto-edit", "full-auto"], ...] = ("suggest", "auto-edit", "full-auto")
DEFAULT_MODELS = {"codex": "gpt-5.5", "gemini": "gemini-2.5-pro", "copilot": "gpt-5.4"}


def launch(cli: str, plain: Request, **changes: object) -> Launch:
    request: Request = {**plain, **changes}  # type: ignore[typeddict-item]
    made: Launch = adapter(cli).launch(request)
    return made


def line(made: Launch) -> str:
    return " ".join(made["argv"][1:])


def stored(made: Launch) -> str:
    """Give everything of a launch that is written to disk."""
    return repr((made["argv"], made["env"], made["files"], made.get("stdin")))


def opencode_config(made: Launch) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(made["env"]["OPENCODE_CONFIG_CONTENT"])
    return config


@pytest.mark.parametrize("cli", FILES)
def test_an_adapter_tells_what_it_can(cli: str) -> None:
    module = adapter(cli)
    able = {"system_prompt", "tools", "max_turns", "effort", "resume", "fork", "endpoint", "token_budget"}
    assert module.CAN - able == set()
    assert {"resume", "endpoint", "system_prompt"} <= module.CAN
    assert all(isinstance(version, str) and version for version in module.VERSIONS)
    assert not set(module.SECRETS) & set(module.PASS_ENV)
    assert all(name.startswith(("files/", "out/")) for name in module.READS)


@pytest.mark.parametrize("cli", FILES)
def test_the_task_goes_by_standard_input_whatever_it_looks_like(cli: str, plain: Request) -> None:
    made = launch(cli, plain, task="--help me\nplease")
    assert made["argv"][0] == "/usr/bin/agent"
    assert made.get("stdin") == "--help me\nplease"
    assert not any("please" in word for word in made["argv"])


@pytest.mark.parametrize("cli", FILES)
@pytest.mark.parametrize("level", LEVELS)
def test_no_key_is_stored(
    cli: str, level: Literal["suggest", "auto-edit", "full-auto"], plain: Request
) -> None:
    made = launch(cli, plain, level=level, endpoint=URL, endpoint_key=KEY)
    assert KEY in made["secret_env"].values()
    assert KEY not in stored(made)
    assert not set(made["secret_env"]) & set(made["env"])


@pytest.mark.parametrize("cli", FILES)
def test_without_an_endpoint_the_operators_own_login_is_left_alone(cli: str, plain: Request) -> None:
    made = launch(cli, plain)
    assert made["secret_env"] == {}
    assert "4321" not in stored(made)
    assert not {"HOME", "CODEX_HOME", "COPILOT_HOME", "CLAUDE_CONFIG_DIR", "GEMINI_CLI_HOME"} & set(
        made["env"]
    )


@pytest.mark.parametrize("cli", FILES)
@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/v1", f"{URL}/v1/"])
def test_an_endpoint_may_be_written_with_or_without_its_version(cli: str, url: str, plain: Request) -> None:
    made = stored(launch(cli, plain, endpoint=url))
    assert made.count(URL) == 1
    assert (f"{URL}/v1" in made) == (cli not in ("claude", "gemini"))
    assert f"{URL}//" not in made
    assert f"{URL}/v1/v1" not in made


@pytest.mark.parametrize("cli", FILES)
def test_an_endpoint_without_a_key_still_gets_none_of_the_vendors(cli: str, plain: Request) -> None:
    made = launch(cli, plain, endpoint=URL)
    assert "none" in made["secret_env"].values()


@pytest.mark.parametrize("cli", FILES)
def test_a_model_is_passed_on_and_has_a_default_only_where_an_endpoint_needs_one(
    cli: str, plain: Request
) -> None:
    assert "acme/m-1" in stored(launch(cli, plain, model="acme/m-1"))
    assert "acme/m-1" in stored(launch(cli, plain, model="acme/m-1", endpoint=URL))
    words = launch(cli, plain)["argv"]
    assert not {"-m", "--model"} & set(words)
    if cli in DEFAULT_MODELS:
        assert DEFAULT_MODELS[cli] in launch(cli, plain, endpoint=URL)["argv"]


@pytest.mark.parametrize(
    ("cli", "level", "expected"),
    [
        ("claude", "suggest", "--permission-mode plan"),
        (
            "claude",
            "auto-edit",
            "--permission-mode acceptEdits --allowedTools Bash --disallowedTools Bash(sudo:*)",
        ),
        ("claude", "full-auto", "--dangerously-skip-permissions"),
        ("codex", "suggest", 'sandbox_mode="read-only"'),
        ("codex", "auto-edit", 'sandbox_mode="workspace-write"'),
        ("codex", "full-auto", 'sandbox_mode="danger-full-access"'),
        ("gemini", "suggest", "--approval-mode default"),
        ("gemini", "auto-edit", "--approval-mode auto_edit"),
        ("gemini", "full-auto", "--approval-mode yolo"),
        ("copilot", "suggest", "--deny-tool=shell --deny-tool=write"),
        ("copilot", "auto-edit", "--allow-tool=write --allow-tool=shell --deny-tool=shell(sudo:*)"),
        ("copilot", "full-auto", "--yolo"),
    ],
)
def test_a_level_becomes_the_agents_own_flags(
    cli: str, level: Literal["suggest", "auto-edit", "full-auto"], expected: str, plain: Request
) -> None:
    assert expected in line(launch(cli, plain, level=level))


@pytest.mark.parametrize("cli", FILES)
@pytest.mark.parametrize("level", LEVELS)
def test_read_only_is_the_strictest_level_at_any_level(
    cli: str, level: Literal["suggest", "auto-edit", "full-auto"], plain: Request
) -> None:
    assert launch(cli, plain, level=level, read_only=True) == launch(cli, plain, level="suggest")


def test_opencode_gets_its_level_as_rules_that_never_ask(plain: Request) -> None:
    rules = {level: opencode_config(launch("opencode", plain, level=level))["permission"] for level in LEVELS}
    assert "ask" not in json.dumps(rules).replace("task", "")
    assert (rules["suggest"]["edit"], rules["suggest"]["bash"]) == ("deny", "deny")
    assert rules["auto-edit"]["bash"]["*"] == "allow"
    assert rules["auto-edit"]["bash"]["rm *"] == "deny"
    assert next(iter(rules["auto-edit"]["bash"])) == "*"  # the last rule that fits decides
    assert rules["full-auto"] == {"*": "allow"}


def test_the_rules_of_opencode_belong_to_an_agent_that_no_user_can_have_changed(plain: Request) -> None:
    # The rules of an agent outrank all others, and of two rules in one place the later one decides.
    made = launch("opencode", plain, level="suggest")
    config = opencode_config(made)
    assert config["agent"]["pancode"]["permission"] == config["permission"]
    assert "--agent=pancode" in made["argv"]
    assert next(iter(config["permission"])) == "*"


def test_a_claude_that_may_only_read_has_no_shell(plain: Request) -> None:
    # Its plan mode obeys the "allow" rules of the user's own settings; a denied tool is not there at all.
    words = launch("claude", plain, read_only=True)["argv"]
    assert {"Bash", "Write", "Edit", "NotebookEdit"} <= set(words[words.index("--disallowedTools") :])


@pytest.mark.parametrize(("is_root", "value"), [(True, "1"), (False, None)])
def test_claude_as_root_needs_to_be_told_that_it_may(
    is_root: bool, value: str | None, plain: Request
) -> None:
    assert launch("claude", plain, level="full-auto", is_root=is_root)["env"].get("IS_SANDBOX") == value
    assert "IS_SANDBOX" not in launch("claude", plain, level="auto-edit", is_root=is_root)["env"]


def gemini_rules(made: Launch) -> list[dict[str, Any]]:
    assert made["argv"][made["argv"].index("--policy") + 1] == "/state/runs/k3f/files/policy.toml"
    rules: list[dict[str, Any]] = tomllib.loads(str(made["files"]["policy.toml"])).get("rule", [])
    return rules


def test_gemini_gets_its_level_as_a_policy(plain: Request) -> None:
    (refused,) = gemini_rules(launch("gemini", plain, level="suggest"))
    assert set(refused["toolName"]) == {"write_file", "replace", "run_shell_command"}
    assert refused["decision"] == "deny"
    allow, deny = gemini_rules(launch("gemini", plain, level="auto-edit"))
    assert (allow["toolName"], allow["decision"]) == ("run_shell_command", "allow")
    assert "rm" in deny["commandPrefix"]
    assert deny["priority"] > allow["priority"]
    assert gemini_rules(launch("gemini", plain, level="full-auto")) == []


@pytest.mark.parametrize(
    ("cli", "expected"),
    [("claude", "--tools Read,Glob"), ("copilot", "--available-tools=view,glob")],
)
def test_tools_are_named_in_the_agents_own_words(cli: str, expected: str, plain: Request) -> None:
    assert expected in line(launch(cli, plain, tools=["read", "find"]))


def test_tools_of_opencode_and_gemini_are_rules(plain: Request) -> None:
    config = opencode_config(launch("opencode", plain, tools=["read", "bash"]))
    assert config["permission"]["*"] == "deny"
    assert config["permission"]["read"] == "allow"
    assert config["permission"]["bash"]["*"] == "allow"
    assert opencode_config(launch("opencode", plain, tools=["read"]))["permission"]["bash"]["*"] == "deny"
    rules = gemini_rules(launch("gemini", plain, level="full-auto", tools=["read"]))
    everything, named = sorted(rules, key=lambda rule: int(rule["priority"]))
    assert (everything["toolName"], everything["decision"]) == ("*", "deny")
    assert (named["toolName"][0], named["decision"]) == ("read_file", "allow")


def test_no_tool_at_all_is_not_every_tool(plain: Request) -> None:
    words = launch("claude", plain, tools=[])["argv"]
    assert words[words.index("--tools") + 1] == ""
    assert "--available-tools=" in launch("copilot", plain, tools=[])["argv"]


@pytest.mark.parametrize(
    ("cli", "expected"),
    [
        ("claude", "--effort high"),
        ("codex", 'model_reasoning_effort="high"'),
        ("copilot", "--reasoning-effort high"),
    ],
)
def test_effort_is_passed_to_those_who_know_it(cli: str, expected: str, plain: Request) -> None:
    assert "effort" in adapter(cli).CAN
    assert expected in line(launch(cli, plain, effort="high"))


def test_claude_is_told_the_limit_of_turns(plain: Request) -> None:
    assert "--max-turns 7" in line(launch("claude", plain, max_turns=7))


@pytest.mark.parametrize(
    ("cli", "session", "expected"),
    [
        ("claude", "s-1", "--resume s-1"),
        ("codex", "s-1", "resume s-1 -"),
        ("gemini", "s-1@/runs/a/files/gemini", "-r s-1"),
        ("opencode", "s-1", "-s s-1"),
        ("copilot", "s-1", "--resume=s-1"),
    ],
)
def test_a_conversation_goes_on(cli: str, session: str, expected: str, plain: Request) -> None:
    assert expected in line(launch(cli, plain, session=session))


def test_gemini_with_an_endpoint_has_a_home_that_its_conversation_keeps(plain: Request) -> None:
    first = launch("gemini", plain, endpoint=URL)
    home = "/state/runs/k3f/files/gemini"
    assert first["env"]["GEMINI_CLI_HOME"] == home
    settings = first["files"]["gemini/.gemini/settings.json"]
    assert isinstance(settings, dict)
    assert settings["security"]["auth"]["selectedType"] == "gemini-api-key"
    assert settings["privacy"]["usageStatisticsEnabled"] is False
    then = launch("gemini", plain, run_dir="/state/runs/zzz", endpoint=URL, session=f"s-1@{home}")
    assert then["env"]["GEMINI_CLI_HOME"] == home
    assert then["files"]["home.json"] == {"home": home}
    assert "gemini/.gemini/settings.json" not in then["files"]


def test_copilot_gets_a_conversation_id_made_from_the_run(plain: Request) -> None:
    one, same, other = (launch("copilot", plain, run_dir=f"/state/runs/{run}") for run in ("a", "a", "b"))
    assert one["files"] == same["files"] != other["files"]
    assert isinstance(made := one["files"]["session.json"], dict)
    assert f"--session-id={made['id']}" in one["argv"]
    assert [len(part) for part in made["id"].split("-")] == [8, 4, 4, 4, 12]


@pytest.mark.parametrize("cli", FILES)
def test_a_system_prompt_arrives_whatever_is_in_it(cli: str, plain: Request) -> None:
    prompt = 'Say "hi"\\ to\nall; {braces} and \x7f é'
    made = launch(cli, plain, system_prompt=prompt)
    words = made["argv"]
    if cli == "claude":
        assert words[words.index("--append-system-prompt") + 1] == prompt
    elif cli == "codex":
        (setting,) = [word for word in words if word.startswith("developer_instructions=")]
        assert tomllib.loads(setting)["developer_instructions"] == prompt
    elif cli == "opencode":
        assert made["files"]["prompt.md"] == prompt
        assert opencode_config(made)["instructions"] == ["/state/runs/k3f/files/prompt.md"]
    else:  # these two have no way to add to theirs
        assert made.get("stdin") == f"{prompt}\n\ndo it"


@pytest.mark.parametrize("cli", FILES)
def test_extra_arguments_come_after_ours(cli: str, plain: Request) -> None:
    words = launch(cli, plain, extra_args=["--one", "two"])["argv"]
    rest = words[words.index("--one") :]
    assert rest[:2] == ["--one", "two"]
    assert rest[2:] in ([], ["-"])  # codex reads its task from "-"


def test_codex_gets_its_provider_as_settings_and_no_websocket(plain: Request) -> None:
    words = launch("codex", plain, endpoint=URL)["argv"]
    settings = tomllib.loads("\n".join(word for word in words if "=" in word and not word.startswith("-")))
    provider = settings["model_providers"]["pancode"]
    assert provider["base_url"] == f"{URL}/v1"
    assert (provider["wire_api"], provider["supports_websockets"]) == ("responses", False)
    assert provider["env_key"] in launch("codex", plain, endpoint=URL)["secret_env"]
    assert settings["check_for_update_on_startup"] is settings["analytics"]["enabled"] is False
