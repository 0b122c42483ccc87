"""Carries what goes out of a sandbox: raw to the forwarded ports, by CONNECT to the hosts on the list."""

from __future__ import annotations

import _socket
import _thread
import posix
import select
import time

from pancode.worker.callers import STACK, Caller, Ledger
from pancode.worker.proxy import Refusal, refused
from pancode.worker.relay import Leaving, Pair, reset
from pancode.worker.signals import hold, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from pancode.worker.profile import Forward, Network

    Owner: TypeAlias = "Pair | Caller | Leaving | Door"

MOST_OPEN = 256
"""Connections at a time; an agent has a dozen."""
STOP_S = 1.0
"""How long `stop` waits for the thread."""
PAUSE_S = 0.2
"""How long nobody is let in when there are no more descriptors."""
_AT_ONCE = 32
_BUFFER = 64 << 10
_TOO_MANY = 503


def serve(
    listeners: Mapping[int, int], network: Network, told: Callable[[dict[str, object]], None]
) -> Porter:
    """Serve `listeners` (port inside -> listening descriptor, taken over) in a thread of this process.

    `told` gets each decision as {"kind": "net", "host", "port", "decision": "allowed" or "blocked", "why",
    "count"}: in that thread the first on each place, in that of `stop` the number of further ones; it must
    not wait. Raise OSError or RuntimeError if that can't be done.
    """
    porter = Porter(network, told)
    forwards = {forward["port"]: forward for forward in network["forwards"]}
    for port, fd in listeners.items():
        if port in forwards or port == network["proxy_port"]:
            Door(porter, fd, forwards.get(port))
        else:
            posix.close(fd)
    porter.start()
    return porter


class Porter:
    """One thread for all connections; only names are looked up in others."""

    IN = select.EPOLLIN

    def __init__(self, network: Network, told: Callable[[dict[str, object]], None]) -> None:
        """Begin with nothing to watch."""
        self.network = network
        self.ledger = Ledger(told)
        self.late: dict[Owner, float] = {}
        self.buffer = memoryview(bytearray(_BUFFER))
        self.calling = 0
        self._count = 0
        self._poll = select.epoll()
        self._owners: dict[int, tuple[int, Owner]] = {}
        self._wake = posix.eventfd(0, posix.EFD_CLOEXEC | posix.EFD_NONBLOCK)
        self._back: list[tuple[Caller, _socket.socket | Refusal]] = []
        self._stopping = False
        self._running = _thread.allocate_lock()
        self._poll.register(self._wake, select.EPOLLIN)

    def start(self) -> None:
        """Start the thread; raise RuntimeError."""
        size = _thread.stack_size(STACK)
        # Signals are for the main thread.
        before = hold()
        self._running.acquire()
        try:
            _thread.start_new_thread(self._work, ())
        finally:
            release(before)
            _thread.stack_size(size)

    def stop(self) -> None:
        """Hang up on everybody, and have the counts told."""
        if not self._stopping:
            self._stopping = True
            posix.eventfd_write(self._wake, 1)
            self._running.acquire(timeout=STOP_S)
            self.ledger.rest()

    # For those that the thread works for.

    @property
    def full(self) -> bool:
        """Whether nobody more is let in."""
        return self._count >= MOST_OPEN

    def come(self) -> None:
        """Count one more."""
        self._count += 1

    def gone(self) -> None:
        """Count one less."""
        self._count -= 1

    def watch(self, fd: int, mask: int, owner: Owner) -> None:
        """Call `owner.on(fd, mask)` when something of `mask` is so; never with 0."""
        known = self._owners.get(fd)
        if mask == 0:
            if known is not None:
                del self._owners[fd]
                self._poll.unregister(fd)
        elif known is None:
            self._poll.register(fd, mask)
            self._owners[fd] = mask, owner
        elif known != (mask, owner):
            self._poll.modify(fd, mask)
            self._owners[fd] = mask, owner

    def forget(self, fd: int, owner: Owner) -> None:
        """Neither watch `fd` nor the clock for `owner` any more."""
        self.watch(fd, 0, owner)
        self.late.pop(owner, None)

    def back(self, caller: Caller, found: _socket.socket | Refusal) -> None:
        """In a caller's thread: hand over what it has found."""
        self._back.append((caller, found))
        posix.eventfd_write(self._wake, 1)

    # The thread.

    def _work(self) -> None:
        try:
            while not self._stopping:
                self._step()
        finally:
            for _, owner in list(self._owners.values()):
                owner.abandon()
            self._running.release()

    def _step(self) -> None:
        due = min(self.late.values(), default=None)
        wait = -1.0 if due is None else max(0.0, due - time.monotonic())
        for fd, mask in self._poll.poll(wait):
            if fd == self._wake:
                self._heard()
            elif fd in self._owners:
                owner = self._owners[fd][1]
                _safely(owner, lambda owner=owner, fd=fd, mask=mask: owner.on(fd, mask))  # type: ignore[misc]
        now = time.monotonic()
        for owner in [owner for owner, at in self.late.items() if now >= at]:
            _safely(owner, owner.late if isinstance(owner, (Caller, Door)) else owner.abandon)

    def _heard(self) -> None:
        posix.eventfd_read(self._wake)
        while self._back:
            caller, found = self._back.pop(0)
            _safely(caller, lambda caller=caller, found=found: caller.back(found))  # type: ignore[misc]


def _safely(owner: Owner, act: Callable[[], None]) -> None:
    """Whatever goes wrong with one connection ends that one only."""
    try:
        act()
    except BlockingIOError:
        pass
    except Exception:  # noqa: BLE001 -- the shim must outlive whatever a sandbox sends
        owner.abandon()


class Door:
    """A port inside the sandbox: the proxy's, or one whose connections go to a port of the host."""

    __slots__ = ("_forward", "_line", "_porter")

    def __init__(self, porter: Porter, fd: int, forward: Forward | None) -> None:
        """Let in by the listening descriptor `fd`; None stands for the proxy."""
        posix.set_blocking(fd, False)
        self._porter = porter
        self._forward = forward
        self._line = _socket.socket(fileno=fd)
        porter.watch(fd, select.EPOLLIN, self)

    def on(self, fd: int, _mask: int) -> None:
        """Let in who waits."""
        for _ in range(_AT_ONCE):
            try:
                came, _ = self._line._accept()  # type: ignore[attr-defined]  # noqa: SLF001 -- C's only name
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                self._porter.forget(fd, self)
                self._porter.late[self] = time.monotonic() + PAUSE_S
                return
            line = _socket.socket(self._line.family, _socket.SOCK_STREAM, 0, came)
            line.setblocking(False)
            try:
                self._let_in(line)
            except OSError:
                reset(line)

    def _let_in(self, line: _socket.socket) -> None:
        for level, option in ((_socket.SOL_SOCKET, _socket.SO_KEEPALIVE), (6, _socket.TCP_NODELAY)):
            line.setsockopt(level, option, 1)
        if self._porter.full:
            if self._forward is None:
                line.send(refused("too many connections at once", _TOO_MANY))
            line.close()
        elif self._forward is None:
            Caller(self._porter, line)
        else:
            Pair(self._porter, line, _calling(self._forward["host"], self._forward["to"]), connecting=True)

    def late(self) -> None:
        """Try again."""
        self._porter.late.pop(self, None)
        self._porter.watch(self._line.fileno(), select.EPOLLIN, self)

    def abandon(self) -> None:
        """Let in nobody any more."""
        if self._line.fileno() >= 0:
            self._porter.forget(self._line.fileno(), self)
            self._line.close()


def _calling(host: str, port: int) -> _socket.socket:
    """Begin to connect to the host's loopback; raise OSError."""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    line = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    try:
        line.setsockopt(6, _socket.TCP_NODELAY, 1)
        line.connect((host, port))
    except BlockingIOError:
        pass
    except OSError:
        line.close()
        raise
    return line
