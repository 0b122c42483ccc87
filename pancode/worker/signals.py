"""Signals as bytes in a pipe, so that the one loop of the shim sees them like everything else."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable
else:
    # `signal` wraps every number in an enum: 3.5 ms and a megabyte.
    import _signal

SIGHUP, SIGINT, SIGKILL, SIGTERM = 1, 2, 9, 15
SIGCHLD, SIGCONT, SIGWINCH = int(_signal.SIGCHLD), int(_signal.SIGCONT), int(_signal.SIGWINCH)
SIGSTOP = int(_signal.SIGSTOP)

_NAMES = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    5: "SIGTRAP",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGUSR1",
    11: "SIGSEGV",
    12: "SIGUSR2",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
    24: "SIGXCPU",
    25: "SIGXFSZ",
    31: "SIGSYS",
}
_POLITE = (1, 2, 3, 10, 12, 13, 14, 15)
"""HUP, INT, QUIT, USR1, USR2, PIPE, ALRM, TERM."""


def name(number: int) -> str:
    """Give the name of a signal.

    >>> name(9), name(40)
    ('SIGKILL', 'signal 40')
    """
    return _NAMES.get(number, f"signal {number}")


def _nothing(_number: int, _frame: object) -> None:
    """Have the interpreter write the signal's number into the pipe; that is all that is wanted."""


def wakeups() -> int:
    """Take over the signals that concern a shim; give the descriptor to read their numbers from."""
    ours, theirs = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
    _signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    for number in (SIGCHLD, SIGWINCH, SIGHUP, SIGTERM, SIGINT):
        _signal.signal(number, _nothing)
    # Else writing to a pane whose foreground group is another one would stop the shim.
    _signal.signal(_signal.SIGTTOU, _signal.SIG_IGN)
    return ours


def pending(fd: int) -> list[int]:
    """Give the numbers of the signals that came since the last call."""
    try:
        return list(posix.read(fd, 4096))
    except OSError:
        return []


def hold() -> Iterable[int]:
    """Keep all signals waiting; give what `release` wants back."""
    return _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())


def release(before: Iterable[int]) -> None:
    """Let signals in again, as they were before `hold`."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def defaults() -> None:
    """Undo handlers, ignored signals (which survive an exec) and the mask: a program expects none of it."""
    for number in _signal.valid_signals():
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except OSError:
            continue
    release(())


def ignore(*numbers: int) -> None:
    """Have these signals do nothing; nobody need wait for children whose SIGCHLD is ignored."""
    for number in numbers:
        _signal.signal(number, _signal.SIG_IGN)


def ignore_all() -> None:
    """Ignore what ends a program politely: for one that must stay as long as what it encloses."""
    ignore(*_POLITE)


def by_descriptor(fd: int, number: int) -> None:
    """Signal the process behind a pidfd; raise OSError."""
    _signal.pidfd_send_signal(fd, number)
