"""Takes the operator's terminal into a session: plainly, or from inside their own tmux or PanCode's."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import NoReturn

from pancode.domains.session.chain import PAN
from pancode.domains.session.naming import typed
from pancode.engine.places import Places
from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.server import Server
from pancode.engine.tmux.version import tmux_binary


def enter(places: Places, environment: Mapping[str, str], window: str | None = None) -> str | None:
    """Show the session (and `window`, a tmux id such as "@3") on this terminal.

    Attaching replaces this process. Inside a tmux the client is moved instead: then a sentence comes
    back for the operator, or None where nothing needs saying.
    """
    server = Server(places.tmux_socket, tmux_binary())
    if window is not None:
        server.run("select-window", "-t", window)
    outer = environment.get("TMUX", "").split(",")[0]
    if outer and os.path.realpath(outer) == os.path.realpath(places.tmux_socket):
        return _switch(server, environment, window)
    if outer and _hand_over(server, Server(outer, server.binary), environment):
        return None
    return _attach(server, environment)


def _switch(server: Server, environment: Mapping[str, str], window: str | None) -> str:
    pane = environment.get("TMUX_PANE", "")
    client = server.run("display-message", "-p", *(("-t", pane) if pane else ()), "#{client_name}")
    if client and client[0]:
        server.run("switch-client", "-c", client[0], "-t", window or f"={PAN}:")
    return "this terminal is in the session already"


def _hand_over(inner: Server, outer: Server, environment: Mapping[str, str]) -> bool:
    """Give the outer tmux's client to our session until it detaches; False where that can't be done."""
    pane = environment.get("TMUX_PANE")
    asked = ("-t", pane) if pane else ()
    form = "#{client_control_mode} #{session_id} #{client_name}"
    try:
        answer = outer.run("display-message", "-p", *asked, form)
        control, session, client = (answer or ["  "])[0].split(" ", 2)
        if not client or control == "1":
            return False
        there = shlex.join(inner.argv("attach-session", "-t", f"={PAN}"))
        back = shlex.join(outer.argv("attach-session", "-t", session))
        outer.run("detach-client", "-t", client, "-E", f"{there}; {back}")
    except TmuxError:
        return False
    return True


def _attach(server: Server, environment: Mapping[str, str]) -> NoReturn:
    # TMUX is taken out, so that tmux doesn't refuse to be started inside another one.
    plain = {name: value for name, value in environment.items() if name not in ("TMUX", "TMUX_PANE")}
    argv = server.argv("attach-session", "-t", f"={PAN}")
    os.execve(server.binary, argv, plain)  # noqa: S606 -- an argument list, no shell


def how_to_attach(places: Places) -> str:
    """Give the line that an operator types later, from any terminal, to see the session."""
    return f"{typed(places, 'attach')}   (in {places.project})"
