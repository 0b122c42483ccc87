"""Writing below a directory that a worker had, without following any link it may have left there."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence
from typing import Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class InHome:
    """A directory tree, open at its top; every path given is relative to that. Raises OSError."""

    def __init__(self, top: str) -> None:
        """Open `top`, made with mode 0700 if it is missing."""
        os.makedirs(top, mode=0o700, exist_ok=True)
        self._top = os.open(top, _FOLDER)
        self._open: dict[str, int] = {"": self._top}

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every directory."""
        for fd in self._open.values():
            os.close(fd)

    def folder(self, path: str) -> int:
        """Give the descriptor of a directory, made if it is missing; what else has its name goes."""
        if path not in self._open:
            around = self.folder(os.path.dirname(path))
            name = os.path.basename(path)
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=around)
            try:
                fd = os.open(name, _FOLDER, dir_fd=around)
            except OSError:
                self._remove(name, around)
                os.mkdir(name, 0o700, dir_fd=around)
                fd = os.open(name, _FOLDER, dir_fd=around)
            self._open[path] = fd
        return self._open[path]

    def write(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Put a new file with `data` at `path`, whatever was there."""
        around, name = self.folder(os.path.dirname(path)), os.path.basename(path)
        self._remove(name, around)
        fd = os.open(name, _NEW, mode, dir_fd=around)
        with os.fdopen(fd, "wb") as file:
            file.write(data)

    def point(self, path: str) -> None:
        """See that something can be mounted on the file `path`."""
        around, name = self.folder(os.path.dirname(path)), os.path.basename(path)
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG(os.lstat(name, dir_fd=around).st_mode):
                return
        self.write(path, b"")

    def read(self, path: str, most: int) -> tuple[bytes, float] | None:
        """Give bytes and mtime; None unless it is a regular file, has one name and at most `most` bytes."""
        try:
            around = self._existing(os.path.dirname(path).split("/"))
        except OSError:
            return None
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(os.path.basename(path), flags, dir_fd=around)
        except OSError:
            return None
        finally:
            os.close(around)
        with os.fdopen(fd, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1 or about.st_size > most:
                return None
            return file.read(most + 1), about.st_mtime

    def _existing(self, names: Sequence[str]) -> int:
        """Open the directory at `names` one by one."""
        fd = os.dup(self._top)
        for name in filter(None, names):
            try:
                deeper = os.open(name, _FOLDER, dir_fd=fd)
            finally:
                os.close(fd)
            fd = deeper
        return fd

    @staticmethod
    def _remove(name: str, around: int) -> None:
        try:
            os.unlink(name, dir_fd=around)
        except FileNotFoundError:
            return
        except IsADirectoryError:
            shutil.rmtree(name, dir_fd=around)
