"""Takes a session down: the controller stops its workers, then the server ends, then all traces go."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from pancode.domains.session import locks
from pancode.domains.session.ask import controller_pid
from pancode.domains.session.start import clear_runtime
from pancode.engine.places import Places
from pancode.engine.tmux import family
from pancode.engine.tmux.server import Server, look
from pancode.gateway.passes import remove_passes

DRAIN_SECONDS = 30.0
"""The controller bounds its own shutdown at about eleven seconds; longer than this it hangs."""
STEP_SECONDS = 0.2
LADDER_SECONDS = 5.0
"""A shim whose pane is closed ends its agent by TERM and then KILL within about four seconds."""
FORCED_SECONDS = 0.5

Say = Callable[[str], None]


class Interrupts:
    """Counts Ctrl-C: the first is answered by a hint, the second forces."""

    def __init__(self, say: Say) -> None:
        """`say` shows the hint."""
        self._say = say
        self._count = 0
        self._is_told = False

    def take(self, _number: int, _frame: FrameType | None) -> None:
        """Be the handler of SIGINT; it only counts, as it may come in the middle of any output."""
        self._count += 1

    @property
    def force(self) -> bool:
        """Whether the operator doesn't want to wait any longer."""
        if self._count and not self._is_told:
            self._is_told = True
            self._say("still stopping; Ctrl-C again forces")
        return self._count > 1


@dataclass(slots=True)
class Taken:
    """What taking a session down came to: runs that never started, workers left, pids that were killed."""

    was_up: bool = False
    queued: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)


def take_down(places: Places, say: Say, drain: float = 0.0) -> Taken:
    """End the session and everything that it started; `drain` is how long workers may go on before that.

    `say` gets a sentence whenever something is worth saying. Works also from inside the session.
    """
    if not os.path.isdir(places.runtime):
        return Taken()
    interrupts = Interrupts(say)
    before = signal.signal(signal.SIGINT, interrupts.take)
    # Run in one of the session's own panes, this process loses its terminal half-way.
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with locks.only_one(places):
            return _take_down(places, say, interrupts, drain)
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGHUP, hangup)


def _take_down(places: Places, say: Say, interrupts: Interrupts, drain: float) -> Taken:
    found = look(places.tmux_socket)
    server_pid = found.pid or (family.server_of(places.tmux_socket) or 0 if found.state == "hung" else 0)
    controller = controller_pid(places.socket)
    taken = Taken(was_up=bool(server_pid) or controller is not None)
    everybody = family.descendants(server_pid) if server_pid else []
    if controller is not None:
        everybody += family.descendants(controller)
        _Phases(taken, say, interrupts).follow(places, drain)
        if not locks.wait_for_free(places.lock, FORCED_SECONDS if interrupts.force else LADDER_SECONDS):
            say(f"the controller (pid {controller}) doesn't end; it is killed")
            _kill(controller)
    elif taken.was_up:
        say("no controller answers; the workers are ended all the same")
    if server_pid:
        everybody += family.descendants(server_pid)
        Server(places.tmux_socket).kill(server_pid)
    patience = FORCED_SECONDS if interrupts.force else LADDER_SECONDS
    taken.killed = family.end(dict.fromkeys(everybody), patience)
    taken.killed += family.end(family.marked("PANCODE_RUN_DIR", places.runs), FORCED_SECONDS)
    if taken.killed:
        say(f"killed {len(taken.killed)} processes that didn't end by themselves")
    remove_passes(places.runtime)
    clear_runtime(places)
    return taken


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Phases:
    """Asks the controller to shut down, and passes on how far it is."""

    def __init__(self, taken: Taken, say: Say, interrupts: Interrupts) -> None:
        self._taken = taken
        self._say = say
        self._interrupts = interrupts

    def follow(self, places: Places, drain: float) -> None:
        """Return when the controller is done, or somebody has pressed Ctrl-C twice: then it is told so."""
        request = {"id": 1, "verb": "shutdown", "args": {"drain": drain}}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(STEP_SECONDS)
            try:
                client.connect(places.socket)
                client.sendall(json.dumps(request).encode() + b"\n")
                self._listen(client, time.monotonic() + DRAIN_SECONDS + drain)
                if self._interrupts.force:
                    self._say("forced: what is left is killed")
                    client.sendall(b'{"id": 2, "verb": "shutdown", "args": {"force": true}}\n')
            except OSError:
                return

    def _listen(self, client: socket.socket, end: float) -> None:
        buffer = b""
        while time.monotonic() < end and not self._interrupts.force:
            try:
                data = client.recv(65536)
            except TimeoutError:
                continue
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "event" not in message:
                    return
                self._hear(message["event"])

    def _hear(self, event: Mapping[str, Any]) -> None:
        phase, live = event.get("phase"), event.get("live")
        workers = f"{live} worker{'s' if live != 1 else ''}"
        if "queued" in event:
            self._taken.queued = list(event["queued"])
            named = ", ".join(self._taken.queued)
            queue = f"; cancelled before their start: {named} (pancode retry RUN)" if named else ""
            self._say(f"drain: nothing more starts{queue}")
        elif phase == "drain":
            self._say(f"drain: {workers} may still finish")
        elif phase == "stop":
            self._say(f"stop: waiting for {workers} to stop")
        elif phase == "persist":
            self._say("persist: results, changes and index are written")
        elif phase == "exit":
            self._taken.unwritten = list(event.get("left") or ())
            self._say("exit: the session's processes end")
            for sentence in self._taken.unwritten:
                self._say(sentence)
