"""One session for the native agents' tests, and a model that the tests play."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.native.model import Model, serving
from tests.session.conftest import Session, a_session
from tests.terminal import is_running, wait_until

AGENTS = """
agents:
  brief:
    runtime: pi
    max_turns: 2
  looker:
    runtime: native
    tools: [read, ls]
  anybody:
    description: runs on whatever there is
"""


@dataclass
class Bed:
    """A session that is up, whose runs talk to `model`."""

    session: Session
    model: Model

    def start(self, task: str, *words: str, agent: str = "native") -> str:
        return self.session.detached(task, "--agent", agent, *words)

    def result(self, run: str) -> dict[str, Any]:
        """Wait for the end of a run; give its result."""
        path = Path(self.session.places.runs) / run / "result.json"
        wait_until(path.exists, f"the end of {run}; {self.session.journal(run)[-3:]}")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def events(self, run: str, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.session.journal(run) if each["kind"] == kind]

    def until(self, run: str, kind: str, number: int = 1) -> dict[str, Any]:
        wait_until(lambda: len(self.events(run, kind)) >= number, f"{number} {kind} of {run}")
        return self.events(run, kind)[-1]

    def path(self, name: str) -> Path:
        return Path(self.session.places.project) / name

    def host(self) -> int:
        """Give the pid of the native host."""
        return next(pid for pid in processes(self.session.places.native_socket) if _name(pid) != "sh")

    def loops(self) -> list[int]:
        """Give the pids of the loops."""
        return loops_of(self.host())


def loops_of(host: int) -> list[int]:
    """Give the pids of a host's loops that have a run; others stand by."""
    return [pid for pid in _children(host) if is_running(pid) and _name(pid).startswith("loop ")]


def processes(mark: str) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"pancode.native" in words and os.fsencode(mark) in words and _parent_is_sh(int(name)):
                found.append(int(name))
    return found


def _parent_is_sh(pid: int) -> bool:
    return _name(_stat(pid)) == "sh"


def _stat(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """Give a session that is up, where no agent CLI is installed."""
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    with serving() as model, a_session() as session:
        session.environment["PANCODE_ENDPOINT"] = model.url
        session.environment["PANCODE_ENDPOINT_KEY_ENV"] = "MODEL_KEY"
        session.environment["MODEL_KEY"] = "sk-test-of-the-model-0123456789"
        session.environment["PANCODE_WORKER_MODEL"] = "m"
        Path(session.places.home).mkdir(parents=True)
        (Path(session.places.home) / "panagents.yaml").write_text(AGENTS)
        session.pancode("up", "--detach")
        yield Bed(session, model)
