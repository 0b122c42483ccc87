"""The status pane's process on a real terminal, against a controller that a test plays."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pancode.engine.places import Places
from tests.ui.conftest import Opener
from tests.ui.fakes import FakeController, Pane, fresh, session_facts, status

FLEET = "pancode.domains.ui.fleet"
Start = Callable[..., FakeController]


def quiet(pane: Pane) -> None:
    """Read until the process has written nothing for longer than its clock ticks."""
    seen = -1
    while len(pane.output) != seen:
        seen = len(pane.output)
        pane.read(1.3)


def test_rows_appear_change_and_go(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f", doing="read README.md")))
    pane = opened(FLEET)
    pane.shows("k3f codex read README.md")
    assert pane.output.startswith("\x1b[?25l\x1b[2J\x1b[H waiting for the controller")
    controller.push("worker", fresh("k3f", doing="shell pytest -q"))
    pane.shows("k3f codex shell pytest -q")
    controller.push("worker", fresh("9ad", "queued"))
    pane.shows("○ queued    9ad")
    controller.push("session", session_facts(mode="plan", totals={"live": 2, "waiting": 0}))
    pane.shows(" PLAN · auto-edit")
    controller.push("gone", "k3f")
    pane.until(lambda: "k3f" not in pane.screen.text)


def test_a_killed_controller_is_said_to_be_gone_and_found_again(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f")))
    pane = opened(FLEET)
    pane.shows("k3f codex")
    controller.die()
    pane.shows("controller gone since 1s")
    assert "k3f codex" in pane.screen.text
    controllers(status(fresh("k3f", "done", ended=time.time()), fresh("9ad")))
    pane.shows("9ad codex")
    pane.until(lambda: "controller gone" not in pane.screen.text)
    assert "✓ done      k3f" in pane.screen.text


def test_it_waits_for_a_controller_that_comes_late(controllers: Start, opened: Opener) -> None:
    pane = opened(FLEET)
    pane.shows("waiting for the controller since 1s")
    controllers(status(fresh("k3f")))
    pane.shows("k3f codex")


def test_keys_choose_show_and_stop(controllers: Start, opened: Opener) -> None:
    rows = [fresh(f"r{n}", started=time.time() - 9 + n) for n in range(3)]
    controller = controllers(status(*rows))
    controller.answers["stop"] = {"ok": False, "error": {"problem": 'there is no run "r2"', "code": 4}}
    pane = opened(FLEET)
    pane.shows("r0 codex")
    pane.press("jj\x1b[B")
    pane.shows("›● working   r2")
    pane.press("\r")
    pane.until(lambda: ("show", {"run": "r2"}) in controller.asked)
    pane.press("s")
    pane.shows(" stop r2? y/n")
    pane.press("y")
    pane.until(lambda: ("stop", {"run": "r2"}) in controller.asked)
    pane.shows('there is no run "r2"')
    pane.press("?")
    pane.shows("Enter       go to that worker's window")
    pane.press("?")
    pane.until(lambda: "Enter" not in pane.screen.text)


def test_nothing_is_drawn_while_nobody_is_attached(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f"), attached=True))
    pane = opened(FLEET)
    pane.shows("k3f codex")
    controller.push("session", session_facts(attached=False))
    quiet(pane)
    controller.push("worker", fresh("k3f", doing="shell make"))
    quiet(pane)
    assert "shell make" not in pane.output
    controller.push("session", session_facts(attached=True))
    pane.shows("shell make")


def test_another_size_is_another_frame(controllers: Start, opened: Opener) -> None:
    controllers(status(fresh("k3f")))
    pane = opened(FLEET)
    pane.shows("k3f codex")
    assert "mode" not in pane.screen.text
    pane.resize(120, 10)
    pane.shows("mode   doing")
    assert pane.screen.text.splitlines()[-1].startswith(" BUILD")


def test_keys_that_end_other_programs_leave_it_alone(controllers: Start, opened: Opener) -> None:
    controllers(status(fresh("k3f")))
    pane = opened(FLEET)
    pane.shows("k3f codex")
    pane.press("\x03\x1a\x1cqj")
    pane.shows("›● working   k3f")
    assert pane.process.poll() is None


def test_a_controller_that_talks_nonsense_causes_no_traceback(here: Places, opened: Opener) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(here.socket)
    listener.listen()
    with listener:
        pane = opened(FLEET)
        for nonsense in (
            b"\xff\xfe\n[]\n",
            b'{"id":1,"event":{"topic":"status","status":{"workers":[7,{}]}}}\n',
        ):
            end, _ = listener.accept()
            end.recv(4096)  # What is left unread when a socket closes cuts off what was sent.
            end.sendall(nonsense)
            end.close()
        pane.shows("no workers yet")
    pane.shows("controller gone")
    assert "Traceback" not in pane.output
    assert not Path(here.state, "fleet.log").exists()


def test_a_bad_session_name_is_a_sentence(
    opened: Opener, here: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANCODE_SESSION", "a/b")
    pane = opened(FLEET)
    pane.shows('"a/b" is not a session name')
    os.kill(pane.process.pid, signal.SIGTERM)


def test_the_first_frame_needs_no_slow_import() -> None:
    import subprocess
    import sys

    code = "import sys, pancode.domains.ui.fleet; print(' '.join(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"blessed", "json", "dataclasses", "socket", "click", "re"} & set(out) - set(_before())


def _before() -> list[str]:
    import subprocess
    import sys

    code = "import sys; print(' '.join(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
