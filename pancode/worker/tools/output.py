"""What a command prints: its beginning and its end for the model, all of it in a file when it is long."""

from __future__ import annotations

import codecs
import os

from pancode.worker.sanitise import plain
from pancode.worker.text import as_read
from pancode.worker.tools.limits import MOST_KEPT, MOST_TEXT

_ROOM = 1000
"""Characters of an answer that are for what is said about the output."""
_HEAD = (MOST_TEXT - _ROOM) // 3
_TAIL = MOST_TEXT - _ROOM - _HEAD
_numbers = iter(range(1, 1 << 62))


class Output:
    """Takes in bytes as they come; `text` is what a model is given of them."""

    __slots__ = ("_all", "_decoder", "_fd", "_head", "_tail", "lost", "path", "size")

    def __init__(self) -> None:
        """Begin with nothing; `path` is the file with all of it, once there is one."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = self._tail = ""
        self._all = bytearray()
        self._fd = -1
        self.path = ""
        self.size = 0
        self.lost = ""

    def feed(self, data: bytes) -> str:
        """Take in bytes; give them as text."""
        self.size += len(data)
        self._keep(data)
        text = self._decoder.decode(data)
        room = max(0, _HEAD - len(self._head))
        self._head += text[:room]
        if text[room:]:
            self._tail = (self._tail + text[room:])[-_TAIL:]
        return text

    def _keep(self, data: bytes) -> None:
        """Keep everything in memory while it is short, then in a file."""
        if self.lost:
            return
        if self._fd < 0 and self.size <= _HEAD + _TAIL:
            self._all += data
            return
        try:
            if self._fd < 0:
                self._open()
                data, self._all = bytes(self._all) + data, bytearray()
            if self.size > MOST_KEPT:
                self.lost = f"only the first {MOST_KEPT >> 20} MB of it are in"
                return
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self.lost = f"not all of it could be kept ({(error.strerror or str(error)).lower()}) in"

    def _open(self) -> None:
        folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 -- the worker's own, inside its sandbox
        self.path = os.path.join(folder, f"pancode-{os.getpid()}-{next(_numbers)}.txt")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)

    def text(self) -> str:
        """Give what was printed as a person would have read it, without the middle if it is long."""
        self._head += self._decoder.decode(b"", final=True) if not self._tail else ""
        if len(self._tail) < _TAIL:
            return _as_read(self._head + self._tail).rstrip("\n")
        # The cut is made between lines where there are any.
        head = self._head[: self._head.rfind("\n") + 1 or None].rstrip("\n")
        tail = self._tail[self._tail.find("\n") + 1 :] or self._tail
        left_out = (
            f"[the middle of {self.size:,} bytes is left out; {self.lost or 'all of it is in'} {self.path}]"
        )
        return f"{_as_read(head)}\n{left_out}\n{_as_read(tail)}".rstrip("\n")

    def close(self) -> None:
        """Close the file; it stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _as_read(text: str) -> str:
    r"""Give what is left of colours and progress bars.

    >>> _as_read("\x1b[1m 10%\r100%\x1b[0m\r\n")
    '100%\n'
    """
    return plain(as_read(text))
