"""A real session for tests: private home, private sockets, the real controller, tmux and shims."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pancode.cli.client import request
from pancode.core.errors import PanError
from pancode.engine.places import Places, project_root
from tests.terminal import Terminal, is_running, wait_until

SECONDS = 280
"""How long a verb may take: OpenCode asks an overloaded model for 75 s before it gives up."""


@dataclass
class Session:
    """One session, and the verbs on it, run as a person runs them."""

    base: Path
    places: Places
    environment: dict[str, str]

    def start_process(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start a verb and give its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "pancode", *words],
            env=self.environment,
            cwd=self.places.project,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def pancode(self, *words: str, code: int | None = 0) -> str:
        """Run a verb and give its standard output; its exit status must be `code`, None for any."""
        process = self.start_process(*words)
        out, err = process.communicate(timeout=SECONDS)
        assert code is None or process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err, err
        self.last_error = err
        return out

    def json(self, *words: str, code: int | None = 0) -> Any:
        """Run a verb with --json and parse what it prints."""
        return json.loads(self.pancode(*words, "--json", code=code))

    def status(self) -> dict[str, Any]:
        """Give what `status --json` prints; no process for each look while the controller is there."""
        try:
            return request("status", places=self.places)
        except PanError:  # Just killed, say: a verb takes its time, and finds the next one.
            found: dict[str, Any] = self.json("status")
            return found

    def row(self, run: str) -> dict[str, Any]:
        """Give one worker's row."""
        return next(row for row in self.status()["workers"] if row["run_id"] == run)

    def detached(self, *words: str) -> str:
        """Start a run and give its id."""
        return str(self.json("run", "--detach", *words)["run_id"])

    def until_working(self, run: str) -> dict[str, Any]:
        """Wait until the run's agent has been exec'ed; give its row."""
        wait_until(lambda: self.row(run)["state"] == "working", f"{run} works")
        return self.row(run)

    def journal(self, run: str) -> list[dict[str, Any]]:
        """Give the run's journal, as it stands on the disk."""
        path = Path(self.places.runs) / run / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def terminal(self, *words: str) -> Terminal:
        """Open a person's terminal with `pancode WORDS` on it."""
        terminal = Terminal(str(self.base / "term.sock"))
        argv = [sys.executable, "-m", "pancode", *words]
        terminal.start(argv, self.environment, self.places.project)
        return terminal


def left_over(session: Session) -> list[int]:
    """Give every process that belongs to this session: its paths are in the command line or environment."""
    mark = os.fsencode(str(session.base))
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{name}/environ").read_bytes() + Path(f"/proc/{name}/cmdline").read_bytes()
            if mark in told and is_running(int(name)):
                found.append(int(name))
    return found


def make_session(base: Path) -> Session:
    """Furnish a session under `base`, not started yet."""
    for name in ("r", "h", "p"):
        (base / name).mkdir(mode=0o700)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(base / "h"),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "SHELL": "/bin/sh",
        "PANCODE_HOME": str(base / "h" / ".pancode"),
        "XDG_RUNTIME_DIR": str(base / "r"),
    }
    project = project_root(str(base / "p"))
    places = Places(project, "main", environment["PANCODE_HOME"], str(base / "r" / "pancode"))
    return Session(base, places, environment)


@contextlib.contextmanager
def a_session(where: str = "/tmp") -> Iterator[Session]:
    """Make a session's place, and take down all that runs there at the end."""
    base = Path(tempfile.mkdtemp(prefix="pcs", dir=where))
    session = make_session(base)
    try:
        yield session
    finally:
        with contextlib.suppress(Exception):
            session.pancode("down", code=None)
        for pid in left_over(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(base, ignore_errors=True)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Session]:
    """Give a place for a session whose home is a disk of its own; skip where none can be made."""
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a small tmpfs")
    with a_session() as made:
        home = made.places.home
        os.makedirs(home)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", home]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("can't mount a small tmpfs")
        try:
            yield made
            made.pancode("down", code=None)
        finally:
            subprocess.run(["umount", "-l", home], check=True)


KEPT = ("cache/prices.json", "model-cache.yaml")
"""What a home keeps of prices and providers, so that a session needn't ask for them again on the same day."""
_kept: dict[str, bytes] = {}


@contextlib.contextmanager
def _up() -> Iterator[Session]:
    """Give a session that is up: the first in a new home, later ones with what an earlier one has kept."""
    with a_session() as made:
        home = Path(made.places.home)
        if _kept:
            (home / "cache").mkdir(mode=0o700, parents=True)
            home.chmod(0o700)
        for name, data in _kept.items():
            (home / name).write_bytes(data)
        made.pancode("up", "--detach")
        yield made
        for name in KEPT:
            with contextlib.suppress(OSError):
                _kept[name] = (home / name).read_bytes()


@pytest.fixture
def session() -> Iterator[Session]:
    """Give a session that is up."""
    with _up() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Session]:
    """Give a session that is up, for those tests of a module that don't disturb each other."""
    with _up() as made:
        yield made


@pytest.fixture
def no_session() -> Iterator[Session]:
    """Give a place for a session, where none is up."""
    with a_session() as made:
        yield made
