"""Looks into a living server through libtmux, for verbs that list sessions; never on the way of `up`."""

from __future__ import annotations

from dataclasses import dataclass

from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.server import Server, look


@dataclass(frozen=True, slots=True)
class Census:
    """What a server says of itself: when it started (seconds since the epoch) and how many are there."""

    pid: int
    started: int
    clients: int
    workers: int
    """Panes of runs whose process still lives."""


def census(path: str) -> Census | None:
    """Count a session's people and workers; None where no server answers at `path`."""
    # libtmux has no time limit and takes every error for an empty list, so the server is asked first.
    if look(path).state != "alive":
        return None
    try:
        pid, started = Server(path).run("display-message", "-p", "#{pid} #{start_time}")[0].split()
    except TmuxError:
        return None
    import libtmux

    server = libtmux.Server(socket_path=path)
    clients = server.cmd("list-clients", "-F", "#{client_control_mode}").stdout
    panes = server.cmd("list-panes", "-a", "-F", "#{@pancode_run_id} #{pane_dead}").stdout
    return Census(
        pid=int(pid),
        started=int(started),
        clients=sum(line != "1" for line in clients),
        workers=sum(line.endswith(" 0") and not line.startswith(" ") for line in panes),
    )
