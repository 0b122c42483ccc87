"""The socket at which loops are asked for; light, as it has to be there before anything heavy is."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

_BACKLOG = 128


def listen(path: str) -> socket.socket:
    """Listen on the Unix socket `path`, taking the place of a host that was killed; raise OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    new = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    listener.bind(new)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    os.rename(new, path)
    return listener


def is_ours(line: socket.socket) -> bool:
    """Whether the other end runs as this user, or as root."""
    raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", raw)[1] in (os.getuid(), 0)
