"""A session's places without a session, and programs on terminals that are closed at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from pancode.engine.places import Places
from tests.ui.fakes import FakeController, Pane, status


class Opener(Protocol):
    """Starts a module on a terminal."""

    def __call__(self, *words: str, size: tuple[int, int] = (80, 24)) -> Pane: ...


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Give places below a temporary directory, also to the programs that a test starts."""
    project, home, runtime = (tmp_path / name for name in ("p", "h", "r"))
    for directory in (project, home, runtime):
        directory.mkdir()
    settings = {"PANCODE_HOME": home, "PANCODE_PROJECT": project, "XDG_RUNTIME_DIR": runtime, "HOME": home}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("PANCODE_SESSION", "main")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("INPUTRC", raising=False)
    found = Places(str(project), "main", str(home), str(runtime / "pancode"))
    found.make()
    return found


@pytest.fixture
def controllers(here: Places) -> Iterator[Callable[..., FakeController]]:
    """Give a function that starts a fake controller with a first status."""
    started: list[FakeController] = []

    def start(first: dict[str, object] | None = None) -> FakeController:
        started.append(FakeController(here.socket, status() if first is None else first))
        return started[-1]

    yield start
    for controller in started:
        controller.die()


@pytest.fixture
def opened(here: Places) -> Iterator[Opener]:
    """Give a function that starts `python -m WORDS` on a terminal."""
    panes: list[Pane] = []

    def start(*words: str, size: tuple[int, int] = (80, 24)) -> Pane:
        panes.append(Pane([sys.executable, "-P", "-m", *words], os.environ, here.project, size))
        return panes[-1]

    yield start
    for pane in panes:
        pane.close()
