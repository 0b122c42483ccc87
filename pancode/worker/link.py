"""The line to the controller: sends the journal from the acknowledged line on, brings orders, never waits."""

from __future__ import annotations

import _socket
import posix

from pancode.worker.lean_json import dumps, loads
from pancode.worker.peers import is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pancode.worker.journal import Journal

FIRST_RETRY_S = 0.05
SLOWEST_RETRY_S = 1.0
LONGEST_LINE = 1 << 16
_CHUNK = 1 << 16
_INPROGRESS = (11, 115)  # EAGAIN, EINPROGRESS


class Link:
    """A connection that comes and goes; the journal on disk is the queue, so nothing is kept in memory."""

    __slots__ = (
        "_address",
        "_buffer",
        "_hello",
        "_journal",
        "_offset",
        "_rest",
        "_retry",
        "_socket",
        "acked",
        "retry_at",
    )

    def __init__(self, address: str, run: str, journal: Journal) -> None:
        """Name the controller's socket; the first try is due at once."""
        self._address = address
        self._journal = journal
        hello = {"id": 0, "verb": "worker", "args": {"run": run, "pid": posix.getpid()}}
        self._hello = dumps(hello).encode() + b"\n"
        self._socket: _socket.socket | None = None
        self._buffer = b""
        self._offset: int | None = None
        self._rest = b""
        self._retry = FIRST_RETRY_S
        self.acked = 0
        self.retry_at: float | None = 0.0

    @property
    def fd(self) -> int | None:
        """The descriptor to watch, None while there is no connection."""
        return None if self._socket is None else self._socket.fileno()

    @property
    def up(self) -> bool:
        """Whether the controller has said what it has."""
        return self._offset is not None

    @property
    def behind(self) -> bool:
        """Whether there is something to send."""
        return self._offset is not None and (bool(self._rest) or self._offset < self._journal.log.size)

    def connect(self, now: float) -> None:
        """Try to reach the controller; on failure the next try is dated."""
        self.retry_at = None
        try:
            kind = _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
            self._socket = _socket.socket(_socket.AF_UNIX, kind)
            self._socket.connect(self._address)
            if not is_ours(self._socket):
                raise PermissionError
            self._socket.send(self._hello)
        except OSError:
            self.drop(now)

    def drop(self, now: float) -> None:
        """Close, and date the next try."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._offset = None
        self._rest = b""
        self._buffer = b""
        self.retry_at = now + self._retry
        self._retry = min(2 * self._retry, SLOWEST_RETRY_S)

    def receive(self, now: float) -> list[dict[str, Any]]:
        """Read what the controller sends; give its orders."""
        if self._socket is None:
            return []
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            data = b""
        if not data:
            self.drop(now)
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        try:
            messages = [_message(line) for line in lines]
        except ValueError:
            self.drop(now)
            return []
        if len(self._buffer) > LONGEST_LINE:
            self.drop(now)
        for message in messages:
            if isinstance(message.get("ack"), int):
                self._acknowledged(message["ack"])
        return [message for message in messages if "do" in message]

    def _acknowledged(self, seq: int) -> None:
        self.acked = min(seq, self._journal.seq)
        self._retry = FIRST_RETRY_S
        if self._offset is None:
            self._offset = line_offset(self._journal.log.fd, self.acked)

    def push(self, now: float) -> None:
        """Send as much of the journal as goes now."""
        while self._socket is not None and self._offset is not None and self.behind:
            try:
                if self._rest:
                    self._rest = self._rest[self._socket.send(self._rest) :]
                    continue
                data = posix.pread(self._journal.log.fd, _CHUNK, self._offset)
                if not data:
                    # Somebody has cut the file: what comes is behind its new end.
                    self._offset = self._journal.log.size = posix.fstat(self._journal.log.fd).st_size
                    return
                self._rest, length = self._journal.told(self._offset, data)
                self._offset += length
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.drop(now)


def _message(line: bytes) -> dict[str, Any]:
    message = loads(line.decode())
    if not isinstance(message, dict):
        raise ValueError("not an object")  # noqa: TRY004 -- one error for all nonsense
    return message


def line_offset(fd: int, lines: int) -> int:
    """Give the offset behind the first `lines` lines of a file; its end if it has fewer."""
    at = 0
    while lines > 0:
        block = posix.pread(fd, _CHUNK, at)
        if not block:
            break
        found = block.count(b"\n")
        if found < lines:
            lines -= found
            at += len(block)
            continue
        end = -1
        for _ in range(lines):
            end = block.index(b"\n", end + 1)
        return at + end + 1
    return at
