"""The controller's socket: JSON lines over a Unix socket, for this user alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from pancode.engine.gathering import Gathering

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one line; a longer one ends the connection."""
JOURNAL_LINE_LIMIT = 32 * 1024 * 1024
"""The same for a worker's line: twice what a shim puts into a record, as each that is refused comes again."""
_CHUNK = 64 * 1024
UNREAD_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait for a client that doesn't read; then it is hung up on, and may come again."""

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
# Made once: `json.dumps` with any option makes an encoder for every call.
_PEER = struct.Struct("3i")


class Connection(asyncio.Protocol):
    """One client: splits lines, answers requests in order of completion, or hands over to a worker link."""

    def __init__(self, serve: Callable[[Connection, dict[str, Any]], None]) -> None:
        """Call `serve(self, message)` for each parsed line."""
        self._serve = serve
        self._buffer = b""
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self.pid: int | None = None
        """The process that has connected, as the kernel saw it then; None where it sees none."""
        self.on_lost: Callable[[], None] = lambda: None
        self._takes_lines: Callable[[list[bytes]], None] | None = None
        self._gathering: Gathering | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse peers of another uid: the socket's mode says so already; the kernel says who it is."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- narrows the type
        peer = transport.get_extra_info("socket")
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid, uid, _ = _PEER.unpack(raw)
        if uid != os.getuid():
            transport.abort()
            return
        self.pid = pid or None
        self._fd = peer.fileno()
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand on complete lines."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > (LINE_LIMIT if self._takes_lines is None else JOURNAL_LINE_LIMIT):
            problem = f"a line of more than {LINE_LIMIT // 1024 // 1024} MB: nobody has a task that long"
            self.send({"id": None, "ok": False, "error": {"problem": problem, "code": 2}})
            self.close()
            return
        while lines:
            if self._takes_lines is not None:
                self._takes_lines(lines)
                return
            line = lines.pop(0)
            if line.strip():
                self._message(line)

    def hand_over(self, takes_lines: Callable[[list[bytes]], None], gathering: Gathering) -> None:
        """Give the raw lines to `takes_lines` from now on, read together with the others of `gathering`."""
        self._takes_lines = takes_lines
        if self._transport is not None and self._gathering is None:
            self._transport.pause_reading()
            self._gathering = gathering
            gathering.add(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.data_received(data)
        elif self._transport is not None:
            self._leave()
            self._transport.resume_reading()  # The event loop sees for itself how it has ended.

    def _leave(self) -> None:
        if self._gathering is not None:
            self._gathering.remove(self._fd)
            self._gathering = None

    def _message(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            self._serve(self, message)
        else:
            self.send({"id": None, "ok": False, "error": {"problem": "not a JSON object", "code": 2}})

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Tell whoever cares that the client has gone."""
        self._leave()
        self._transport = None
        self.on_lost()

    @property
    def is_open(self) -> bool:
        """Whether the client is still there."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one line; a client that has gone gets nothing.

        What is sent in one turn of the loop leaves in one system call.
        """
        if not self.is_open:
            return
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        # What an agent cut in the middle of a character is no reason to say nothing at all.
        self._unsent.append(_encode(message).encode("utf-8", "replace") + b"\n")

    def _flush(self) -> None:
        lines, self._unsent = self._unsent, []
        if self._transport is None or not lines:
            return
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self._transport.abort()
            return
        self._transport.write(b"".join(lines))

    def close(self) -> None:
        """Hang up after what was sent."""
        self._flush()
        self._leave()
        if self._transport is not None:
            self._transport.close()


async def listen(path: str, serve: Callable[[Connection, dict[str, Any]], None]) -> asyncio.Server:
    """Listen on `path` (mode 0600), replacing a stale socket: the caller holds the session's lock."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    before = os.umask(0o177)
    try:
        return await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(serve), path, backlog=256
        )
    finally:
        os.umask(before)
