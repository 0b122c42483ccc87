"""Fixtures for tests with a real tmux: short private directories, servers that always end, terminals."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from pancode.engine.places import Places, find
from pancode.engine.tmux.conf import configuration, terminal_name
from pancode.engine.tmux.server import Server, look
from pancode.engine.tmux.version import require_tmux
from tests.terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True, slots=True)
class World:
    """A user's surroundings of their own: home, runtime directory, project and environment."""

    root: str
    home: str
    runtime: str
    project: str
    environment: Mapping[str, str]

    def places(self, session: str = "main") -> Places:
        return find(session, self.project)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    root = tempfile.mkdtemp(prefix="pt-", dir="/tmp")
    folders = {name: os.path.join(root, name) for name in ("h", "r", "p")}
    for folder in folders.values():
        os.mkdir(folder, 0o700)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folders["h"],
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "XDG_RUNTIME_DIR": folders["r"],
        "PANCODE_HOME": os.path.join(folders["h"], ".pancode"),
    }
    for name in [*os.environ]:
        if name.startswith(("PANCODE_", "TMUX")) or name.endswith(("_API_KEY", "_TOKEN")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folders["p"])
    try:
        yield World(root, folders["h"], folders["r"], folders["p"], environment)
    finally:
        for folder, _, names in os.walk(root):
            if "t.sock" in names:
                end_server(os.path.join(folder, "t.sock"))
        shutil.rmtree(root, ignore_errors=True)


def end_server(path: str) -> None:
    """End the server at `path`, whatever state it is in, and unlink its socket; never raises."""
    with contextlib.suppress(Exception):
        Server(path).kill(look(path).pid)
    with contextlib.suppress(OSError):
        os.unlink(path)


@pytest.fixture
def server(world: World) -> Server:
    """A server with PanCode's own configuration, the two sessions, and `cat` in their panes."""
    conf = os.path.join(world.root, "tmux.conf")
    text = configuration(require_tmux(), prefix=None, source=None, terminal=terminal_name(os.environ))
    with open(conf, "w", encoding="utf-8") as file:
        file.write(text)
    path = os.path.join(world.root, "t.sock")
    started = Server(path)
    sessions = [["new-session", "-d", "-s", name, "-n", name.strip("_"), "cat"] for name in ("_ctl", "pan")]
    started.start(conf, sessions, world.environment, "")
    return started


@pytest.fixture
def terminal(world: World) -> Iterator[Callable[..., Terminal]]:
    """Open terminals: `terminal(argv, width=…, height=…)`."""
    opened: list[Terminal] = []

    def open_terminal(
        argv: list[str], width: int = 120, height: int = 36, env: Mapping[str, str] | None = None
    ) -> Terminal:
        made = Terminal(os.path.join(world.root, f"term{len(opened)}"), width, height)
        opened.append(made)
        made.start(argv, world.environment if env is None else env, world.project)
        return made

    yield open_terminal
    for made in opened:
        made.close()


def verb(*words: str) -> list[str]:
    """Give the command line of a verb whose panes run small stand-ins."""
    return [sys.executable, "-P", os.path.join(HERE, "verbs.py"), *words]


def run(world: World, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a verb without a terminal."""
    return subprocess.run(
        verb(*words),
        cwd=world.project,
        env={**world.environment, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def up(world: World, *words: str, **more: str) -> Server:
    """Start a session detached and give its server."""
    done = run(world, "up", "--detach", *words, **more)
    assert done.returncode == 0, done.stderr
    return Server(world.places().tmux_socket)


def below(world: World) -> list[str]:
    """List the files in the runtime directory: none once everything is down."""
    found = []
    for folder, _, names in os.walk(os.path.join(world.runtime, "pancode")):
        found += [os.path.join(folder, name) for name in names]
    return found
