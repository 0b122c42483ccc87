"""A tool server under test: a real process at the other end of a socket pair."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pancode.worker.tools.catalogue import command

SECONDS = 60.0
"""Nothing waits that long when all is well."""


class Tools:
    """Talks to one server, whose work directory is `tree`."""

    def __init__(self, tree: Path, words: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self.tree = tree
        self.line, theirs = socket.socketpair()
        self.line.settimeout(SECONDS)
        self.number = 0
        self.more: dict[object, str] = {}
        self._rest = b""
        self._early: list[dict[str, Any]] = []
        environment = {"PATH": os.environ["PATH"], "HOME": str(tree), "TMPDIR": str(tree.parent)}
        self.process = subprocess.Popen(
            list(words or command(sys.executable)),
            stdin=theirs.fileno(),
            cwd=tree,
            env={**environment, **(env or {})},
        )
        theirs.close()

    def send(self, line: bytes) -> None:
        self.line.sendall(line + b"\n")

    def begin(self, tool: object, args: object) -> int:
        self.number += 1
        self.send(json.dumps({"id": self.number, "tool": tool, "args": args}).encode())
        return self.number

    def hear(self) -> dict[str, Any]:
        """Give the next record of the server, whatever it is."""
        while b"\n" not in self._rest:
            data = self.line.recv(1 << 20)
            assert data, f"the server has gone: {self.process.poll()}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def answer(self, number: int | None) -> dict[str, Any]:
        """Give the answer to a call; what else comes meanwhile is kept."""
        for early in self._early:
            if early["id"] == number:
                self._early.remove(early)
                return early
        while True:
            record = self.hear()
            if "more" in record:
                self.more[record["id"]] = self.more.get(record["id"], "") + record["more"]
            elif record["id"] == number:
                return record
            else:
                self._early.append(record)

    def wait_more(self, number: int, text: str) -> None:
        while text not in self.more.get(number, ""):
            record = self.hear()
            assert "more" in record, record
            self.more[record["id"]] = self.more.get(record["id"], "") + record["more"]

    def call(self, tool: str, **args: Any) -> dict[str, Any]:
        return self.answer(self.begin(tool, args))

    def done(self, tool: str, **args: Any) -> str:
        """Give the text of a call that must succeed."""
        answer = self.call(tool, **args)
        assert answer["ok"], answer
        return str(answer["text"])

    def refused(self, tool: str, **args: Any) -> str:
        """Give the text of a call that must not succeed."""
        answer = self.call(tool, **args)
        assert not answer["ok"], answer
        return str(answer["text"])

    def close(self) -> int:
        """Hang up; give the server's exit status."""
        self.line.close()
        return int(self.process.wait(SECONDS))


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    tree = tmp_path / "tree"
    tree.mkdir()
    server = Tools(tree)
    yield server
    server.line.close()
    if server.process.poll() is None:
        server.process.wait(SECONDS)
