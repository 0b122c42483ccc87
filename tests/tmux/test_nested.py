"""`pancode up` inside a tmux: the user's own, and PanCode's."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pancode.engine.tmux.server import Server
from tests.terminal import Terminal, wait_until
from tests.tmux.conftest import World, verb

pytestmark = pytest.mark.tmux

OpenTerminal = Callable[..., Terminal]


def outer_tmux(world: World, terminal: OpenTerminal) -> tuple[Terminal, Server]:
    """Open a terminal in which the user works in their own tmux, in its second window."""
    server = Server(os.path.join(world.root, "t.sock"))
    script = (
        f"tmux -S {server.path} -f /dev/null new-session -s own -n first sh \\;"
        " new-window -n second 'PS1=user-prompt: sh'"
    )
    shown = terminal(["sh", "-c", script])
    shown.wait_for("user-prompt:")
    return shown, server


def test_the_client_is_handed_over_and_comes_back_where_it_was(world: World, terminal: OpenTerminal) -> None:
    shown, outer = outer_tmux(world, terminal)
    shown.type(" ".join(verb("up")))
    shown.keys("Enter")
    shown.wait_for("BUILD")
    assert outer.run("list-clients") == []
    shown.keys("BTab")
    shown.wait_for("REVIEW")
    shown.keys("C-b", "d")
    screen = shown.wait_for("user-prompt:")
    assert "second*" in screen
    assert len(outer.run("list-clients")) == 1


def test_down_brings_the_client_back_too(world: World, terminal: OpenTerminal) -> None:
    shown, outer = outer_tmux(world, terminal)
    shown.type(" ".join(verb("up")))
    shown.keys("Enter")
    shown.wait_for("BUILD")
    Server(world.places().tmux_socket).run("kill-session", "-t", "=pan")
    shown.wait_for("user-prompt:")
    assert len(outer.run("list-clients")) == 1


def test_inside_the_session_it_says_that_one_is_there(world: World, terminal: OpenTerminal) -> None:
    layout = os.path.join(world.home, ".pancode", "layouts")
    os.makedirs(layout)
    with open(os.path.join(layout, "default.yaml"), "w", encoding="utf-8") as file:
        file.write("windows:\n  - window_name: pan\n    panes:\n      - \n")
    shown = terminal(verb("up"))
    shown.wait_for("BUILD")
    shown.type(" ".join(verb("up")))
    shown.keys("Enter")
    shown.wait_for("is in the session already")
    server = Server(world.places().tmux_socket)
    wait_until(
        lambda: server.run("list-clients", "-t", "=pan", "-F", "#{session_name}") == ["pan"],
        "one client stays attached",
    )
