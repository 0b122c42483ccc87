"""The agent's process while it runs: what it reads, how it is signalled, how it ended."""

from __future__ import annotations

import posix
import termios

from pancode.worker import signals, tree
from pancode.worker.signals import SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGTERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.launch import Launched

MOST_TYPED = 1 << 16
_READ = 1 << 16
_BY_SIGNAL = 128
_CRASHES = (4, 5, 6, 7, 8, 9, 11, 24, 25, 31)
"""Signals that programs die of without having chosen that exit status themselves."""
_ROUNDS = 5
"""Rounds of SIGKILL without a pause: each finds what was forked during the one before."""


class Agent:
    """The process that was started and everything below the shim; `ended` once it has been collected."""

    __slots__ = (
        "_text",
        "_typed",
        "childless",
        "ended",
        "exit",
        "input",
        "output",
        "pid",
        "reaped",
        "signal",
        "slave",
        "started",
        "terminal",
    )

    def __init__(self, started: Launched, stdin: str | None) -> None:
        """Take over what `launch` gave; `stdin` is the text for its standard input."""
        self.pid = started.pid
        self.terminal: int | None = started.terminal
        self.slave = started.slave
        self.output = started.output
        self.input = started.input
        self.started = started
        self.ended = False
        self.childless = False
        self.exit: int | None = None
        self.signal: str | None = None
        self.reaped: list[int] = []
        text = f"{stdin or ''}\n{started.key}" if started.key else stdin or ""
        self._text = bytearray(text.encode("utf-8", "surrogateescape"))
        self._typed = bytearray()
        if self.input is not None:
            self.write_input()

    def write_input(self) -> None:
        """Write as much of the text as its standard input takes; close that when all is written."""
        try:
            while self._text and self.input is not None:
                del self._text[: posix.write(self.input, self._text[: 1 << 16])]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._text.clear()
        if self.input is not None:
            posix.close(self.input)
            self.input = None

    def type(self, keys: bytes) -> None:
        """Type `keys` on the agent's terminal."""
        if len(self._typed) + len(keys) <= MOST_TYPED:
            self._typed += keys
        self.write_keys()

    @property
    def has_keys(self) -> bool:
        """Whether typed keys wait for the agent to read."""
        return bool(self._typed)

    def write_keys(self) -> None:
        """Pass on as many typed keys as the terminal takes."""
        try:
            while self._typed and self.terminal is not None:
                del self._typed[: posix.write(self.terminal, self._typed[:1024])]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._typed.clear()

    def read_output(self) -> bytes:
        """Give what standard output has; nothing if there is nothing, and closes it at its end."""
        if self.output is None:
            return b""
        data = _read(self.output)
        if data is None:
            posix.close(self.output)
            self.output = None
        return data or b""

    def read_terminal(self) -> bytes:
        """Give what the terminal has, up to 64 KB; nothing if there is nothing, and closes it at its end."""
        parts = []
        # A terminal hands out 4 KB at most.
        for _ in range(16):
            if self.terminal is None:
                break
            data = _read(self.terminal)
            if data is None:
                self.close_terminal()
            elif data:
                parts.append(data)
                if self.started.enclosure is not None:
                    self.started.enclosure.heard(data)
            if not data:
                break
        return b"".join(parts)

    def close_terminal(self) -> None:
        """Close both ends of the terminal."""
        if self.terminal is not None:
            posix.close(self.terminal)
            posix.close(self.slave)
            self.terminal = None

    def resize(self, size: tuple[int, int]) -> None:
        """Give the agent's terminal the size (rows, columns); the kernel tells the agent."""
        if self.terminal is not None:
            try:  # noqa: SIM105 -- contextlib costs 3 ms
                termios.tcsetwinsize(self.terminal, size)
            except termios.error:
                pass

    def collect(self) -> None:
        """Collect every child that has ended, also orphans that fell to the shim."""
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if pid == 0:
                return
            if pid != self.pid:
                if not self._is_wall(pid):
                    self.reaped.append(pid)
                continue
            self.ended = True
            if posix.WIFSIGNALED(status):
                self.signal = signals.name(posix.WTERMSIG(status))
            else:
                self.exit = posix.WEXITSTATUS(status)
                if self._is_wall(pid) and self.exit - _BY_SIGNAL in _CRASHES:
                    # bwrap passes the death of its child on as a shell does.
                    self.signal = signals.name(self.exit - _BY_SIGNAL)

    def _is_wall(self, pid: int) -> bool:
        """Whether it is a process of bwrap's own: told to end, it would take everything inside with it."""
        enclosure = self.started.enclosure
        return enclosure is not None and enclosure.inner is not None and pid in (self.pid, enclosure.inner)

    def interrupt(self) -> list[int]:
        """Send SIGINT to the agent's process group, and to the one in the foreground of its terminal."""
        groups = [self.pid]
        try:
            foreground = posix.tcgetpgrp(self.terminal) if self.terminal is not None else 0
        except OSError:
            foreground = 0
        if foreground > 1 and foreground != self.pid and foreground != posix.getpgrp():
            groups.append(foreground)
        return [group for group in groups if _signal_group(group, SIGINT)]

    def terminate(self, *, hang_up: bool) -> list[int]:
        """Send SIGTERM to everything below the shim; with `hang_up` what closing a terminal sends as well."""
        reached = []
        for process in tree.below(posix.getpid()):
            if not self._is_wall(process.pid) and tree.send(process, SIGTERM):
                reached.append(process.pid)
                if hang_up:
                    tree.send(process, SIGHUP)
                # One that was stopped has to run in order to end.
                tree.send(process, SIGCONT)
        return reached

    def kill(self) -> list[int]:
        """Send SIGKILL to everything below the shim, and to what that forked meanwhile."""
        reached: list[int] = []
        for _ in range(_ROUNDS):
            found = [
                each.pid
                for each in tree.below(posix.getpid())
                if each.pid not in reached and tree.send(each, SIGKILL)
            ]
            if not found:
                break
            reached += found
        return reached


def _signal_group(group: int, signal: int) -> bool:
    try:
        posix.killpg(group, signal)
        posix.killpg(group, SIGCONT)
    except OSError:
        return False
    return True


def _read(fd: int) -> bytes | None:
    """Read without waiting: b"" if there is nothing yet, None at the end."""
    try:
        return posix.read(fd, _READ) or None
    except (BlockingIOError, InterruptedError):
        return b""
    except OSError:
        return None
