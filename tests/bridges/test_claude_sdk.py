"""What the bridge tells the Claude Agent SDK, and what it makes of its messages and questions."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk
import pytest

from pancode.bridges.claude_sdk import Questions, _flags, as_record, options
from pancode.bridges.wire import BridgeError, Job, Wire, read_job
from pancode.domains.agents.adapters import Adapter, load_file
from tests.bridges.hooked import hook_port, yes_or_no
from tests.bridges.test_wire import REQUEST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    found = load_file(str(ROOT / "adapters" / "claude_sdk.py"))
    assert isinstance(found, Adapter)
    return found


@pytest.fixture(scope="module")
def reader() -> Any:
    spec = importlib.util.spec_from_file_location("claude_code", ROOT / "adapters" / "claude_code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(reader: Any, **changes: Any) -> sdk.ClaudeAgentOptions:
    job = Job(
        "do it", **{"level": "auto-edit", "read_only": False, "more": {"program": "/bin/claude"}, **changes}
    )
    return options(job, reader, Questions(Wire(job, 1), reader))


def test_it_is_claude_code_in_all_but_the_way_it_is_driven(adapter: Adapter) -> None:
    beside = load_file(str(ROOT / "adapters" / "claude_code.py"))
    assert isinstance(beside, Adapter)
    for name in ("binary", "secrets", "logins", "config", "state", "keys", "can", "decided", "hosts"):
        assert getattr(adapter, name) == getattr(beside, name)
    assert (adapter.id, adapter.tier, adapter.package) == (
        "claude-sdk",
        "sdk",
        ("claude-agent-sdk", "claude"),
    )


def test_the_launch_stores_no_key_and_brings_the_reader_along(adapter: Adapter) -> None:
    request: Any = {**REQUEST, "binary": "/opt/claude", "endpoint": "http://127.0.0.1:9/v1/"}
    made = adapter.launch(request)
    assert made["secret_env"] == {"ANTHROPIC_API_KEY": "token-1"}
    assert made["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"
    assert "token-1" not in json.dumps([made["argv"], made["env"], made["files"], made.get("stdin")])
    assert "class Session" in str(made["files"]["claude_code.py"])
    job = read_job(made.get("stdin") or "", None)
    assert job.more == {"program": "/opt/claude", "reads": "/runs/a1/files/claude_code.py"}
    request["endpoint"] = None
    assert adapter.launch(request)["secret_env"] == {}


@pytest.mark.parametrize(
    ("changes", "mode", "disallowed"),
    [
        ({"port": 1, "level": "suggest"}, "default", ["Write", "Edit", "NotebookEdit"]),
        ({"port": 1, "read_only": True}, "default", ["Write", "Edit", "NotebookEdit"]),
        ({"port": 1}, "default", ["Bash(sudo:*)", "Bash(git push:*)", "Bash(git clean:*)"]),
        ({"port": 1, "level": "full-auto"}, "default", []),
        ({"level": "suggest"}, "plan", ["Bash", "Write", "Edit", "NotebookEdit"]),
        ({"level": "full-auto"}, "default", []),
    ],
)
def test_each_level_takes_its_tools_away(
    reader: Any, changes: dict[str, Any], mode: str, disallowed: list[str]
) -> None:
    made = told(reader, **changes)
    assert (made.permission_mode, made.disallowed_tools) == (mode, disallowed)
    assert made.hooks is not None
    assert list(made.hooks) == ["PreToolUse"]
    assert made.can_use_tool is not None


def test_the_agents_own_fields_are_passed_on(reader: Any) -> None:
    made = told(
        reader, tools=("read", "edit"), max_turns=3, session="s1", model="m", effort="low",
        system_prompt="be short", extra_args=("--add-dir", "../lib"),
    )  # fmt: skip
    assert made.tools == ["Read", "Edit", "NotebookEdit"]
    assert (made.max_turns, made.resume, made.model, made.effort) == (3, "s1", "m", "low")
    assert made.system_prompt == {"type": "preset", "preset": "claude_code", "append": "be short"}
    assert made.extra_args == {"add-dir": "../lib"}
    assert str(made.cli_path) == "/bin/claude"


def test_an_argument_that_belongs_to_no_flag_is_a_sentence() -> None:
    with pytest.raises(BridgeError, match='"lib" in the runtime_args'):
        list(_flags(["lib"]))


def test_messages_are_read_as_the_stream_that_they_came_from(reader: Any) -> None:
    session = reader.Session()
    usage = {"m": {"inputTokens": 5, "outputTokens": 2, "cacheReadInputTokens": 1}}
    messages = [
        sdk.SystemMessage("init", {"type": "system", "subtype": "init", "session_id": "s1"}),
        sdk.AssistantMessage([sdk.ToolUseBlock("t1", "Bash", {"command": "ls"})], "m", message_id="a"),
        sdk.UserMessage([sdk.ToolResultBlock("t1", "a.txt", is_error=False)]),
        sdk.AssistantMessage([sdk.TextBlock("It is there.")], "m", message_id="b"),
        sdk.ResultMessage("success", 1, 1, False, 2, "s1", total_cost_usd=0.5, result="It is there.",
                          model_usage=usage),  # type: ignore[arg-type]
    ]  # fmt: skip
    events = [event for message in messages for event in session.feed(as_record(message))]
    kinds = "session turn tool_started tool_finished turn text usage cost finished"
    assert " ".join(event["kind"] for event in events) == kinds
    assert events[2] == {"kind": "tool_started", "id": "t1", "name": "shell", "args": {"command": "ls"}}
    assert events[6]["input"] == 5
    assert (events[8]["ok"], events[8]["result"]) == (True, "It is there.")


def test_a_call_is_asked_about_once_and_what_can_not_be_read_is_refused(reader: Any) -> None:
    class Context:
        tool_use_id = "t1"

    async def play(port: int) -> list[Any]:
        questions = Questions(Wire(Job("do it", port=port, ask_s=10), 1), reader)
        bash = {"tool_name": "Bash", "tool_input": {"command": "make"}, "cwd": "/p"}
        return [
            await questions.hook(bash, "t1", None),
            await questions.permission("Bash", {"command": "make"}, Context()),
            await questions.hook({"tool_name": "Bash", "tool_input": {}, "cwd": "/p"}, "t2", None),
        ]

    with hook_port(lambda _: yes_or_no(True)) as (port, asked):
        first, second, third = asyncio.run(play(port))
    assert first["hookSpecificOutput"]["permissionDecision"] == "allow"
    assert isinstance(second, sdk.PermissionResultAllow)
    assert third["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert asked == [{"tool": "shell", "command": "make", "cwd": "/p"}]


def test_where_claude_would_ask_a_person_the_question_is_asked(reader: Any) -> None:
    class Context:
        tool_use_id = "t1"

    async def play(port: int) -> Any:
        questions = Questions(Wire(Job("do it", port=port, ask_s=10), 1), reader)
        return await questions.permission("Write", {"file_path": "a"}, Context())

    with hook_port(lambda _: yes_or_no(False, "not now")) as (port, _):
        answer = asyncio.run(play(port))
    assert isinstance(answer, sdk.PermissionResultDeny)
    assert answer.message == "not now"
