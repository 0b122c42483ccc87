"""The pane's side: keys that a person types, the window's size, and what is shown there."""

from __future__ import annotations

import posix
import select
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.cast import Cast

DEFAULT_SIZE = (24, 80)
MOST_WAITING = 1 << 20
"""Bytes that may wait for a pane that isn't read; beyond it what is shown gets a gap, the logs don't."""
ENOUGH_WAITING = 1 << 16
"""Bytes waiting at which a program that writes straight to the pane is made to wait, too."""
_CHUNK = 1 << 15
_DYING_MS = 300
"""The kernel hangs a dead server's panes up a moment before it gives its children to another parent."""
_KIND_OF_FILE, _REGULAR = 0o170000, 0o100000
_QUIETLY = posix.O_NOCTTY | posix.O_CLOEXEC
_NOT_OPEN = 9  # EBADF


class Pane:
    """Standard input and output of the shim; a terminal, or anything else when there is none."""

    __slots__ = ("_before", "_dropped", "_tmux", "_waiting", "cast", "out", "size", "tty")

    def __init__(self, tmux: int | None = None) -> None:
        """Take the pane over: raw keys, so that ^C is a byte and nothing is echoed.

        `tmux` is a descriptor of the tmux server's process; None where that is this one's parent.
        """
        self._tmux = posix.pidfd_open(posix.getppid()) if tmux is None else tmux
        self._waiting = bytearray()
        self._dropped = False
        self._before: list[int | list[bytes | int]] | None = None
        self.cast: Cast | None = None
        self.tty = posix.isatty(0)
        self.out: int | None = _own_description(1)
        if self.tty:
            self._raw()
        self.size = self.measure()

    def _raw(self) -> None:
        try:
            self._before = termios.tcgetattr(0)
            mode = termios.tcgetattr(0)
            mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
            mode[1] &= ~termios.OPOST
            mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            termios.tcsetattr(0, termios.TCSANOW, mode)
        except termios.error:
            self.tty = False

    def is_orphaned(self) -> bool:
        """Whether the pane has gone because its tmux server has, and not because somebody closed it."""
        poller = select.poll()
        poller.register(self._tmux, select.POLLIN)
        return bool(poller.poll(_DYING_MS))

    def measure(self) -> tuple[int, int]:
        """Give the pane's rows and columns; 24 and 80 where there is no terminal."""
        for fd in (0, 1):
            try:
                rows, columns = termios.tcgetwinsize(fd)
            except (termios.error, OSError):
                continue
            if rows > 0 and columns > 0:
                return rows, columns
        return DEFAULT_SIZE

    def keys(self) -> bytes | None:
        """Give what was typed; None when the terminal is gone."""
        try:
            return posix.read(0, 65536) or None
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            return None

    def show(self, data: bytes) -> None:
        """Show bytes; never waits, and drops what a pane that isn't read can't take."""
        if not data:
            return
        if self.cast is not None:
            self.cast.output(data)
        if self.out is None:
            return
        if len(self._waiting) + len(data) > MOST_WAITING:
            self._dropped = True
            return
        if self._dropped:
            self._dropped = False
            self._waiting += b"\r\n\x1b[2m[output left out here: the pane was not read]\x1b[0m\r\n"
        self._waiting += data

    def push(self) -> None:
        """Write as much as the pane takes now."""
        while self._waiting and self.out is not None:
            try:
                done = posix.write(self.out, self._waiting[:_CHUNK])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # The pane is closed; whatever comes is in the logs.
                self.out = None
                self._waiting.clear()
                return
            del self._waiting[:done]

    @property
    def behind(self) -> bool:
        """Whether something waits for the pane."""
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """Whether so much waits that a program writing straight to the pane should wait."""
        return len(self._waiting) >= ENOUGH_WAITING

    def restore(self) -> None:
        """Give the terminal back as it was."""
        if self._before is not None:
            try:  # noqa: SIM105 -- contextlib costs 3 ms
                termios.tcsetattr(0, termios.TCSANOW, self._before)
            except termios.error:
                pass


def _own_description(fd: int) -> int | None:
    """Open `fd` once more, so that not waiting on it is our own affair and not of all who share it."""
    try:
        if posix.fstat(fd).st_mode & _KIND_OF_FILE == _REGULAR:
            # Never to be waited for, and its other users go on where we stopped.
            return fd
        return posix.open(f"/proc/self/fd/{fd}", posix.O_WRONLY | posix.O_NONBLOCK | _QUIETLY)
    except FileNotFoundError:
        return fd
    except OSError as error:
        return None if error.errno == _NOT_OPEN else fd
