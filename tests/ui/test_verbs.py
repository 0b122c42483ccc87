"""`pancode status` and `pancode watch` against a controller that a test plays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from pancode.cli.status import status as status_verb
from pancode.core.errors import ExitCode, PanError
from pancode.engine.places import Places
from tests.ui.conftest import Opener
from tests.ui.fakes import FakeController, fresh, session_facts, status

Start = Callable[..., FakeController]
WATCH = [sys.executable, "-P", "-m", "pancode.cli.main", "watch"]


@pytest.mark.usefixtures("here")
def test_status_is_a_line_of_facts_and_a_table(controllers: Start) -> None:
    totals = {"live": 1, "waiting": 0, "done": 0, "failed": 1}
    rows = fresh("k3f", doing="shell pytest [red]-q[/red]\x1b[2J"), fresh("m5e", "failed", reason="auth")
    controllers(status(*rows, totals=totals))
    shown = (
        CliRunner().invoke(status_verb, env={"COLUMNS": "120"}, catch_exceptions=False).output.splitlines()
    )
    assert shown[0] == "BUILD · auto-edit · $0.41 + 2 unknown · 1 not done · 1 live · oldest beat 3s"
    assert shown[1].split()[:3] == ["state", "id", "agent"]
    assert [line.split()[:3] for line in shown[2:4]] == [["✗", "failed", "m5e"], ["●", "working", "k3f"]]
    assert "shell pytest [red]-q[/red]" in shown[3]
    assert "\x1b" not in "".join(shown)


@pytest.mark.usefixtures("here")
def test_status_as_json_is_what_the_controller_said(controllers: Start) -> None:
    controller = controllers(status(fresh("k3f"), tmux={"version": "3.3a"}))
    shown = CliRunner().invoke(status_verb, ["--json"], catch_exceptions=False).output
    assert json.loads(shown) == controller.first


@pytest.mark.usefixtures("here")
def test_status_without_workers_says_how_to_get_one(controllers: Start) -> None:
    controllers()
    assert "pancode run TASK" in CliRunner().invoke(status_verb, catch_exceptions=False).output


@pytest.mark.usefixtures("here")
def test_status_of_a_session_that_is_not_up_says_so() -> None:
    with pytest.raises(PanError, match="is not up") as error:
        CliRunner().invoke(status_verb, catch_exceptions=False)
    assert error.value.code is ExitCode.UNREACHABLE


def test_watch_is_the_fleet_until_q(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f")))
    pane = opened("pancode.cli.main", "watch")
    pane.shows("k3f codex")
    pane.press("j\r")
    pane.shows("pancode attach k3f")
    assert not any(verb == "show" for verb, _ in controller.asked)
    pane.press("q")
    pane.until(lambda: pane.process.poll() is not None)
    assert pane.process.returncode == 0
    pane.says("\x1b[?1049l")


def test_watch_ends_with_ctrl_c(controllers: Start, opened: Opener) -> None:
    controllers(status(fresh("k3f")))
    pane = opened("pancode.cli.main", "watch")
    pane.shows("k3f codex")
    pane.press("\x03")
    pane.until(lambda: pane.process.poll() is not None)
    assert "Traceback" not in pane.output


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.split(maxsplit=1)[1].rstrip()


def test_watch_into_a_pipe_prints_a_line_for_each_change(here: Places, controllers: Start) -> None:
    controller = controllers(status(fresh("k3f", doing="read x")))
    with subprocess.Popen(
        WATCH, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=here.project
    ) as process:
        lines = lines_of(process)
        assert next(lines) == "k3f codex working  read x"
        controller.push("worker", fresh("k3f", doing="read x", turns=3))
        controller.push("session", session_facts(mode="plan"))
        controller.push("worker", fresh("k3f", doing="shell make"))
        assert next(lines) == "k3f codex working  shell make"
        controller.push("worker", fresh("k3f", "done"))
        assert next(lines) == "k3f codex done  make the tests pass  –"
        controller.die()
        assert next(lines) == "controller gone"
        os.unlink(here.socket)
        assert next(lines) == "session is down"
        assert process.wait(10) == 0


def test_watch_into_a_pipe_goes_on_with_the_next_controller(here: Places, controllers: Start) -> None:
    controller = controllers(status(fresh("k3f", doing="read x")))
    with subprocess.Popen(
        WATCH, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=here.project
    ) as process:
        lines = lines_of(process)
        next(lines)
        controller.die()
        assert next(lines) == "controller gone"
        controllers(status(fresh("k3f", doing="read y")))
        assert next(lines) == "k3f codex working  read y"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == ExitCode.INTERRUPTED
