"""The calls that are open: file tools each in a thread, commands and searches each in a process."""

from __future__ import annotations

import _thread
import os
import select
import sys
import time

from pancode.worker.lean_json import dumps, loads
from pancode.worker.tools import files, shell
from pancode.worker.tools.arguments import checked
from pancode.worker.tools.catalogue import BOOT
from pancode.worker.tools.jobs import LOOK_EVERY_S, Job
from pancode.worker.tools.limits import (
    LONGEST_REQUEST,
    MOST_COMMANDS,
    MOST_FILE_CALLS,
    MOST_STREAMED,
    SEARCH_S,
)
from pancode.worker.tools.outcome import CancelledError, Outcome, ToolError
from pancode.worker.tools.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Key = int | str
    FileTool = Callable[[dict[str, Any], Callable[[], bool]], Outcome]

TELL_EVERY_S = 0.05
"""How often a command's output is sent on, so that a line is not a message."""
_PATIENCE_S = 5.0
"""How much longer than its own time-out a search may take before it is ended."""
_END_S = 1.5
"""How long what runs may take to end when the line has ended."""
_CHANGE_S = 2.0
"""How long a change to a file may take then."""
_READING = ("read", "ls")


def _edit(args: dict[str, Any], cancelled: Callable[[], bool]) -> Outcome:
    from pancode.worker.tools.edit import edit

    return edit(args, cancelled)


_FILE_TOOLS: dict[str, FileTool] = {
    "read": files.read,
    "ls": files.ls,
    "write": files.write,
    "edit": _edit,
}


class Call:
    """One open call; `job` is the process that does it, once there is one."""

    __slots__ = ("args", "cancelled", "job", "key", "news", "output", "streamed", "told_at", "tool")

    def __init__(self, key: Key, tool: str, args: dict[str, Any]) -> None:
        """Take checked arguments."""
        self.key = key
        self.tool = tool
        self.args = args
        self.cancelled = False
        self.job: Job | None = None
        self.output: Output | bytearray = Output() if tool == "bash" else bytearray()
        self.news = ""
        self.streamed = 0
        self.told_at = 0.0

    def next_at(self) -> float | None:
        """Give when something is due though nothing happens."""
        if self.job is None:
            return None
        return min(self.job.next_at(), self.told_at + TELL_EVERY_S) if self.news else self.job.next_at()


class Calls:
    """Begins calls, hears of their ends, and answers each exactly once."""

    def __init__(
        self, answer: Callable[[Key | None, Outcome], None], more: Callable[[Key, str], None]
    ) -> None:
        """`answer` and `more` send to the host."""
        self._answer = answer
        self._more = more
        self._open: dict[Key, Call] = {}
        self._waiting: list[Call] = []
        self._done: list[tuple[Call, Outcome]] = []
        self._in_threads = 0
        self._bell, self._rope = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    # Requests.

    def is_open(self, key: Key) -> bool:
        """Whether a call has no answer yet."""
        return key in self._open

    def begin(self, key: Key, tool: object, args: object) -> None:
        """Begin a call, or answer why not."""
        try:
            name = tool if isinstance(tool, str) else ""
            call = Call(key, name, checked(name, args))
        except ToolError as error:
            self._answer(key, Outcome(str(error), ok=False))
            return
        self._open[key] = call
        self._waiting.append(call)
        self._start()

    def cancel(self, key: Key) -> None:
        """End a call before its time; one that changes a file is let finish, its answer is the truth."""
        call = self._open.get(key)
        if call is None:
            return
        call.cancelled = True
        if call.job is not None:
            call.job.stop("cancelled")
        elif call in self._waiting:
            self._waiting.remove(call)
            self._end(call, Outcome(str(CancelledError()), ok=False))
        elif call.tool in _READING:
            # The thread may be waiting for a slow disk; nobody waits for the thread.
            self._end(call, Outcome(str(CancelledError()), ok=False))

    def _start(self) -> None:
        """Begin what waits and for what there is room."""
        for call in list(self._waiting):
            in_thread = call.tool in _FILE_TOOLS
            if in_thread and self._in_threads >= MOST_FILE_CALLS:
                continue
            if not in_thread and len(self._jobs()) >= MOST_COMMANDS:
                continue
            self._waiting.remove(call)
            try:
                self._begin(call)
            except (ToolError, RuntimeError, OSError) as error:
                self._end(call, Outcome(str(error), ok=False))

    def _begin(self, call: Call) -> None:
        if call.tool in _FILE_TOOLS:
            _thread.start_new_thread(self._in_thread, (call,))
            self._in_threads += 1
        elif call.tool == "bash":
            call.job = shell.started(call.args)
        else:
            asked = dumps({"tool": call.tool, **call.args})
            words = [sys.executable, "-I", "-S", "-X", "utf8", BOOT, "search", asked]
            call.job = Job(words, dict(os.environ), SEARCH_S + _PATIENCE_S)

    def _end(self, call: Call, outcome: Outcome) -> None:
        if self._open.pop(call.key, None) is not None:
            self._answer(call.key, outcome)

    # File tools.

    def _in_thread(self, call: Call) -> None:
        try:
            outcome = _FILE_TOOLS[call.tool](call.args, lambda: call.cancelled)
        except ToolError as error:
            outcome = Outcome(str(error), ok=False)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the call must have an answer
            outcome = Outcome(f"{call.tool} failed: {type(error).__name__}: {error}", ok=False)
        self._done.append((call, outcome))
        try:
            os.write(self._rope, b".")
        except OSError:
            # The pipe is full of other rings.
            return

    def _rung(self) -> None:
        try:
            os.read(self._bell, 4096)
        except OSError:
            return
        while self._done:
            call, outcome = self._done.pop(0)
            self._in_threads -= 1
            if self._open.get(call.key) is call:
                self._end(call, outcome)
        self._start()

    # Processes.

    def _jobs(self) -> list[tuple[Call, Job]]:
        return [(call, call.job) for call in self._open.values() if call.job is not None]

    def watched(self, *, output: bool) -> Iterator[int]:
        """Give the descriptors to read from; `output`: also those of commands."""
        yield self._bell
        if output:
            yield from (job.output for _, job in self._jobs() if job.output is not None)

    def next_at(self) -> float | None:
        """Give when `step` is due though nothing happens."""
        return min((at for call in self._open.values() if (at := call.next_at()) is not None), default=None)

    def ready(self, fd: int) -> None:
        """Read from a descriptor that has something."""
        if fd == self._bell:
            self._rung()
            return
        for call, job in self._jobs():
            if job.output == fd:
                self._take(call, job)
                return

    def _take(self, call: Call, job: Job) -> bool:
        """Take what a process has printed; False if there was nothing."""
        data = job.read()
        if isinstance(call.output, bytearray):
            if len(call.output) < LONGEST_REQUEST:
                call.output += data
        elif data:
            text = call.output.feed(data)[: MOST_STREAMED - call.streamed]
            call.streamed += len(text)
            call.news += text
        return bool(data)

    def _tell(self, call: Call, now: float) -> None:
        """Send what a command has printed since the last time."""
        if call.news:
            self._more(call.key, call.news)
            call.news, call.told_at = "", now

    def collect(self) -> None:
        """Collect processes that have ended, those that lost their parents among them."""
        jobs = {job.pid: job for _, job in self._jobs()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in jobs:
                jobs[pid].status = status

    def step(self) -> None:
        """Go on with what is to end, and answer what has."""
        now = time.monotonic()
        for call, job in self._jobs():
            if now >= call.told_at + TELL_EVERY_S:
                self._tell(call, now)
            if not job.step(now, [other for _, other in self._jobs()]):
                continue
            while self._take(call, job):
                pass
            self._tell(call, now)
            job.close()
            self._end(call, self._told(call, job))
            self._start()

    def _told(self, call: Call, job: Job) -> Outcome:
        if isinstance(call.output, Output):
            call.output.close()
            return shell.told(job, call.output)
        if job.stopped == "cancelled":
            return Outcome(str(CancelledError()), ok=False)
        if job.stopped:
            return Outcome(
                f"the search was ended after {SEARCH_S + _PATIENCE_S:.0f} s: the pattern is too costly; take "
                "a simpler one, or search in fewer files",
                ok=False,
            )
        try:
            found = loads(bytes(call.output).decode().rstrip("\n").rpartition("\n")[2])
            return Outcome(found["text"], ok=found["ok"], **found["meta"])
        except (ValueError, KeyError, TypeError):
            said = bytes(call.output[-300:]).decode("utf-8", "replace").strip()
            return Outcome(f"the search failed: {said or 'it was ended'}", ok=False)

    # The end.

    def end(self) -> None:
        """End all that runs, and wait for changes to files that have begun."""
        self._waiting.clear()
        for _, job in self._jobs():
            job.stop("cancelled")
        until = time.monotonic() + _END_S
        while self._jobs() and time.monotonic() < until:
            self.collect()
            self.step()
            select.select([], [], [], LOOK_EVERY_S)
        for _, job in self._jobs():
            job.kill()
        if files.CHANGING.acquire(timeout=_CHANGE_S):
            files.CHANGING.release()
