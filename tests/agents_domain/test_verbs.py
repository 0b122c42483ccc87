"""`pancode agents`, `runtimes` and `config`: no controller, quick, the same JSON each time."""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from pancode.cli.main import run

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World


@pytest.fixture
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("PANCODE_PROJECT", str(world.project))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(world.project)
    world.program("alpha")
    return world


def test_agents_fit_the_screen_and_mistakes_go_to_stderr(
    here: World, capsys: pytest.CaptureFixture[str]
) -> None:
    here.write('agents:\n  mine:\n    readonly: true\n    description: "say\\e[2J"\n  bad:\n    tols: []\n')
    assert run(["agents"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "mine   alpha           read-only  say?[2J" in out
    assert "beta   beta (missing)" in out
    assert (
        err == f'{here.user_file}:6: there is no key "tols" (in agent "bad")\n  try: rename it to "tools"\n'
    )


def test_agents_as_json_and_by_tag(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agents", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"agents", "mistakes"}
    scout = next(agent for agent in found["agents"] if agent["name"] == "scout")
    assert (scout["runs_on"], scout["ready"], scout["readonly"]) == ("alpha", True, True)
    assert run(["agents", "--json", "--tag", "review"]) == 0
    tagged = json.loads(capsys.readouterr().out)
    assert [agent["name"] for agent in tagged["agents"]] == ["plan-reviewer", "reviewer"]
    assert run(["agents", "--tag", "nobody"]) == 4


def test_runtimes_are_asked_and_shown(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runtimes"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["alpha"].split() == ["alpha", "available", "1.2.3", "tested"]
    assert "install: install-beta" in lines["beta"]
    assert run(["runtimes", "--json"]) == 0
    alpha = json.loads(capsys.readouterr().out)["runtimes"][0]
    assert (alpha["id"], alpha["status"], alpha["version"], alpha["tested"]) == (
        "alpha",
        "available",
        "1.2.3",
        True,
    )


def test_config_shows_value_and_source(
    here: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PANCODE_HEARTBEAT_INTERVAL_MS", "2500")
    assert run(["config", "--json"]) == 0
    rows = {row["variable"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["PANCODE_HEARTBEAT_INTERVAL_MS"]["value"] == 2.5
    assert rows["PANCODE_HOME"]["layer"] == "environment"
    assert run(["config"]) == 0
    assert "dispatch.heartbeatInterval  " in capsys.readouterr().out
    monkeypatch.setenv("PANCODE_HEARTBEAT_INTERVAL_MS", "soon")
    assert run(["config"]) == 10
    assert "PANCODE_HEARTBEAT_INTERVAL_MS" in capsys.readouterr().err


def test_a_terminal_gets_a_table_of_its_width(here: World) -> None:
    here.write("agents:\n  mine:\n    tags: [x]\n    description: " + "long " * 40 + "\n")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"} | {
        "TERM": "xterm-256color"
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pancode.cli.main", "agents", "--tag", "x"],
        stdout=theirs,
        stdin=theirs,
        env=environment,
    )
    os.close(theirs)
    raw = b""
    try:
        while piece := os.read(ours, 65536):
            raw += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=120) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", raw.decode()).replace("\r", "").splitlines()
    assert any(line.startswith("mine") and line.rstrip().endswith("…") for line in lines)
    assert all(len(line) <= 70 for line in lines)
