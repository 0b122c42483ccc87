"""The warm parent: takes requests, forks a loop for each, and sees to it that none outlives its shim."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import ssl
import time
from dataclasses import dataclass

from pancode.native import child
from pancode.native.asked import Announced, Asked, receive
from pancode.native.door import Guard
from pancode.native.spares import AFTER_DEATH_S, Spare, Spares, pair
from pancode.native.upgrade import LOOK_S, Code
from pancode.worker.kernel import die_with_parent

READ_S = 5.0
"""How long a request may take to arrive once somebody has connected."""
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

log = logging.getLogger("pancode.native")


@dataclass(slots=True)
class Guest:
    """A connection: who has yet to ask (`until` when), the shim of the loop `pid`, or the controller."""

    line: socket.socket
    until: float | None
    pid: int = 0
    is_controllers: bool = False


class Host:
    """One thread, no event loop, no connection of its own: what a fork may copy."""

    def __init__(
        self, listener: socket.socket, guard: Guard, context: ssl.SSLContext, look_s: float = LOOK_S
    ) -> None:
        """Nothing is forked yet; `guard` knows who may ask, `context` is for all loops.

        Every `look_s` seconds it looks whether the program on the disk is still its own.
        """
        self._listener = listener
        self._guard = guard
        self._context = context
        self._guests: dict[int, Guest] = {}
        self._spares = Spares(lambda: self._fork(has_time=False))
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._ended = False
        self._code = Code()
        self._look_s = look_s
        self._look_at = time.monotonic() + look_s

    def serve(self) -> bool:
        """Fork whatever is asked for until SIGTERM; True if a new program is to take its place."""
        signal.set_wakeup_fd(self._waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _ENDS:
            signal.signal(number, self._end)
        self._reap()  # An earlier program in this process may have left loops that stood by.
        log.info("warm")
        while not self._ended:
            self._step()
            if self._is_outdated():
                log.info("the program has changed, and no loop is left of the old one")
                return True
        return False

    def _is_outdated(self) -> bool:
        """Look from time to time; while a loop works nothing is replaced."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + self._look_s
        return self._code.has_changed() and not any(guest.pid for guest in self._guests.values())

    def _end(self, *_: object) -> None:
        self._ended = True  # The loops die with this process.

    def _step(self) -> None:
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        for fd, guest in self._guests.items():
            # The loop reads from the line; here only its end is of interest.
            poller.register(fd, 0 if guest.pid else select.POLLIN)
        for fd, mask in poller.poll(self._patience()):
            if fd == self._listener.fileno():
                self._accept()
            elif fd == self._wake:
                self._reap()
            elif fd in self._guests:
                self._stir(self._guests[fd], mask)
        now = time.monotonic()
        for guest in [each for each in self._guests.values() if each.until is not None and now >= each.until]:
            self._forget(guest)
        if self._spares.is_due(now):
            self._spare()

    def _patience(self) -> int:
        times = (self._look_at, self._spares.next_at(), *(each.until for each in self._guests.values()))
        due = min(each for each in times if each is not None)
        return max(0, int((due - time.monotonic()) * 1000) + 1)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            line, _ = self._listener.accept()
            line.setblocking(False)
            self._guests[line.fileno()] = Guest(line, time.monotonic() + READ_S)

    def _stir(self, guest: Guest, mask: int) -> None:
        if guest.pid:
            log.info("the shim of loop %d has gone", guest.pid)
            with contextlib.suppress(OSError):
                os.kill(guest.pid, signal.SIGKILL)
            self._forget(guest)
            return
        asked, fds = receive(guest.line, child.PASSED) if mask & select.POLLIN else (None, [])
        if not self._serve(guest, asked, fds):
            self._forget(guest)
        for fd in fds:
            os.close(fd)

    def _serve(self, guest: Guest, asked: Asked | Announced | None, fds: list[int]) -> bool:
        """Do what somebody asks for, if it is his to ask; False is the end of the connection."""
        match asked:
            case Announced(folders) if guest.is_controllers or self._guard.is_controller(guest.line):
                guest.until, guest.is_controllers = None, True
                for folder in folders:
                    self._spares.announce(folder)
                return True
            case Asked(folder) if self._guard.is_shim_of(guest.line, folder):
                pid = self._spares.hand(asked, (guest.line.fileno(), *fds))
                guest.pid, guest.until = pid or 0, None
                return pid is not None
            case None:
                return False
            case _:
                log.warning("refused: %s was asked for by another process than its own", asked)
                return False

    def _spare(self) -> None:
        """Make a loop that stands by."""
        spare = self._fork(has_time=True)
        if spare is None:
            self._spares.wait(AFTER_DEATH_S)
        else:
            self._spares.add(spare)

    def _fork(self, *, has_time: bool) -> Spare | None:
        """Have a child that stands by; one that `has_time` practises before. None if none can be had."""
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            log.error("not forked: this process has %d threads", threads)
            return None
        theirs, ours = pair()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            log.error("can't fork: %s", error)  # noqa: TRY400 -- the traceback says nothing more
            theirs.close()
            ours.close()
            return None
        if pid == 0:
            status = 1
            try:
                self._leave(ours, parent)
                status = child.stand_by(theirs, self._context, has_time=has_time)
            finally:
                child.end(status)
        theirs.close()
        return Spare(pid, ours)

    def _leave(self, ours: socket.socket, parent: int) -> None:
        """In the child: let go of what is the parent's."""
        die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            child.end(1)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *_ENDS):
            signal.signal(number, signal.SIG_DFL)
        self._listener.close()
        os.close(self._wake)
        os.close(self._waker)
        for line in (*(guest.line for guest in self._guests.values()), *self._spares.lines(), ours):
            line.close()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if status:
                log.warning("loop %d ended with %d", pid, os.waitstatus_to_exitcode(status))
            self._spares.ended(pid)
            for guest in [each for each in self._guests.values() if each.pid == pid]:
                self._forget(guest)

    def _forget(self, guest: Guest) -> None:
        del self._guests[guest.line.fileno()]
        guest.line.close()
