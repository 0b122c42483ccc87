"""Agents on a running Mastra server: a server of the tests' own streams what a real one was recorded with."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session, a_session

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("sdk"),
    pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap"),
]
RECORDED = (Path(__file__).parents[1] / "data" / "mastra" / "stream.sse").read_bytes()
AGENTS = """agents:
  weather: {{runtime: mastra-server, endpoint: "http://127.0.0.1:{port}", endpoint_key_env: WEATHER_KEY}}
  lost: {{runtime: mastra-server, endpoint: "http://127.0.0.1:{port}/api/agents/nobody"}}
  short: {{runtime: mastra-server, endpoint: "http://127.0.0.1:{port}/api/agents/cut"}}
  homeless: {{runtime: mastra-server}}
  quiet: {{runtime: mastra-server, endpoint: "http://127.0.0.1:{port}", readonly: true}}
"""


class Server(http.server.ThreadingHTTPServer):
    """It has one agent, `weather`, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/api/agents" else 404, b'{"weather": {"name": "Weather"}}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(json.loads(body))
        self.server.keys.append(self.headers.get("authorization", ""))
        if self.path == "/api/agents/weather/stream":
            self._answer(200, RECORDED)
        elif self.path == "/api/agents/cut/stream":
            self._answer(200, RECORDED[: len(RECORDED) // 2])
        else:
            self._answer(404, b'{"error": "no such agent"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def attached(server: Server) -> Iterator[Session]:
    """Give a session with agents on the server."""
    with a_session("/var/tmp") as made:
        made.environment["WEATHER_KEY"] = "hush-weather"
        home = Path(made.places.home)
        home.mkdir(mode=0o700)
        (home / "panagents.yaml").write_text(AGENTS.format(port=server.port))
        made.pancode("up", "--detach")
        made.pancode("safety", "full-auto")
        yield made


def test_a_task_is_done_there_and_told_here(attached: Session, server: Server) -> None:
    found = attached.json("run", "--agent", "weather", "--safety", "full-auto", "do it")
    assert (found["status"], found["result"]) == ("done", "All done.")
    assert (found["usage"]["input"], found["usage"]["cache_read"], found["usage"]["turns"]) == (2400, 1600, 2)
    journal = attached.journal(found["run_id"])
    (finished,) = [record for record in journal if record["kind"] == "tool_finished"]
    assert (finished["name"], finished["ok"], finished["result"]) == ("bash", True, "served-output")
    assert server.keys[-1] == "Bearer hush-weather"
    folder = Path(attached.places.runs) / found["run_id"]
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["sandbox"]["grade"]["hook"] == "none"
    assert "hush-weather" not in "".join(path.read_text() for path in folder.glob("*.json*"))
    second = attached.json("say", found["run_id"], "and then?")
    assert second["status"] == "done"
    assert [one["content"] for one in server.asked[-1]["messages"]] == [
        "do it", "I will run a command.All done.", "and then?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "reason", "words"), [("lost", "model-unknown", "answers 404"), ("short", "stream-cut", "ended")]
)
def test_a_bad_end_there_is_named_here(attached: Session, agent: str, reason: str, words: str) -> None:
    found = attached.json("run", "--agent", agent, "--safety", "full-auto", "do it", code=1)
    assert (found["status"], found["reason"]) == ("failed", reason)
    assert words in found["evidence"]["record"]["message"]


def test_what_can_not_be_enclosed_needs_full_auto(attached: Session, server: Server) -> None:
    before = len(server.asked)
    attached.pancode("run", "--agent", "weather", "--safety", "auto-edit", "do it", code=5)
    assert "PanCode can neither ask nor enclose it" in attached.last_error
    attached.pancode("run", "--agent", "homeless", "--safety", "full-auto", "do it", code=10)
    assert "has no endpoint" in attached.last_error
    (mistake,) = attached.json("agents")["mistakes"]
    assert 'mastra-server can\'t honour "readonly"' in mistake["problem"]
    assert len(server.asked) == before
