"""The connection to a session's fork server (`pancode/worker/forkserver.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

from pancode.engine.shipped import adapters_dir, boot_file
from pancode.version import __version__

PATIENCE = 2.0
"""Seconds that a fork may take; it takes a millisecond, or as long as fifty others before it."""
ROOM = 2048
"""Bytes that a fork server's command line is made longer by, for the longest path of a run's folder."""


class Forks:
    """Orders forks and hears of their pids. With no fork server, `fork` says None at once."""

    def __init__(self, socket: str) -> None:
        """Connect to nothing yet."""
        self.stamp = _stamp()
        self._socket = socket
        self._writer: asyncio.StreamWriter | None = None
        self._answers: deque[asyncio.Future[int | None]] = deque()

    @property
    def is_up(self) -> bool:
        """Whether there is a fork server with the code that this process has."""
        return self._writer is not None

    async def fork(self, order: Mapping[str, Any]) -> int | None:
        """Have a worker forked; give its pid, or None if nobody knows whether it was."""
        if self._writer is None:
            return None
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self._writer.write(_line({"do": "fork", **order}))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            # One that hangs is none; what it answers later would be taken for the answer to another order.
            self._hang_up()
            return None

    async def serve(self) -> bool:
        """Connect, and be up until the fork server ends; False if nobody listens.

        One that has other code than this process is ended.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            hello = json.loads(await reader.readline() or "{}")
            if hello.get("stamp") != self.stamp:
                writer.write(_line({"do": "end"}))
                await reader.read()
                return True
            self._writer = writer
            while line := await reader.readline():
                self._answered(json.loads(line))
        except (OSError, ValueError):
            pass
        finally:
            self._hang_up()
            writer.close()
        return True

    def _answered(self, answer: Mapping[str, Any]) -> None:
        if self._answers:
            waiting = self._answers.popleft()
            if not waiting.done():
                waiting.set_result(answer.get("pid"))

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        while self._answers:
            waiting = self._answers.popleft()
            if not waiting.done():
                waiting.set_result(None)


def command(python: str, socket: str, stamp: str) -> list[str]:
    """Give the command line of a fork server; the last word is room for those of its workers."""
    folder = adapters_dir()
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py") and name[0] != "_")
    adapters = [os.path.join(folder, name) for name in names]
    return [python, "-I", "-S", boot_file(), "--fork-server", socket, stamp, *adapters, "-" * ROOM]


def _stamp() -> str:
    """Name the code that workers are made of, as it is on disk now."""
    newest = count = 0
    for folder in (os.path.dirname(boot_file()), adapters_dir()):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    newest, count = max(newest, entry.stat().st_mtime_ns), count + 1
    return f"{__version__}-{count}-{newest}"


def _line(order: Mapping[str, Any]) -> bytes:
    return json.dumps(order).encode() + b"\n"
