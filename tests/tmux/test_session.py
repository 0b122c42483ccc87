"""A session's life with real clients: up, keys, menu, attach, a killed controller, down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from pancode.domains.session.ask import controller_pid
from pancode.engine.tmux.server import Server, look
from tests.terminal import Terminal, is_running, wait_until
from tests.tmux.conftest import World, below, run, up, verb

pytestmark = pytest.mark.tmux

OpenTerminal = Callable[..., Terminal]


def test_up_draws_console_fleet_and_status(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("THE-CONSOLE")
    shown.wait_for("THE-FLEET")
    screen = shown.wait_for("BUILD")
    assert "auto-edit" in screen
    assert "console" in screen


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_status_line_fits(world: World, terminal: OpenTerminal, width: int) -> None:
    server = up(world)
    facts = {"cost": "$1.27 of $10", "live": "4", "total": "7", "waiting": "1", "beat": "3s"}
    for name, value in facts.items():
        server.run("set", "-g", f"@pancode_{name}", value)
    screen = terminal(verb("attach"), width=width).wait_for("beat 3s")
    for part in ("BUILD", "auto-edit", "$1.27 of $10", "4/7 live", "1 waiting"):
        assert part in screen


def test_real_keys_change_mode_admin_and_safety(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("BUILD")
    shown.keys("BTab")
    shown.wait_for("REVIEW")
    shown.keys("C-y")
    shown.wait_for("full-auto")
    shown.keys("M-a")
    shown.wait_for("ADMIN")
    shown.keys("M-a")
    shown.wait_for("REVIEW")
    shown.keys("C-b", "m")
    shown.wait_for("PLAN")
    shown.keys("C-b", "y")
    shown.wait_for("suggest")
    shown.keys("C-b", "a")
    shown.wait_for("ADMIN")


def test_fifty_presses_one_after_the_other_are_fifty_steps(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("THE-CONSOLE")
    shown.wait_for("BUILD")
    # Each is seen before the next: keys within a millisecond count as pasted, not as pressed.
    for step in range(25):
        shown.keys("BTab")
        shown.wait_for(("REVIEW", "PLAN", "BUILD")[step % 3])
        shown.keys("C-y")
        shown.wait_for(("full-auto", "suggest", "auto-edit")[step % 3])


def test_pasted_control_characters_switch_nothing(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("THE-CONSOLE")
    shown.paste("pasted\x19\x1b[Ztext")
    shown.wait_for("pasted.*text")
    shown.keys("BTab")
    shown.wait_for("REVIEW")
    assert "auto-edit" in shown.screen()


def test_the_menu_has_the_keys_and_works(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("BUILD")
    shown.keys("C-b", "Space")
    screen = shown.wait_for("Pass keys through here")
    assert "Next mode" in screen
    shown.keys("m")
    shown.wait_for("REVIEW")
    shown.keys("C-b", "Space")
    shown.wait_for("All keys")
    shown.keys("?")
    shown.wait_for("PanCode: next mode")


def test_keys_go_to_a_pane_that_wants_them(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("BUILD")
    shown.keys("C-b", "k")
    shown.wait_for("keys go here")
    shown.keys("BTab")
    shown.wait_for(r"\^\[\[Z")
    shown.keys("C-b", "k")
    shown.wait_gone("keys go here")
    shown.keys("BTab")
    shown.wait_for("REVIEW")


def test_up_again_attaches_to_the_same_server(world: World, terminal: OpenTerminal) -> None:
    server = up(world)
    pid = look(server.path).pid
    terminal(verb("up")).wait_for("THE-FLEET")
    assert look(server.path).pid == pid
    assert "was up already" in run(world, "up", "--detach").stdout


def test_two_ups_at_once_give_one_session_with_two_people(world: World, terminal: OpenTerminal) -> None:
    both = [terminal(verb("up")), terminal(verb("up"))]
    for shown in both:
        shown.wait_for("BUILD")
    server = Server(world.places().tmux_socket)
    form = "#{session_name} #{session_attached}"
    # The controller's two connections are attached to the hidden session.
    wait_until(
        lambda: server.run("list-sessions", "-F", form) == ["_ctl 2", "pan 2"], "two people in one session"
    )


def test_a_killed_controller_is_there_again_within_a_second(world: World) -> None:
    up(world)
    path = world.places().socket
    first = controller_pid(path)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(
        lambda: (pid := controller_pid(path, seconds=0.5)) is not None and pid != first,
        "another controller answers",
        seconds=5,
    )


def test_detaching_leaves_all_running_and_attach_comes_back(world: World, terminal: OpenTerminal) -> None:
    shown = terminal(verb("up"))
    shown.wait_for("BUILD")
    shown.keys("C-b", "d")
    assert shown.wait_exit() == 0
    terminal(verb("attach")).wait_for("THE-CONSOLE")


def test_attach_shows_the_window_of_a_run(world: World, terminal: OpenTerminal) -> None:
    server = up(world)
    server.run(
        *("new-window", "-d", "-t", "=pan:", "-n", "w:k3f", "sh", "-c", "echo I-AM-K3F; exec cat"),
        *(";", "set", "-p", "-t", "=pan:=w:k3f", "@pancode_run_id", "k3f"),
    )
    terminal(verb("attach", "k3")).wait_for("I-AM-K3F")
    missing = run(world, "attach", "zzz")
    assert missing.returncode == 4
    assert missing.stderr == 'pancode: there is no run "zzz"\n  try: pancode runs\n'


def test_down_leaves_no_process_and_no_file(world: World) -> None:
    server = up(world)
    server.run("new-window", "-d", "-t", "=pan:", "-n", "w:k3f", "sh", "-c", "trap '' HUP; exec sleep 1000")
    pids = [int(pid) for pid in server.run("list-panes", "-a", "-F", "#{pane_pid}")]
    pids += [look(server.path).pid, controller_pid(world.places().socket) or 0]
    done = run(world, "down")
    assert done.returncode == 0, done.stderr
    assert "is down" in done.stderr
    assert [pid for pid in pids if is_running(pid)] == []
    assert below(world) == []
    again = run(world, "down")
    assert (again.returncode, "was not up" in again.stderr) == (0, True)


def test_down_ends_a_session_whose_controller_is_gone_for_good(world: World) -> None:
    server = up(world)
    server.run("kill-session", "-t", "=_ctl")
    wait_until(lambda: controller_pid(world.places().socket, seconds=0.2) is None, "no controller answers")
    assert run(world, "down").returncode == 0
    assert below(world) == []


def test_a_second_interrupt_forces(world: World) -> None:
    server = up(world, PANCODE_STUBBORN="1")
    server_pid = look(server.path).pid
    with subprocess.Popen(
        verb("down"), cwd=world.project, env=world.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "waiting for 1 worker to stop" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C again forces" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
    assert not is_running(server_pid)
    assert below(world) == []


def test_down_from_inside_the_session_gives_the_terminal_back(world: World, terminal: OpenTerminal) -> None:
    layout = os.path.join(world.home, ".pancode", "layouts")
    os.makedirs(layout)
    with open(os.path.join(layout, "shell.yaml"), "w", encoding="utf-8") as file:
        file.write("windows:\n  - window_name: pan\n    panes:\n      - \n")
    shown = terminal(verb("up", "--layout", "shell"))
    shown.wait_for("BUILD")
    shown.type(" ".join(verb("down")))
    shown.keys("Enter")
    shown.wait_exit()
    wait_until(lambda: below(world) == [], "nothing is left")


def test_sessions_lists_what_is_up(world: World, terminal: OpenTerminal) -> None:
    assert "no session is up" in run(world, "sessions").stdout
    up(world)
    up(world, "--session", "two", "--layout", "solo")
    terminal(verb("attach", "--session", "two")).wait_for("BUILD")
    rows = json.loads(run(world, "sessions", "--json").stdout)
    facts = [(row["session"], row["state"], row["clients"], row["workers"], row["layout"]) for row in rows]
    assert facts == [("main", "up", 0, 0, "default"), ("two", "up", 1, 0, "solo")]
    assert all(row["project"] == world.project and row["controller"]["pid"] for row in rows)
    assert "two" in run(world, "sessions").stdout
    assert run(world, "down", "--all").returncode == 0
    assert below(world) == []


def test_reset_removes_the_state_of_a_session_that_is_down(world: World) -> None:
    up(world)
    refused = run(world, "reset", "--yes")
    assert (refused.returncode, "is up" in refused.stderr) == (11, True)
    run(world, "down")
    assert run(world, "reset").returncode == 2
    assert os.path.isdir(world.places().state)
    assert run(world, "reset", "--yes").returncode == 0
    assert not os.path.exists(world.places().state)
    assert below(world) == []
