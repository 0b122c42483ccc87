"""Two sockets, each of which gets what the other one sends; the porter's thread carries it."""

from __future__ import annotations

import _socket
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.porter import Porter

CONNECT_S = 10.0
"""How long the host's loopback may take to answer."""
HALF_S = 600.0
"""How long a connection lasts that one side has ended and the other doesn't use."""
LEAVE_S = 2.0
"""How long a client that was refused may go on talking: hung up on at once it would not see why."""
ROUNDS = 4
"""Chunks carried for one connection before the others have their turn."""
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_PEEK, _TRUNC = 2, 0x20
_RESET = b"\1\0\0\0\0\0\0\0"
"""A `struct linger` that has the other side know that this is no proper end."""


def reset(line: _socket.socket) -> None:
    """Close so that the other side can't take what it got for the whole."""
    try:  # noqa: SIM105 -- contextlib costs 3 ms
        line.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, _RESET)
    except OSError:
        pass
    line.close()


class Pair:
    """Two connected sockets; nothing is kept between them.

    What one has is looked at, offered to the other, and only then taken by as much as was accepted.
    """

    __slots__ = ("_connecting", "_ended", "_open", "_porter", "_sockets", "_stuck")

    def __init__(
        self, porter: Porter, client: _socket.socket, server: _socket.socket, *, connecting: bool = False
    ) -> None:
        """Carry between the two, which don't block; `connecting` if the server's side isn't there yet."""
        self._porter = porter
        self._sockets = (client, server)
        self._connecting = connecting
        self._ended = [False, False]
        self._stuck = [False, False]
        self._open = True
        porter.come()
        if connecting:
            porter.late[self] = time.monotonic() + CONNECT_S
        self._rewatch()

    def on(self, fd: int, mask: int) -> None:
        """Carry what can be carried."""
        side = 0 if fd == self._sockets[0].fileno() else 1
        if self._connecting:
            if self._sockets[1].getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                self.abandon()
                return
            self._connecting = False
            self._porter.late.pop(self, None)
        elif self._stuck[1 - side] and mask & ~_IN:
            self._stuck[1 - side] = False
            self._carry(1 - side)
        if mask & ~_OUT and not self._ended[side] and not self._stuck[side]:
            self._carry(side)
        if self._ended == [True, True]:
            self._close()
        else:
            self._rewatch()

    def _carry(self, side: int) -> None:
        source, sink = self._sockets[side], self._sockets[1 - side]
        buffer = self._porter.buffer
        for _ in range(ROUNDS):
            try:
                size = source.recv_into(buffer, 0, _PEEK)
            except BlockingIOError:
                break
            if size == 0:
                self._ended[side] = True
                sink.shutdown(_socket.SHUT_WR)
                break
            try:
                sent = sink.send(buffer[:size])
            except BlockingIOError:
                self._stuck[side] = True
                break
            if source.recv_into(buffer, sent, _TRUNC) != sent:
                raise ConnectionAbortedError
            if sent < len(buffer):
                break
        if self._ended[0] or self._ended[1]:
            self._porter.late[self] = time.monotonic() + HALF_S

    def _rewatch(self) -> None:
        for side in (0, 1):
            wants = 0 if self._ended[side] or self._stuck[side] else _IN
            wants |= _OUT if self._stuck[1 - side] else 0
            if self._connecting:
                wants = _OUT if side else 0
            self._porter.watch(self._sockets[side].fileno(), wants, self)

    def _close(self) -> None:
        if self._open:
            self._open = False
            for each in self._sockets:
                self._porter.forget(each.fileno(), self)
                each.close()
            self._porter.gone()

    def abandon(self) -> None:
        """Close both so that neither takes what it got for the whole."""
        if self._open:
            self._open = False
            for each in self._sockets:
                self._porter.forget(each.fileno(), self)
                reset(each)
            self._porter.gone()


class Leaving:
    """A client that has its refusal: what it still says is thrown away until it hangs up."""

    __slots__ = ("_line", "_porter")

    def __init__(self, porter: Porter, line: _socket.socket, answer: bytes) -> None:
        """Give the answer, as far as it goes out at once."""
        self._porter = porter
        self._line = line
        porter.come()
        porter.late[self] = time.monotonic() + LEAVE_S
        try:
            line.send(answer)
            line.shutdown(_socket.SHUT_WR)
            porter.watch(line.fileno(), _IN, self)
        except OSError:
            self.abandon()

    def on(self, _fd: int, _mask: int) -> None:
        """Throw away what is there."""
        if not self._line.recv_into(self._porter.buffer):
            self.abandon()

    def abandon(self) -> None:
        """Hang up."""
        if self._line.fileno() >= 0:
            self._porter.forget(self._line.fileno(), self)
            self._line.close()
            self._porter.gone()
