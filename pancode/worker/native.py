"""The shim's side of a native agent: its model loop is a process of the session's native host.

Inside the sandbox runs the tool server, with one end of a socket pair as its standard input. The other end,
and the pipe that the shim reads records from, go to the host, which forks a loop for them. The connection to
the host becomes the line to that loop: it asks by it, and its end is the loop's end.
"""

from __future__ import annotations

import _socket
import posix
import select
import sys
import time

from pancode.worker.lean_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.gates import Gates
    from pancode.worker.hooks import Watched
    from pancode.worker.profile import Native as Spawned
    from pancode.worker.run import Run

HOST_S = 30.0
"""How long the host may be away: it is back within two seconds, on a busy machine within ten."""
MOST_LOOPS = 6
"""Loops that one run may have; what kills so many is in the run itself."""
AGAIN_S = 0.05
AFTER_DEATH_S = 0.2
"""Time for the end of the worker, if that is what has ended the loop."""
LONGEST_LINE = 4 << 20
_CHUNK = 1 << 16


class Ends:
    """What a run's loops are given: the line to the tools, the pipe for records, the key."""

    __slots__ = ("_host", "_key", "_theirs", "generation", "line", "records", "tools")

    def __init__(self, native: Spawned, env: dict[str, str], records: int) -> None:
        """Take the key out of the agent's environment, and make a line to the tools; raise OSError."""
        self._host = native["host"]
        self._key = env.pop(native["key_env"], "")
        ours, theirs = _socket.socketpair()
        self.tools, self._theirs, self.records = ours.detach(), theirs.detach(), records
        self.line: _socket.socket | None = None
        self.generation = 0

    def theirs(self) -> int:
        """Give away the tool server's end of the line to the tools."""
        fd, self._theirs = self._theirs, -1
        return fd

    def request(self, folder: str) -> bool:
        """Ask the host for a loop; False if it isn't there."""
        asked = {"folder": folder, "generation": self.generation, "key": self._key}
        line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        passed = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (self.tools, self.records))
        try:
            line.setblocking(False)
            line.connect(self._host)
            line.sendmsg([dumps(asked).encode() + b"\n"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
        except OSError:
            line.close()
            return False
        self.line = line
        return True

    def close(self) -> None:
        """Let go of everything: the tool server then ends by itself, the host ends a loop that doesn't."""
        for fd in (self.tools, self.records, self._theirs):
            if fd >= 0:
                posix.close(fd)
        self.tools = self.records = self._theirs = -1
        if self.line is not None:
            self.line.close()
            self.line = None


class Native:
    """The loop of one run, and the next one if it dies."""

    def __init__(self, run: Run, ends: Ends, gates: Gates) -> None:
        """Take over what the launch has made; `gates` have the questions answered."""
        self._run = run
        self._ends = ends
        self._gates = gates
        self._buffer = b""
        self._out = bytearray()
        self._open: list[LoopQuestion] = []
        self._stopped = False
        self._away_since = time.monotonic()
        self._retry_at: float | None = None if ends.line is not None else self._away_since

    def watched(self) -> list[Watched]:
        """Give what the shim's loop is to watch."""
        line = self._ends.line
        if line is None:
            return []
        return [(line.fileno(), select.POLLIN | (select.POLLOUT if self._out else 0), self._stir)]

    def next_at(self) -> float | None:
        """Give when to ask the host again."""
        return self._retry_at

    def tick(self, now: float) -> None:
        """Ask for a loop where there is none; tell the one that there is when the run is being ended."""
        if self._run.ending:
            self._retry_at = None
            if not self._stopped:
                self._stopped = True
                self.say({"do": "stop"})
            return
        if self._retry_at is None or now < self._retry_at:
            return
        if self._ends.request(self._run.folder):
            self._retry_at = None
        elif now - self._away_since > HOST_S:
            self._retry_at = None
            self._run.fail(f"the session's native host hasn't answered within {HOST_S:g} s")
        else:
            self._retry_at = now + AGAIN_S

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell the loop something, as soon as it listens."""
        if self._ends.line is not None:
            self._out += dumps(message).encode() + b"\n"
            self._push()

    def close(self) -> None:
        """The worker has ended."""
        self._ends.close()

    def _push(self) -> None:
        try:
            while self._out and self._ends.line is not None:
                del self._out[: self._ends.line.send(self._out[:_CHUNK])]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._out.clear()

    def _stir(self, mask: int) -> None:
        if mask & select.POLLOUT:
            self._push()
        if mask & ~select.POLLOUT and self._ends.line is not None:
            try:
                data = self._ends.line.recv(_CHUNK)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._heard(line)
            if not data or len(self._buffer) > LONGEST_LINE:
                self._died()

    def _heard(self, line: bytes) -> None:
        """Pass a question or a request of the loop on to where those of other agents go."""
        try:
            said = loads(line.decode())
            number = int(said["id"])
            asked = said["ask"] if "ask" in said else {"pancode_board": said["board"]}
            question = LoopQuestion(self, number, dumps(asked).encode(), is_board="board" in said)
        except (ValueError, TypeError, KeyError):
            return
        self._open.append(question)
        self._gates.ask(question)

    def answered(self, question: LoopQuestion, message: Mapping[str, Any]) -> None:
        """Give the loop its answer, if it is still there."""
        if question in self._open:
            self._open.remove(question)
            self.say({"id": question.number, **message})

    def _died(self) -> None:
        """The loop has ended: well, or with the run, or before its time."""
        run, ends = self._run, self._ends
        if ends.line is not None:
            ends.line.close()
            ends.line = None
        self._buffer = b""
        self._out.clear()
        for question in list(self._open):
            self._open.remove(question)
            self._gates.gone(question)
        run.drain()
        run.collect()
        if run.tally.finished is not None or run.ending or run.agent is None or run.agent.ended:
            ends.close()
            return
        ends.generation += 1
        if ends.generation >= MOST_LOOPS:
            run.fail(f"the model loop has died {MOST_LOOPS} times")
            return
        run.journal.add("shim", {"kind": "loop_lost", "generation": ends.generation})
        run.view.note("the model loop has died; another one goes on from its last step")
        self._away_since = time.monotonic()
        self._retry_at = self._away_since + AFTER_DEATH_S


class LoopQuestion:
    """A question of the loop's; to `Hooks` and `Board` a client like those of the hook port."""

    __slots__ = ("_is_board", "_native", "action", "data", "id", "number", "until")

    fd = -1
    """There is nothing to watch: the loop's own line is watched."""

    def __init__(self, native: Native, number: int, data: bytes, *, is_board: bool) -> None:
        """Hold what the hook's client would have sent."""
        self._native = native
        self._is_board = is_board
        self.number = number
        self.data = bytearray(data)
        self.id = ""
        self.action: Mapping[str, Any] | None = None
        self.until = 0.0

    def send(self, answer: bytes) -> None:
        """Give the answer, which is in the words of a hook's process."""
        said = loads(answer.decode())
        text = str(said["out"] or said["err"]).strip()
        if self._is_board:
            self._native.answered(self, {"ok": said["exit"] == 0, "text": text})
            return
        try:
            found = loads(said["out"])
        except ValueError:
            found = {"allow": False, "why": text}
        self._native.answered(self, {"allow": found.get("allow") is True, "why": str(found.get("why") or "")})

    def hang_up(self) -> None:
        """Nobody waits any more."""

    def readable(self, _mask: int) -> None:
        """It has been read whole."""

    def died(self, _mask: int) -> None:
        """The loop's line says so."""
