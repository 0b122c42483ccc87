"""The worker's tool as an MCP server: what it answers, and that nothing sent to it ends it."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from pancode.worker.pan_mcp import TOOLS, serve

PAN = Path(__file__).parents[2] / "pancode" / "worker" / "pan.py"
Asked = list[tuple[str, dict[str, object]]]


def talk(*messages: object) -> tuple[list[dict[str, Any]], Asked]:
    """Send the messages (texts as they are); give the answers, and what was asked of the session."""
    asked: Asked = []

    def ask(verb: str, args: dict[str, object]) -> tuple[str, int]:
        asked.append((verb, args))
        return ("pancode: no\n", 1) if verb == "share_remove" else ('{"said": "é"}\n', 0)

    lines = [one if isinstance(one, str) else json.dumps(one) for one in messages]
    out = io.StringIO()
    assert serve(io.StringIO("\n".join(lines) + "\n"), out, ask) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()], asked


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_a_conversation_as_clients_have_it() -> None:
    call = request(3, "tools/call", name="share_set", arguments={"key": "a", "value": "b"})
    answers, asked = talk(
        request(1, "initialize", protocolVersion="2025-06-18", capabilities={}),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(2, "tools/list"),
        call,
        request(4, "tools/call", name="share_remove", arguments={"key": "a"}),
        request(5, "ping"),
    )
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4, 5]
    assert answers[0]["result"]["protocolVersion"] == "2025-06-18"
    tools = {tool["name"]: tool for tool in answers[1]["result"]["tools"]}
    assert set(tools) == set(TOOLS)
    assert tools["share_set"]["inputSchema"]["required"] == ["key", "value"]
    assert answers[2]["result"] == {"content": [{"type": "text", "text": '{"said": "é"}'}], "isError": False}
    assert answers[3]["result"]["isError"] is True
    assert asked == [("share_set", {"key": "a", "value": "b"}), ("share_remove", {"key": "a"})]


def test_nothing_that_is_sent_ends_it() -> None:
    answers, asked = talk(
        "no json",
        "[]",
        "",
        request(1, "resources/list"),
        request(2, "tools/call", name="launch", arguments={}),
        request(3, "tools/call", name="task_list", arguments=["x"]),
        {"id": 4, "method": "initialize", "params": 7},
        request(5, "ping"),
    )
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        -32700, -32700, -32601, -32602, -32602, None, None,
    ]  # fmt: skip
    assert asked == []


def test_the_tool_itself_is_the_server_and_says_when_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    call = json.dumps(request(1, "tools/call", name="share_list", arguments={}))
    command = [sys.executable, "-I", "-S", str(PAN), str(port), "mcp"]
    done = subprocess.run(command, input=call + "\n", capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout)["result"]
    assert told["isError"] is True
    assert "can't be reached" in told["content"][0]["text"]
