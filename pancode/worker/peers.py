"""Who is at the other end of a Unix socket."""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

SOL_SOCKET, SO_PEERCRED = 1, 17
_SIZE = 12
"""Bytes of pid, uid and gid."""


def is_ours(line: _socket.socket) -> bool:
    """Whether this user or root is at the other end; raise OSError."""
    credentials = line.getsockopt(SOL_SOCKET, SO_PEERCRED, _SIZE)
    return int.from_bytes(credentials[4:8], sys.byteorder) in (posix.getuid(), 0)
