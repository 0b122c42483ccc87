"""The session as a person sees it: a real terminal, real keys, the screen read back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.session.conftest import Session
from tests.terminal import Terminal, is_running, wait_until

pytestmark = pytest.mark.tmux

Open = Callable[..., Terminal]
SECOND_PRESS = 0.4
"""Seconds after which, at the soonest, a second Ctrl+Y is no bounce."""


@pytest.fixture
def on_screen(session: Session) -> Iterator[Open]:
    """Give a function that opens a terminal with `pancode WORDS` on it."""
    opened: list[Terminal] = []

    def show(*words: str) -> Terminal:
        opened.append(session.terminal(*words))
        return opened[-1]

    yield show
    for terminal in opened:
        terminal.close()


def test_keys_change_mode_and_level_and_the_status_line_says_so(session: Session, on_screen: Open) -> None:
    screen = on_screen("up")
    screen.wait_for(r"plan . +BUILD +. review +auto-edit")
    screen.keys("BTab")
    screen.wait_for(r"REVIEW")
    screen.keys("BTab")
    screen.wait_for(r"PLAN")
    assert session.status()["mode"] == "plan"
    screen.keys("M-a")
    screen.wait_for(r"ADMIN")
    screen.keys("M-a")
    screen.wait_for(r"PLAN")
    screen.keys("C-y")
    screen.wait_for(r"full-auto\? Ctrl\+Y again")
    assert session.status()["safety"] == "auto-edit"
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > SECOND_PRESS, "the second press counts")
    screen.keys("C-y")
    screen.wait_for(r" full-auto  ")
    screen.keys("C-y")
    screen.wait_for(r"suggest")
    assert session.status()["safety"] == "suggest"
    screen.keys("C-b", "m")
    screen.wait_for(r"BUILD")
    screen.keys("C-b", "y")
    screen.wait_for(r"auto-edit")
    screen.keys("C-b", "Space")
    screen.wait_for(r"Next mode")
    screen.keys("m")
    screen.wait_for(r"REVIEW")


def test_full_auto_that_is_not_confirmed_is_dropped(session: Session, on_screen: Open) -> None:
    screen = on_screen("up")
    screen.wait_for(r"auto-edit")
    screen.keys("C-y")
    screen.wait_for(r"Ctrl\+Y again")
    screen.wait_gone(r"Ctrl\+Y again")
    assert session.status()["safety"] == "auto-edit"


def test_a_verb_and_a_key_are_the_same_switch(session: Session, on_screen: Open) -> None:
    screen = on_screen("up")
    screen.wait_for("BUILD")
    session.pancode("mode", "review")
    screen.wait_for("REVIEW")
    screen.keys("BTab")
    screen.wait_for("PLAN")
    assert session.pancode("mode").strip() == "plan"


def test_a_run_from_the_command_line_is_seen_in_the_fleet(session: Session, on_screen: Open) -> None:
    screen = on_screen("up")
    screen.wait_for("no workers yet")
    screen.wait_for("> ")
    screen.type("run --agent shell 'echo through; sleep 600'")
    screen.keys("Enter")
    screen.wait_for(r"working +\w+ shell")
    screen.wait_for(r"1/1 live")
    run = session.status()["workers"][0]["run_id"]
    screen.type(f"stop {run}")
    screen.keys("Enter")
    screen.wait_for(rf"{run} shell cancelled")
    screen.wait_for(r"0/1 live")


def test_attach_shows_the_worker_live_and_detach_leaves_it_alone(session: Session, on_screen: Open) -> None:
    run = session.detached(
        "--agent", "shell", "echo look at this; read answer; echo heard $answer; sleep 600"
    )
    pid = session.until_working(run)["pid"]
    screen = on_screen("attach", run)
    screen.wait_for("look at this")
    shown = screen.wait_for(rf"{run} shell working")
    assert re.search(rf"w:{run}|{run}●", shown)
    screen.type("loud and clear")
    screen.keys("Enter")
    screen.wait_for("heard loud and clear")
    screen.keys("C-b", "d")
    screen.wait_exit()
    assert is_running(pid)
    assert session.row(run)["state"] == "working"


def test_ctrl_c_in_a_workers_pane_ends_its_command(session: Session, on_screen: Open) -> None:
    run = session.detached("--agent", "shell", "echo ready; sleep 600")
    session.until_working(run)
    screen = on_screen("attach", run)
    screen.wait_for("ready")
    screen.keys("C-c")
    wait_until(lambda: session.row(run)["state"] == "cancelled", "the run is cancelled")
    screen.wait_for("cancelled")
    assert session.row(run)["reason"] == "stopped"


def test_keys_can_be_passed_through_to_the_program_in_a_pane(session: Session, on_screen: Open) -> None:
    task = (
        "stty raw -echo; printf 'ready\\r\\n'; dd bs=1 count=3 2>/dev/null | od -An -c; stty sane; sleep 600"
    )
    run = session.detached("--agent", "shell", task)
    session.until_working(run)
    screen = on_screen("attach", run)
    screen.wait_for("ready")
    screen.keys("C-b", "k")
    screen.wait_for("keys go here")
    screen.keys("BTab")
    screen.wait_for(r"033 +\[ +Z")
    assert session.status()["mode"] == "build"
    screen.keys("C-b", "k")
    screen.wait_gone("keys go here")
    screen.keys("BTab")
    screen.wait_for("REVIEW")


def test_a_hostile_task_is_text_and_nothing_else(session: Session, on_screen: Open) -> None:
    task = f"echo '#(touch {session.base}/never) #[bg=red]'; sleep 600"
    screen = on_screen("up")
    screen.wait_for("no workers yet")
    run = session.detached("--agent", "shell", task)
    session.until_working(run)
    screen.wait_for(rf"{run} shell")
    assert session.row(run)["task"] == task
    assert not (session.base / "never").exists()


@pytest.mark.parametrize("layout", ["default", "wall", "solo", "review"])
def test_every_layout_shows_a_worker(no_session: Session, layout: str) -> None:
    terminal = no_session.terminal("up", "--layout", layout)
    try:
        terminal.wait_for("BUILD")
        run = no_session.detached("--agent", "shell", "echo seen in the pane; sleep 600")
        no_session.until_working(run)
        terminal.wait_for(rf"{run}")
        no_session.pancode("down")
        terminal.wait_exit()
    finally:
        terminal.close()
