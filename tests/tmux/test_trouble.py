"""What stands in the way of `up`: one sentence, the remedy, the exit code, and nothing left behind."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import socket
from collections.abc import Callable

import pytest

from pancode.domains.session.ask import controller_pid
from pancode.engine.files import read_json
from pancode.engine.tmux.server import Server, look
from tests.terminal import Terminal, is_running, wait_until
from tests.tmux.conftest import World, below, run, up, verb

pytestmark = pytest.mark.tmux


def test_without_a_terminal_it_stays_detached_and_says_how_to_attach(world: World) -> None:
    done = run(world, "up")
    assert done.returncode == 0
    assert 'session "main" is up' in done.stdout
    assert "pancode attach" in done.stdout
    assert world.project in done.stdout


def test_a_terminal_that_can_do_nothing_counts_as_none(
    world: World, terminal: Callable[..., Terminal]
) -> None:
    # What comes after it keeps the terminal's own "Pane is dead" from scrolling the text away.
    shown = terminal(["sh", "-c", f"TERM=dumb {shlex.join(verb('up'))}; exec cat"])
    shown.wait_for("pancode attach")


def test_a_stale_socket_is_removed_and_mentioned(world: World) -> None:
    places = world.places()
    places.make()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(places.tmux_socket)
    done = run(world, "up", "--detach")
    assert done.returncode == 0
    assert "stale socket" in done.stderr


def test_a_killed_server_can_be_followed_by_a_new_one(world: World) -> None:
    server = up(world)
    first = look(server.path).pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_running(first), "the server is gone")
    done = run(world, "up", "--detach")
    assert done.returncode == 0, done.stderr
    assert "stale socket" in done.stderr
    assert controller_pid(world.places().socket)


def test_a_lost_controller_or_window_comes_back_with_up(world: World) -> None:
    server = up(world)
    for name in ("_ctl", "pan"):
        server.run("kill-session", "-t", f"={name}")
        wait_until(lambda: not server.has_session("_ctl") or not server.has_session("pan"), "it is gone")
        pid = look(server.path).pid
        assert run(world, "up", "--detach").returncode == 0
        assert look(server.path).pid == pid
        assert server.run("list-sessions", "-F", "#{session_name}") == ["_ctl", "pan"]


def test_a_second_controller_is_refused(world: World) -> None:
    places = world.places()
    places.make()
    with open(places.lock, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(world, "up", "--detach")
    assert done.returncode == 11
    assert 'another controller holds session "main"' in done.stderr
    assert "pancode down" in done.stderr
    assert not os.path.exists(places.tmux_socket)


def test_a_file_in_place_of_the_socket_is_named(world: World) -> None:
    places = world.places()
    places.make()
    with open(places.tmux_socket, "w", encoding="utf-8"):
        pass
    done = run(world, "up", "--detach")
    assert done.returncode == 12
    assert f'"{places.tmux_socket}" is in the way' in done.stderr


def test_an_unwritable_runtime_directory_is_named(world: World) -> None:
    with open(os.path.join(world.runtime, "pancode"), "w", encoding="utf-8"):
        pass
    done = run(world, "up", "--detach")
    assert done.returncode == 12
    assert "XDG_RUNTIME_DIR" in done.stderr


def test_a_path_too_long_for_a_socket_is_named(world: World) -> None:
    deep = os.path.join(world.root, "x" * 90)
    os.mkdir(deep, 0o700)
    done = run(world, "up", "--detach", XDG_RUNTIME_DIR=deep)
    assert done.returncode == 12
    assert "too long" in done.stderr
    assert os.listdir(deep) == []


@pytest.mark.parametrize(
    ("script", "words"), [(None, "tmux is missing"), ("echo tmux 3.1c", "3.1c is too old")]
)
def test_the_wrong_tmux_leaves_nothing_behind(world: World, script: str | None, words: str) -> None:
    folder = os.path.join(world.root, "bin")
    os.mkdir(folder)
    if script is not None:
        with open(os.path.join(folder, "tmux"), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(os.path.join(folder, "tmux"), 0o700)
    done = run(world, "up", "--detach", PATH=folder)
    assert done.returncode == 3
    assert words in done.stderr
    assert os.listdir(world.runtime) == []


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--layout", "wal"), 4, 'there is no layout "wal"; did you mean "wall"?'),
        (("--preset", "lokal"), 4, 'there is no preset "lokal"; did you mean "local"?'),
        (("--session", "a/b"), 2, '"a/b" is not a session name'),
    ],
)
def test_a_wrong_word_is_refused_before_anything_starts(
    world: World, words: tuple[str, ...], code: int, text: str
) -> None:
    done = run(world, "up", "--detach", *words)
    assert done.returncode == code
    assert text in done.stderr
    assert os.listdir(world.runtime) == []


def test_another_layout_for_a_session_that_is_up_is_refused(world: World) -> None:
    up(world, "--layout", "solo")
    assert run(world, "up", "--detach", "--layout", "solo").returncode == 0
    done = run(world, "up", "--detach", "--layout", "wall")
    assert done.returncode == 11
    assert 'already up with layout "solo"' in done.stderr


@pytest.mark.parametrize("layout", ["default", "wall", "solo", "review"])
def test_every_shipped_layout_opens_with_the_focus_on_the_console(world: World, layout: str) -> None:
    server = up(world, "--layout", layout)
    form = "#{window_name}:#{@pancode_pane}"
    assert server.run("display-message", "-p", "-t", "=pan:", form) == ["pan:console"]
    names = server.run("list-windows", "-t", "=pan", "-F", "#{window_name}")
    assert names == {"wall": ["pan", "wall"], "solo": ["pan", "fleet"]}.get(layout, ["pan"])


def test_a_controller_that_cannot_start_is_reported_with_its_last_words(world: World) -> None:
    done = run(world, "up", "--detach", PANCODE_BROKEN="1")
    assert done.returncode == 13
    assert "the database is made of cheese" in done.stderr
    assert run(world, "down").returncode == 0
    assert below(world) == []


def test_keys_reach_the_controller_and_no_pane_no_file_no_argument(world: World) -> None:
    server = up(world, OPENAI_API_KEY="sk-very'secret; #(x)\n2")
    assert server.run("show-environment", "-g", "-h", "OPERATOR_OPENAI_API_KEY")
    pids = [int(pid) for pid in server.run("list-panes", "-a", "-F", "#{pane_pid}")]
    for pid in [*pids, look(server.path).pid]:
        for name in ("environ", "cmdline"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert b"very" not in file.read()
    for path in below(world):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert b"very" not in file.read()


def test_a_preset_is_in_files_alone_and_its_level_is_the_sessions(world: World) -> None:
    home = world.environment["PANCODE_HOME"]
    os.makedirs(home)
    with open(os.path.join(home, "panpresets.yaml"), "w", encoding="utf-8") as file:
        file.write("mine:\n  description: x\n  workerModel: tiny\n  safety: suggest\n")
    places = world.places()
    server = up(world, "--preset", "mine")
    for place in ("=_ctl", "=pan"):
        assert not any("tiny" in line for line in server.run("show-environment", "-t", place))
    assert (read_json(places.preset_file) or {})["preset"] == "mine"
    assert (read_json(places.session_file) or {})["safety"] == "suggest"
    done = run(world, "up", "--detach", "--preset", "local")
    assert 'already up with preset "mine"' in done.stderr


def test_a_mistake_in_the_presets_is_named_with_its_line(world: World) -> None:
    home = world.environment["PANCODE_HOME"]
    os.makedirs(home)
    with open(os.path.join(home, "panpresets.yaml"), "w", encoding="utf-8") as file:
        file.write("mine:\n  safty: suggest\n  reasoning: hi\n")
    done = run(world, "up", "--detach", "--preset", "mine")
    assert done.returncode == 10
    assert 'panpresets.yaml:2: there is no key "safty"' in done.stderr
    assert 'rename it to "safety"' in done.stderr
    assert "panpresets.yaml:3" in done.stderr


def test_base_index_one_from_the_users_file_works(world: World, terminal: Callable[..., Terminal]) -> None:
    path = os.path.join(world.home, "mine.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write("set -g base-index 1\nset -g pane-base-index 1\nset -g prefix C-a\n")
    server = up(world, "--layout", "review", PANCODE_TMUX_CONF=path)
    assert server.run("list-windows", "-t", "=pan", "-F", "#{window_index}") == ["1"]
    shown = terminal(verb("attach"))
    shown.wait_for("BUILD")
    shown.keys("C-a", "m")
    shown.wait_for("REVIEW")


def test_a_stopped_server_is_ended_by_down(world: World) -> None:
    server = up(world)
    pid = look(server.path).pid
    os.kill(pid, signal.SIGSTOP)
    done = run(world, "down")
    assert done.returncode == 0, done.stderr
    assert not is_running(pid)
    assert below(world) == []
    assert Server(server.path).has_session("pan") is False
