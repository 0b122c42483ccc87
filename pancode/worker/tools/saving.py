"""Puts bytes into a file so that a reader sees all or nothing, and the file stays what it was otherwise."""

from __future__ import annotations

import os

from pancode.worker.tools.outcome import ToolError, reason
from pancode.worker.tools.textfile import check_plain

_IN_PLACE = (1, 13, 16, 18, 30)
"""EPERM, EACCES, EBUSY, EXDEV, EROFS: the directory refuses, the file itself may not."""
_UNSUPPORTED = (22, 95)  # EINVAL, EOPNOTSUPP
_PERMISSIONS = 0o7777
_numbers = iter(range(1, 1 << 62))


def save(path: str, data: bytes) -> None:
    """Write `data` to `path`, at the end of its symbolic links; directories are made; raise ToolError."""
    try:
        target = os.path.realpath(path)
        about = _existing(target)
        if about is None:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _beside(target, data, None)
        elif about.st_nlink == 1 and about.st_uid == os.geteuid():
            try:
                _beside(target, data, about.st_mode & _PERMISSIONS)
            except OSError as error:
                if error.errno not in _IN_PLACE:
                    raise
                _in_place(target, data)
        else:
            # Another file would be neither its owner's nor the one behind its other names.
            _in_place(target, data)
    except OSError as error:
        raise ToolError(reason(error, path)) from None


def _existing(target: str) -> os.stat_result | None:
    """Give the file that is there and may be written, None if there is none."""
    try:
        about = os.stat(target)
    except FileNotFoundError:
        return None
    check_plain(target, about)
    os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    return about


def _beside(target: str, data: bytes, mode: int | None) -> None:
    """Write a new file and give it the name; `mode` None: as new files are."""
    new = os.path.join(os.path.dirname(target), f".pancode-{os.getpid()}-{next(_numbers)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(new, flags, 0o666 if mode is None else 0o600)
    try:
        try:
            _all(fd, data)
            if mode is not None:
                os.fchmod(fd, mode)
        finally:
            os.close(fd)
        os.rename(new, target)
    except BaseException:
        os.unlink(new)
        raise


def _in_place(target: str, data: bytes) -> None:
    """Write over the file itself; that there is room for it is made sure of before."""
    fd = os.open(target, os.O_WRONLY | os.O_CLOEXEC)
    try:
        try:
            if data:
                os.posix_fallocate(fd, 0, len(data))
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        _all(fd, data)
        os.ftruncate(fd, len(data))
    finally:
        os.close(fd)


def _all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
