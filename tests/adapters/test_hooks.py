"""What the hooks of the five CLIs send, what they are answered, and how they are put into place."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pancode.domains.agents.adapters import Adapter, load_file
from pancode.domains.agents.enclosed import decided
from pancode.worker.lean_json import loads
from tests.adapters.replaying import FILES, ROOT, adapter

if TYPE_CHECKING:
    from pathlib import Path

    from pancode.worker.profile import Hook
    from pancode.worker.protocol import Launch, Request

HOOK: Hook = {"command": "python -I client.py '61802' || exit 2", "timeout_s": 660}
LEVELS: tuple[Literal["suggest", "auto-edit", "full-auto"], ...] = ("suggest", "auto-edit", "full-auto")
WHY = 'it deletes "a"\nand \\ more \x01 é'


def captured(cli: str) -> list[dict[str, Any]]:
    """Give what the real CLI has sent to its hook, and the action that this is."""
    path = ROOT / "tests" / "data" / "hooks" / f"{cli}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def enclosed(cli: str, plain: Request, **changes: object) -> Launch:
    """Give the launch inside of PanCode's sandbox, with a hook."""
    request: Request = {**plain, "sandboxed": True, "hook": HOOK, **changes}  # type: ignore[typeddict-item]
    made: Launch = adapter(cli).launch(request)
    return made


def loaded(cli: str) -> Adapter:
    found = load_file(str(ROOT / "adapters" / f"{FILES[cli]}.py"))
    assert isinstance(found, Adapter), found
    return found


@pytest.mark.parametrize("cli", FILES)
def test_what_a_real_hook_was_sent_becomes_an_action(cli: str) -> None:
    rows = captured(cli)
    assert [adapter(cli).hook_asks(row["payload"]) for row in rows] == [row["action"] for row in rows]
    assert {"shell", "read"} < {row["action"]["tool"] for row in rows}
    shell = next(row["action"] for row in rows if row["action"]["tool"] == "shell")
    assert shell["command"] == "printf 'a\\n' > made.txt && cat made.txt"
    assert shell["cwd"].startswith("/project")


@pytest.mark.parametrize("cli", FILES)
def test_a_call_that_changes_files_names_them(cli: str) -> None:
    actions = [row["action"] for row in captured(cli)]
    changing = [action for action in actions if action["tool"] in ("write", "edit")]
    assert changing
    assert all(action["paths"] for action in changing)


@pytest.mark.parametrize("cli", FILES)
@pytest.mark.parametrize(
    "payload", [{}, {"tool_name": "Bash"}, {"tool_name": "Bash", "tool_input": 3, "cwd": "/"}]
)
def test_an_odd_input_is_no_action(cli: str, payload: dict[str, Any]) -> None:
    # Whoever serves the hook takes an exception for a refusal.
    with pytest.raises((KeyError, TypeError)):
        adapter(cli).hook_asks(payload)


@pytest.mark.parametrize(
    ("cli", "payload"),
    [
        ("codex", {"tool_name": "apply_patch", "tool_input": {"command": "PATCH"}, "cwd": "/project"}),
        ("opencode", {"tool": "apply_patch", "args": {"patchText": "PATCH"}, "cwd": "/project"}),
        ("copilot", {"toolName": "apply_patch", "toolArgs": "PATCH", "cwd": "/project"}),
    ],
)
def test_every_file_of_a_patch_is_named_however_it_is_indented(cli: str, payload: dict[str, Any]) -> None:
    lines = ("Begin Patch", "Add File: /a", "  *** Update File: b c ", "Move to: ../d", "Delete File: e")
    patch = "\\n+*** x\\n".join(line if line[0] == " " else f"*** {line}" for line in lines)
    action = adapter(cli).hook_asks(json.loads(json.dumps(payload).replace("PATCH", patch)))
    assert (action["tool"], action["paths"]) == ("edit", ["/a", "b c", "../d", "e"])


@pytest.mark.parametrize("cli", FILES)
def test_an_allowed_call_goes_on_without_a_word(cli: str) -> None:
    assert adapter(cli).hook_says(True, "") == {"out": "", "err": "", "exit": 0}


@pytest.mark.parametrize("cli", FILES)
def test_a_refusal_exits_with_2_and_tells_why(cli: str) -> None:
    answer = adapter(cli).hook_says(False, WHY)
    assert (answer["exit"], answer["err"]) == (2, WHY)
    if cli == "copilot":  # it shows nothing of standard error
        assert json.loads(answer["out"]) == {"permissionDecision": "deny", "permissionDecisionReason": WHY}
        assert loads(answer["out"]) == json.loads(answer["out"])


@pytest.mark.parametrize("cli", FILES)
def test_an_answer_is_never_a_question(cli: str) -> None:
    assert "ask" not in json.dumps([adapter(cli).hook_says(allow, "no") for allow in (True, False)])


@pytest.mark.parametrize("cli", FILES)
@pytest.mark.parametrize("level", LEVELS)
def test_the_hook_is_told_to_the_agent_at_every_level(
    cli: str, level: Literal["suggest", "auto-edit", "full-auto"], plain: Request
) -> None:
    made = enclosed(cli, plain, level=level)
    words, home = made["argv"], made["home"]
    if cli == "claude":
        settings = json.loads(words[words.index("--settings") + 1])
        (each,) = settings["hooks"]["PreToolUse"]
        assert each["hooks"] == [{"type": "command", "command": HOOK["command"], "timeout": 660}]
        assert (each["matcher"], settings["disableAllHooks"]) == (".*", False)
    elif cli == "codex":
        settings = tomllib.loads("\n".join(word for word in words if "=" in word and word[0] != "-"))
        (each,) = settings["hooks"]["PreToolUse"]
        assert each["hooks"] == [{"type": "command", "command": HOOK["command"], "timeout": 660}]
        assert "--dangerously-bypass-hook-trust" in words
        assert settings["features"]["hooks"] is True
        assert settings["features"]["unified_exec_tty"] is False
    elif cli == "gemini":
        settings = home[".gemini/settings.json"]
        assert isinstance(settings, dict)
        (each,) = settings["hooks"]["BeforeTool"]
        assert each["hooks"][0] | {"name": ""} == {
            "name": "",
            "type": "command",
            "command": HOOK["command"],
            "timeout": 660_000,
        }
    elif cli == "opencode":
        assert json.dumps(HOOK["command"]) in str(made["files"]["opencode/plugin/pancode.js"])
        assert made["env"]["OPENCODE_CONFIG_DIR"] == "/state/runs/k3f/files/opencode"
    else:
        settings = home[".copilot/settings.json"]
        assert isinstance(settings, dict)
        each = {"type": "command", "bash": HOOK["command"], "timeoutSec": 660}
        assert settings == {"disableAllHooks": False, "hooks": {"preToolUse": [each]}}


OPEN = {
    "claude": "--dangerously-skip-permissions",
    "codex": 'sandbox_mode="danger-full-access"',
    "gemini": "--approval-mode yolo",
    "copilot": "--yolo",
}


@pytest.mark.parametrize("cli", OPEN)
@pytest.mark.parametrize("level", LEVELS)
def test_what_mounts_and_hook_decide_is_not_asked_by_the_agent_itself(
    cli: str, level: Literal["suggest", "auto-edit", "full-auto"], plain: Request
) -> None:
    assert OPEN[cli] in " ".join(enclosed(cli, plain, level=level)["argv"])
    assert enclosed(cli, plain, level=level, read_only=True) == enclosed(cli, plain, level="suggest")


def test_a_reader_has_its_shell_back_and_no_tool_that_edits(plain: Request) -> None:
    made = {cli: enclosed(cli, plain, level="suggest") for cli in FILES}
    words = made["claude"]["argv"]
    denied = words[words.index("--disallowedTools") + 1 :]
    assert {"Write", "Edit", "NotebookEdit"} <= set(denied)
    assert "Bash" not in denied
    assert "--strict-mcp-config" in words
    assert "--deny-tool=write" in made["copilot"]["argv"]
    assert "--deny-tool=shell" not in made["copilot"]["argv"]
    rules = json.loads(made["opencode"]["env"]["OPENCODE_CONFIG_CONTENT"])["permission"]
    assert (rules["edit"], rules.get("bash", rules["*"])) == ("deny", "allow")
    policy = tomllib.loads(str(made["gemini"]["files"]["policy.toml"]))["rule"]
    refused = {tool for rule in policy if rule["decision"] == "deny" for tool in rule["toolName"]}
    assert refused == {"write_file", "replace"}


@pytest.mark.parametrize("cli", FILES)
def test_pushing_stays_refused_by_the_agent_itself_at_auto_edit(cli: str, plain: Request) -> None:
    told = {level: json.dumps(enclosed(cli, plain, level=level)) for level in LEVELS}
    pushes = ("git push", 'git\\\\\\", \\\\\\"push', 'git\\", \\"push')
    assert any(word in told["auto-edit"] for word in pushes)
    assert not any(word in told["full-auto"] for word in pushes)
    assert "rmdir" not in told["auto-edit"]  # the policy tells a build's leftovers from the project


@pytest.mark.parametrize("cli", FILES)
def test_without_a_sandbox_nothing_is_laid_into_a_home(cli: str, plain: Request) -> None:
    assert adapter(cli).launch(plain).get("home", {}) == {}


@pytest.mark.parametrize("cli", FILES)
def test_the_needs_are_paths_below_home(cli: str) -> None:
    found = loaded(cli)
    assert found.asks
    assert found.state
    assert all(name.endswith(":443") for name in found.hosts)
    paths = [*found.config, *found.state, *found.cache, *(path for path, _ in found.logins)]
    assert all(path[0] == "." and not path.endswith("/") for path in paths)
    assert set(found.folders) <= set(found.pass_env)


@pytest.mark.parametrize("cli", FILES)
def test_files_for_the_home_lie_where_the_agent_looks(cli: str, plain: Request) -> None:
    found, made = loaded(cli), enclosed(cli, plain)
    assert made["home"]
    tops = {path.split("/")[0] for path in (*found.state, *found.config)}
    assert {path.split("/")[0] for path in made["home"]} <= tops


@pytest.mark.parametrize(
    ("cli", "words"),
    [
        ("claude", ["--dangerously-skip-permissions"]),
        ("claude", ["--permission-mode", "plan"]),
        ("claude", ["--allowedTools=Bash"]),
        ("claude", ["--disallowed-tools", "Read"]),
        ("codex", ["-s", "read-only"]),
        ("codex", ["-sdanger-full-access"]),
        ("codex", ["-c", "hooks.PreToolUse=[]"]),
        ("codex", ["-chooks={}"]),
        ("codex", ["--config=sandbox_mode='x'"]),
        ("codex", ["-c", ' "hooks".PreToolUse=[]']),
        ("codex", ["-c", "features={hooks=false}"]),
        ("codex", ["--disable", "hooks"]),
        ("gemini", ["--approvalMode", "yolo"]),
        ("gemini", ["-dy"]),
        ("gemini", ["--policy=x.toml"]),
        ("opencode", ["--pure"]),
        ("opencode", ["--agent=build"]),
        ("copilot", ["--allow-all-tools"]),
        ("copilot", ["--deny-tool", "x"]),
        ("copilot", ["--trust-folder"]),
    ],
)
def test_what_the_grant_decides_is_no_further_argument(cli: str, words: list[str]) -> None:
    assert decided(loaded(cli), ["--verbose", *words]) is not None


@pytest.mark.parametrize(
    ("cli", "words"),
    [
        ("claude", ["--mcp-config", "{}", "--add-dir", "/x", "--agents", "{}"]),
        ("codex", ["-c", "model_verbosity=low", "-c", "features.goals=false", "-p", "mine", "--", "-"]),
        ("gemini", ["--include-directories", "/x", "--debug"]),
        ("opencode", ["--variant", "high", "--thinking"]),
        ("copilot", ["--experimental", "--log-level", "all", "--excluded-tools=web_fetch"]),
    ],
)
def test_other_arguments_are_the_users_own(cli: str, words: list[str]) -> None:
    assert decided(loaded(cli), words) is None


NODE = shutil.which("node")
DRIVER = """
import { PanCode } from "./pancode.mjs";
const hooks = await PanCode({ directory: "/project" });
try {
  await hooks["tool.execute.before"]({ tool: "bash" }, { args: { command: "é", workdir: "sub" } });
  console.log("allowed");
} catch (error) { console.log(error.message); }
"""


@pytest.mark.skipif(NODE is None, reason="there is no node")
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat > seen.json", "allowed"),
        ("echo 'not that' >&2; exit 2", "PanCode: not that\n"),
        ("exit 1", "PanCode: no answer"),
        ("kill -9 $$", "PanCode: no answer"),
        ("exec sleep 600", "PanCode: no answer"),
    ],
)
def test_the_plugin_of_opencode_lets_go_only_what_was_allowed(
    command: str, expected: str, plain: Request, tmp_path: Path
) -> None:
    assert NODE is not None
    made = enclosed("opencode", plain, hook={"command": command, "timeout_s": 2})
    (tmp_path / "pancode.mjs").write_text(str(made["files"]["opencode/plugin/pancode.js"]))
    (tmp_path / "driver.mjs").write_text(DRIVER)
    done = subprocess.run(
        [NODE, "driver.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"{expected}\n"
    if expected == "allowed":
        seen = json.loads((tmp_path / "seen.json").read_text())
        assert seen == {"tool": "bash", "args": {"command": "é", "workdir": "sub"}, "cwd": "/project/sub"}
