"""A session with a turn in it that no model drives: the tests make its calls over the socket."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.cli.client import request
from tests.session.conftest import Session, a_session

AGENTS = """\
agents:
  panos:
    command: [sh, -c, "exec sleep 600", "{task}"]
  pan-scout:
    command: [sh, -c, "echo \\"FOUND $1\\"", sh, "{task}"]
    tags: [recon]
  echoer:
    command: [sh, -c, "echo \\"did: $1\\"", sh, "{task}"]
  sleeper:
    command: [sh, -c, "exec sleep 600", "{task}"]
"""


class Turn:
    """A live turn, and calls in its name."""

    def __init__(self, session: Session, run: str) -> None:
        self.session = session
        self.run = run
        self._calls = 0

    def tools(self) -> list[str]:
        """Give the names of the tools that it is offered now."""
        found = request("panos_tools", {"run": self.run}, places=self.session.places)
        return [tool["name"] for tool in found["tools"]]

    def call(self, tool: str, *, call: str | None = None, **args: Any) -> dict[str, Any]:
        """Make one call and give its answer."""
        self._calls += 1
        asked = {"run": self.run, "call": call or f"c{self._calls}", "tool": tool, "args": args}
        return request("panos_call", asked, places=self.session.places)

    def begin(self, tool: str, **args: Any) -> socket.socket:
        """Make one call whose answer comes later."""
        self._calls += 1
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(60)
        link.connect(self.session.places.socket)
        asked = {"run": self.run, "call": f"c{self._calls}", "tool": tool, "args": args}
        link.sendall(json.dumps({"id": 1, "verb": "panos_call", "args": asked}).encode() + b"\n")
        return link

    @staticmethod
    def answer(link: socket.socket) -> dict[str, Any]:
        """Read the answer of a call that was begun."""
        with link, link.makefile("rb") as lines:
            told: dict[str, Any] = json.loads(lines.readline())
        return dict(told["result"])


@pytest.fixture
def turn() -> Iterator[Turn]:
    with a_session() as made:
        home = Path(made.places.home)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "panagents.yaml").write_text(AGENTS)
        off = ", ".join(f"{name}: {{enabled: false}}" for name in ("ollama", "lmstudio", "llamacpp"))
        (home / "panproviders.yaml").write_text(f"providers: {{{off}}}\n")
        made.pancode("up", "--detach")
        run = made.detached("--agent", "panos", "talk")
        made.until_working(run)
        yield Turn(made, run)


def audit(session: Session) -> list[dict[str, Any]]:
    """Give the audit log."""
    path = Path(os.path.join(session.places.home, "audit.jsonl"))
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
