"""One program that a tool runs, and all that it starts: nothing of it outlives the call."""

from __future__ import annotations

import os
import time

from pancode.worker import signals, tree
from pancode.worker.signals import SIGKILL, SIGTERM
from pancode.worker.tools.outcome import ToolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

GRACE_S = 0.5
"""How long what is to end may take after SIGTERM."""
GIVE_UP_S = 3.0
"""After which the call is answered though something can't be ended: it hangs in the kernel."""
LOOK_EVERY_S = 0.02
_MARK = "PANCODE_CALL"
_READ = 1 << 14
_DEFAULTS = (13, 22, 25)  # SIGPIPE, SIGTTOU and SIGXFSZ: ignored here, but not by what is started
_NULL = "/dev/null"
_numbers = iter(range(1, 1 << 62))


class Job:
    """A program in a session of its own. `status` is its wait status once it has been collected.

    `output` is the read end of its standard output and standard error, None once that has ended. `stopped`
    says why it was ended before its time. `left` counts what it left behind.
    """

    __slots__ = (
        "_killing",
        "_mark",
        "_next",
        "_stopping",
        "began",
        "left",
        "output",
        "pid",
        "status",
        "stopped",
        "until",
    )

    def __init__(self, argv: list[str], env: dict[str, str], seconds: float) -> None:
        """Start it, to be ended after `seconds`; raise ToolError."""
        self.began = time.monotonic()
        self.until = self.began + seconds
        self._mark = f"{os.getpid()}-{next(_numbers)}"
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, _NULL, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, theirs, 1),
            (os.POSIX_SPAWN_DUP2, theirs, 2),
        ]
        try:
            self.pid = os.posix_spawn(
                argv[0],
                argv,
                {**env, _MARK: self._mark},
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULTS,
            )
        except (OSError, ValueError) as error:
            os.close(ours)
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise ToolError(f"it can't be started: {str(words).lower()}") from None
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self.output: int | None = ours
        self.status: int | None = None
        self.stopped = ""
        self.left = 0
        self._stopping = self._killing = 0.0
        self._next = 0.0

    def read(self) -> bytes:
        """Give what it has printed; nothing if there is nothing, and closes the pipe at its end."""
        if self.output is None:
            return b""
        try:
            data = os.read(self.output, _READ)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            data = b""
        if not data:
            self._close()
        return data

    def _close(self) -> None:
        if self.output is not None:
            os.close(self.output)
            self.output = None

    def stop(self, why: str) -> None:
        """End it and all that it started; `why` is kept if it is the first reason."""
        self.stopped = self.stopped or why
        self.until = min(self.until, time.monotonic())

    def next_at(self) -> float:
        """Give when `step` is due though nothing is heard of it."""
        return self._next or self.until

    def step(self, now: float, others: Iterable[Job]) -> bool:
        """Go on with ending it, if it is time for that; True when nothing is left of it."""
        if self.status is None and now < self.until:
            return False
        if not self._stopping:
            if self.status is None:
                self.stopped = self.stopped or "timeout"
            self._stopping = now
        elif now < self._next:
            return False
        members = self._members(others)
        if self.status is not None and not members:
            return True
        if self.status is not None:
            self.left = max(self.left, len(members))
        kills = now >= self._stopping + GRACE_S
        if kills or not self._killing:
            self._killing = now
            for process in members:
                tree.send(process, SIGKILL if kills else SIGTERM)
                # One that was stopped has to run in order to end.
                tree.send(process, signals.SIGCONT)
        self._next = now + LOOK_EVERY_S
        return now >= self._stopping + GIVE_UP_S

    def _members(self, others: Iterable[Job]) -> list[tree.Process]:
        """Give the living processes of this call; where no other call runs also those that hide."""
        below = [each for each in tree.below(os.getpid()) if each.pid != self.pid or self.status is None]
        theirs = [other for other in others if other is not self]
        if not theirs:
            return below
        return [each for each in below if self._owns(each)]

    def _owns(self, process: tree.Process) -> bool:
        return self.pid in (process.pid, process.session) or _mark_of(process.pid) == self._mark

    def kill(self) -> None:
        """End the program itself at once, without looking for more."""
        if self.status is None:
            os.kill(self.pid, SIGKILL)

    def close(self) -> None:
        """Let go of its output."""
        self._close()


def _mark_of(pid: int) -> str | None:
    """Give the call whose environment a process has."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read(1 << 20).split(b"\0")
    except OSError:
        return None
    name = f"{_MARK}=".encode()
    return next((each[len(name) :].decode() for each in variables if each.startswith(name)), None)
