"""What the canonical recordings must say: tokens, turns, cost, tools, refusals and reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.replaying import FILES, adapter, cases, replay
from tests.adapters.shapes import problems

if TYPE_CHECKING:
    from pancode.worker.protocol import Usage

TOLD = [cli for cli in FILES if cli != "copilot"]
"""The CLIs that tell their tokens in the stream."""
ERRORS = {"e401": "auth", "e404": "model-unknown", "e500": "overload", "e529": "overload"}
PER_TURN = {"input": 1200, "cache_read": 800, "output": 34, "reasoning": 5, "cache_write": 0}
"""What the recorded model counted for each request, in the protocol's words."""
OWN: dict[str, dict[str, int | None]] = {
    "claude": {"reasoning": None, "cache_write": 100},
    "gemini": {"output": 39, "cache_write": None},  # its model counted 5 thoughts on top of 34
}


def tokens(cli: str, turns: int) -> dict[str, int | None]:
    counts = PER_TURN | OWN.get(cli, {})
    return {name: None if count is None else count * turns for name, count in counts.items()}


@pytest.mark.parametrize("cli", FILES)
def test_a_plain_answer_is_text_and_a_good_end(cli: str) -> None:
    seen = replay(cli, "text")
    answer = "Hello, this is a plain answer from the fake model."
    assert seen.text() == answer
    assert (seen.finish()["ok"], seen.finish()["result"]) == (True, answer)
    assert len(seen.of("session")) == 1
    assert seen.of("tool_started") == seen.of("refused") == seen.of("problem") == []


@pytest.mark.parametrize("cli", TOLD)
@pytest.mark.parametrize(("case", "turns"), [("text", 1), ("tools", 3)])
def test_tokens_are_told_apart(cli: str, case: str, turns: int) -> None:
    assert replay(cli, case).usage() == tokens(cli, turns)


@pytest.mark.parametrize("cli", FILES)
def test_a_shell_call_and_a_written_file_have_the_same_names_everywhere(cli: str) -> None:
    seen = replay(cli, "tools")
    started, finished = seen.of("tool_started"), seen.of("tool_finished")
    assert [tool["name"] for tool in started] == ["shell", "write"]
    assert "echo shell-output-123" in started[0]["args"]["command"]
    assert "written.txt" in json.dumps(started[1]["args"])
    assert [tool["ok"] for tool in finished] == [True, True]
    assert "shell-output-123" in finished[0]["result"]
    assert seen.finish()["result"] == "All done: command ran and file written."


@pytest.mark.parametrize("cli", [cli for cli in FILES if cli != "codex"])
@pytest.mark.parametrize(("case", "turns"), [("text", 1), ("tools", 3)])
def test_each_model_request_is_a_turn(cli: str, case: str, turns: int) -> None:
    assert len(replay(cli, case).of("turn")) == turns


def test_codex_does_not_show_its_model_requests() -> None:
    assert replay("codex", "tools").of("turn") == []


@pytest.mark.parametrize(
    ("cli", "usd"),
    [("claude", 0.014175), ("opencode", 0.01305), ("codex", None), ("gemini", None), ("copilot", None)],
)
def test_cost_is_only_what_the_agent_says(cli: str, usd: float | None) -> None:
    assert replay(cli, "tools").cost() == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("cli", "case", "reason"),
    [(cli, case, reason) for cli in FILES for case, reason in ERRORS.items() if case in cases(cli)],
)
def test_an_error_of_the_model_has_its_reason(cli: str, case: str, reason: str) -> None:
    finish = replay(cli, case).finish()
    assert (finish["ok"], finish["reason"]) == (False, reason)
    told = {"e404": None, "e500": None} if cli == "codex" else {}  # it leaves the status of these two out
    assert finish["http"] == told.get(case, int(case[1:]))
    assert finish["message"]


@pytest.mark.parametrize(("cli", "case"), [("codex", "e429"), ("gemini", "e429_maxattempts2")])
def test_too_many_requests_is_a_rate_limit(cli: str, case: str) -> None:
    assert (replay(cli, case).finish()["reason"], replay(cli, case).finish()["http"]) == ("rate-limit", 429)


@pytest.mark.parametrize(
    ("cli", "retries"),
    [
        ("claude", [(1, 1, 529)]),
        ("codex", [(1, 1, 529)]),
        ("gemini", [(1, None, 529)]),
        ("copilot", [(attempt, None, 529) for attempt in range(1, 6)]),
        ("opencode", []),  # it is silent for more than a minute
    ],
)
def test_retries_are_seen_where_the_agent_shows_them(
    cli: str, retries: list[tuple[int, int | None, int]]
) -> None:
    seen = replay(cli, "e529").of("retrying")
    assert [(retry["attempt"], retry["of"], retry["http"]) for retry in seen] == retries


def test_codex_that_waits_for_the_network_is_seen_to_retry() -> None:
    said = "Reconnecting... waiting for network (Connection failed: error sending request)"
    (retry,) = adapter("codex").Session().feed({"type": "error", "message": said})
    assert (retry["kind"], retry["attempt"]) == ("retrying", None)
    assert retry["why"] == "Connection failed: error sending request"


@pytest.mark.parametrize(
    ("cli", "case", "refused"),
    [
        ("claude", "tools_default", ["shell", "write"]),
        ("claude", "tools_plan", ["shell", "write"]),
        ("claude", "hook_deny", ["shell", "write"]),
        ("codex", "hook_on", ["shell", "edit"]),
        ("codex", "tools_read-only", ["edit"]),
        ("codex", "rm_sdangerfullaccess", ["shell"]),
        ("gemini", "pol_rm_yolo", ["shell"]),
        ("gemini", "hook_deny", ["shell", "write"]),
        ("opencode", "rm_auto", ["shell"]),
        ("opencode", "tools_ask", ["shell"]),
        ("copilot", "suggest", ["shell", "write"]),
        ("copilot", "auto_rm", ["shell"]),
    ],
)
def test_refused_actions_are_events(cli: str, case: str, refused: list[str]) -> None:
    events = replay(cli, case).of("refused")
    assert [event["name"] for event in events] == refused
    assert all(event["why"] for event in events)


def test_a_permission_that_nobody_gave_ends_opencode_as_refused() -> None:
    finish = replay("opencode", "tools_ask").finish()
    assert (finish["ok"], finish["reason"]) == (False, "refused")


def test_a_failing_command_tells_its_exit_status() -> None:
    (tool,) = replay("codex", "exit3_ww").of("tool_finished")
    assert (tool["ok"], tool["exit"], tool["result"]) == (False, 3, "out\nerr\n")


@pytest.mark.parametrize("case", ["maxturns", "budget"])
def test_a_limit_of_claude_is_reached_as_budget(case: str) -> None:
    seen = replay("claude", case)
    assert (seen.finish()["ok"], seen.finish()["reason"]) == (False, "budget")
    assert seen.usage() == tokens("claude", 1)


def test_text_that_claude_streams_is_not_told_twice() -> None:
    seen = replay("claude", "partial")
    assert len(seen.of("text")) == 10
    assert all(event["delta"] for event in seen.of("text"))
    assert seen.text() == seen.finish()["result"]


def test_tokens_of_a_resumed_codex_are_those_of_this_turn_alone() -> None:
    first = replay("codex", "stdin_arg").usage()
    previous: Usage = {**first, "turns": None, "tool_calls": 0}  # type: ignore[typeddict-item]
    assert replay("codex", "resume", previous).usage() == tokens("codex", 2)


@pytest.mark.parametrize("cli", ["claude", "gemini"])
def test_a_resumed_session_keeps_its_name(cli: str) -> None:
    resumed = "resume_id" if cli == "gemini" else "resume"
    first, then = (replay(cli, case).of("session") for case in ("session1", resumed))
    assert [event["id"] for event in first] == [event["id"] for event in then]


def test_copilot_reads_its_tokens_from_the_file_before_the_end() -> None:
    counts = {"inputTokens": 6000, "outputTokens": 102, "cacheReadTokens": 2400}
    counts |= {"cacheWriteTokens": 0, "reasoningTokens": 15}
    session = adapter("copilot").Session()
    list(session.feed({"type": "result", "sessionId": "s1", "exitCode": 0}))
    usage, finish = session.end({"files/usage.json": {"modelMetrics": {"gpt-5.4": {"usage": counts}}}})
    assert usage == {"kind": "usage", "scope": "total"} | tokens("copilot", 3)
    assert finish["ok"] is True


def test_tokens_of_a_resumed_copilot_are_those_of_this_turn_alone() -> None:
    # Its file counts the whole conversation: 1 request in the first run, then 2.
    counts = {"inputTokens": 6000, "outputTokens": 102, "cacheReadTokens": 2400, "reasoningTokens": 15}
    session = adapter("copilot").Session(tokens("copilot", 1))
    (usage,) = session.end({"files/usage.json": {"modelMetrics": {"gpt-5.4": {"usage": counts}}}})
    assert usage == {"kind": "usage", "scope": "total"} | tokens("copilot", 2)


def test_copilot_names_its_session_also_when_the_stream_broke_off() -> None:
    assert list(adapter("copilot").Session().end({"files/session.json": {"id": "s1"}})) == [
        {"kind": "session", "id": "s1"}
    ]


@pytest.mark.parametrize("kind", ["abort", "agent.interrupted", "session.info", "user.message"])
def test_what_copilot_says_of_itself_is_known_and_silent(kind: str) -> None:
    assert list(adapter("copilot").Session().feed({"type": kind, "data": {}})) == []


def test_gemini_names_the_home_in_which_its_conversation_is_kept() -> None:
    session = adapter("gemini").Session()
    list(session.feed({"type": "init", "session_id": "s1"}))
    assert list(session.end({"files/home.json": {"home": "/runs/k3f/files/gemini"}})) == [
        {"kind": "session", "id": "s1@/runs/k3f/files/gemini"}
    ]
    assert list(session.end({"files/home.json": {"home": ""}})) == []


@pytest.mark.parametrize(
    ("cli", "said", "reason"),
    [
        ("claude", "API Error: Connection to the API was lost (ECONNRESET).", "stream-cut"),
        ("claude", "API Error: Repeated 529 Overloaded errors.", "overload"),
        ("claude", "API Error: Unable to connect to API (ConnectionRefused)", "network"),
        ("claude", "Not logged in · Please run /login", "auth"),
        ("codex", "stream disconnected before completion: Transport error", "stream-cut"),
        ("codex", "error sending request for url (http://127.0.0.1:9/v1/responses)", "network"),
        ("codex", "Missing environment variable: `KEY`.", "auth"),
        ("gemini", "[API Error: terminated]", "stream-cut"),
        ("gemini", "[API Error: exception TypeError: fetch failed sending request]", "network"),
        ("opencode", "Cannot connect to API: The socket connection was closed unexpectedly.", "stream-cut"),
        ("opencode", "Connection reset by server", "stream-cut"),
        ("copilot", "connection error: Connection reset by peer", "stream-cut"),
        ("gemini", "[API Error: read ECONNRESET]", "stream-cut"),
        ("gemini", "[API Error: connect ECONNREFUSED 127.0.0.1:9]", "network"),
        ("opencode", "Unable to connect. Is the computer able to access the url?", "network"),
        ("copilot", "error reading a body from connection: unexpected EOF", "stream-cut"),
        ("copilot", "Failed native model HTTP request: error sending request for url", "network"),
    ],
)
def test_an_error_without_a_status_is_told_by_its_words(cli: str, said: str, reason: str) -> None:
    assert ended(cli, said)["reason"] == reason


def ended(cli: str, said: str) -> dict[str, Any]:
    """Let the agent end with an error of these words."""
    records: dict[str, list[dict[str, Any]]] = {
        "claude": [{"type": "result", "is_error": True, "subtype": "success", "result": said}],
        "codex": [{"type": "turn.failed", "error": {"message": said}}],
        "gemini": [{"type": "result", "status": "error", "error": {"message": said}}],
        "opencode": [{"type": "error", "error": {"name": "APIError", "data": {"message": said}}}],
        "copilot": [{"type": "session.error", "data": {"message": said}}, {"type": "result", "exitCode": 1}],
    }
    session = adapter(cli).Session()
    events = [event for record in records[cli] for event in session.feed(record)]
    (finish,) = [event for event in (*events, *session.end({})) if event["kind"] == "finished"]
    assert problems(finish) == []
    return dict(finish)


@pytest.mark.parametrize("cli", FILES)
def test_a_stream_without_a_final_record_has_no_finish(cli: str) -> None:
    assert list(adapter(cli).Session().end({})) == []


@pytest.mark.parametrize("cli", FILES)
def test_a_record_that_nobody_knows_is_counted(cli: str) -> None:
    events = list(adapter(cli).Session().feed({"type": "news.from_tomorrow", "data": 1}))
    assert [event["kind"] for event in events] == ["unknown"]
    assert "news" in events[0]["type"]


@pytest.mark.parametrize("cli", FILES)
def test_long_arguments_and_results_are_cut_with_a_note(cli: str) -> None:
    long = "x" * 9000
    events = called(cli, long)
    (started,) = [event for event in events if event["kind"] == "tool_started"]
    (finished,) = [event for event in events if event["kind"] == "tool_finished"]
    assert started["args"]["command"] == f"{'x' * 2000}… (9000 characters)"
    assert finished["result"] == f"{'x' * 4000}… (9000 characters)"


def called(cli: str, text: str) -> list[dict[str, Any]]:
    """Let the agent call its shell with `text`, and the shell answer `text`."""
    args = {"command": text}
    use = {"type": "tool_use", "id": "c", "name": "Bash", "input": args}
    result = {"type": "tool_result", "tool_use_id": "c", "content": text}
    item = {"id": "c", "type": "command_execution", "command": text, "aggregated_output": text}
    records: dict[str, list[dict[str, Any]]] = {
        "claude": [
            {"type": "assistant", "message": {"id": "m", "content": [use]}},
            {"type": "user", "message": {"content": [result]}},
        ],
        "codex": [{"type": "item.completed", "item": item | {"status": "completed"}}],
        "gemini": [
            {"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "c", "parameters": args},
            {"type": "tool_result", "tool_id": "c", "status": "success", "output": text},
        ],
        "opencode": [
            {
                "type": "tool_use",
                "part": {"tool": "bash", "state": {"status": "completed", "input": args, "output": text}},
            }
        ],
        "copilot": [
            {"type": "tool.execution_start", "data": {"toolName": "bash", "arguments": args}},
            {"type": "tool.execution_complete", "data": {"success": True, "result": {"content": text}}},
        ],
    }
    session = adapter(cli).Session()
    return [dict(event) for record in records[cli] for event in session.feed(record)]
