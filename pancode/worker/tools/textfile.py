"""Files as text: what kind a file is, which encoding it has, and back into the same bytes."""

from __future__ import annotations

import os
import stat

from pancode.worker.tools.limits import MOST_EDITED
from pancode.worker.tools.outcome import ToolError, reason

HEAD = 8192
"""Bytes by which a file is known as text or not."""
_MOST_CONTROLS = 0.1
_PLAIN_CONTROLS = b"\t\n\r\f\b\x1b"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_WORDS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16 (big endian)", "latin-1": "Latin-1"}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or a document of an office program)"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"(\xb5/\xfd", "a zstd file"),
    (b"\x7fELF", "a program or library"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xca\xfe\xba\xbe", "a Java class or a Mach-O program"),
    (b"\x00asm", "a WebAssembly module"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
)
_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


class Text:
    """The whole text of a file with what it takes to write it back: its encoding and byte order mark."""

    __slots__ = ("bom", "encoding", "text")

    def __init__(self, text: str, encoding: str = "utf-8", bom: bytes = b"") -> None:
        """Name the encoding as Python does."""
        self.text = text
        self.encoding = encoding
        self.bom = bom

    def encoded(self, text: str) -> bytes:
        """Give `text` as this file's bytes; raise ToolError for a character that its encoding lacks."""
        try:
            return self.bom + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            letter = text[error.start : error.start + 1]
            if "\ud800" <= letter <= "\udfff":
                raise ToolError(
                    "the text has half of a surrogate pair in it, which no file can hold"
                ) from None
            raise ToolError(
                f'the file is {words(self.encoding)} and can\'t hold "{letter}"; use other characters, or '
                "convert the file first"
            ) from None


def words(encoding: str, bom: bytes = b"") -> str:
    r"""Name an encoding for people.

    >>> words("utf-8", b"\xef\xbb\xbf"), words("utf-16-le", b"\xff\xfe")
    ('UTF-8 with a byte order mark', 'UTF-16')
    """
    return _WORDS[encoding] + (" with a byte order mark" if bom and encoding == "utf-8" else "")


def opened(path: str) -> tuple[int, int]:
    """Open a plain file for reading; give descriptor and size; raise ToolError."""
    try:
        about = os.stat(path)
        check_plain(path, about)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise ToolError(_missing(error, path)) from None
    try:
        about = os.fstat(fd)
        check_plain(path, about)
    except ToolError:
        os.close(fd)
        raise
    return fd, about.st_size


def check_plain(path: str, about: os.stat_result) -> None:
    """Raise ToolError for what isn't a plain file: some never end, others wait for somebody."""
    if stat.S_ISDIR(about.st_mode):
        raise ToolError(f"{path} is a directory; use ls or find")
    for is_it, kind in _SPECIAL:
        if is_it(about.st_mode):
            raise ToolError(f"{path} is {kind}, not a file with text")


def _missing(error: OSError, path: str) -> str:
    said = reason(error, path)
    if not isinstance(error, FileNotFoundError):
        return said
    from difflib import get_close_matches

    folder, name = os.path.split(path)
    try:
        near = get_close_matches(name, os.listdir(folder or ".")[:MOST_NAMES], 3)
    except OSError:
        return said
    return f"{said}; there is {', '.join(os.path.join(folder, each) for each in near)}" if near else said


MOST_NAMES = 5000


def recognised(head: bytes, path: str, size: int) -> tuple[str, bytes]:
    """Give the encoding that a file begins in, and its byte order mark; raise ToolError if it isn't text."""
    kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if kind is None:
        for bom, encoding in _BOMS:
            if head.startswith(bom):
                return encoding, bom
        kind = None if _is_text(head) else "binary data"
    if kind is not None:
        raise ToolError(f"{path} is {kind} of {size:,} bytes, not text; it can't be shown or edited here")
    return "utf-8", b""


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    controls = sum(head.count(code) for code in range(32) if code not in _PLAIN_CONTROLS)
    return controls <= _MOST_CONTROLS * len(head)


def loaded(path: str) -> Text:
    """Give a whole file, if it is a text of at most MOST_EDITED bytes; raise ToolError."""
    fd, size = opened(path)
    try:
        data = b""
        while len(data) <= MOST_EDITED and (part := os.read(fd, 1 << 20)):
            data += part
    except OSError as error:
        raise ToolError(reason(error, path)) from None
    finally:
        os.close(fd)
    if len(data) > MOST_EDITED:
        raise ToolError(f"{path} has {size:,} bytes; files up to {MOST_EDITED >> 20} MB can be edited")
    return decoded(data, path)


def decoded(data: bytes, path: str) -> Text:
    """Give bytes as a text that `encoded` turns into the same bytes again; raise ToolError."""
    encoding, bom = recognised(data[:HEAD], path, len(data))
    try:
        return Text(data[len(bom) :].decode(encoding), encoding, bom)
    except UnicodeDecodeError:
        if encoding != "utf-8" or bom:
            raise ToolError(f"{path} begins as {words(encoding, bom)}, but is not valid as such") from None
        return Text(data.decode("latin-1"), "latin-1")
