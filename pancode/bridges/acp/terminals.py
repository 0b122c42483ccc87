"""The terminals that an agent has its client run: commands with their output kept up to a limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 16
"""Terminals that may be open at a time."""
MOST_BYTES = 1 << 20
"""Of a terminal's output, the end that is kept at most."""
_READ = 1 << 16


class Terminal:
    """One command, in a group of its own; its output is read until it ends."""

    def __init__(self, process: asyncio.subprocess.Process, most: int) -> None:
        """Keep the last `most` bytes."""
        self._process = process
        self._most = max(0, min(most, MOST_BYTES))
        self._data = bytearray()
        self._truncated = False
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        output = self._process.stdout
        while output is not None and (data := await output.read(_READ)):
            self._data += data
            if len(self._data) > self._most:
                self._truncated = True
                del self._data[: len(self._data) - self._most]
                while self._data and self._data[0] & 0xC0 == 0x80:  # noqa: PLR2004 -- no half character
                    del self._data[0]

    def output(self) -> dict[str, Any]:
        """Give what there is so far."""
        text = self._data.decode("utf-8", "replace")
        code = self._process.returncode
        ended = {} if code is None else {"exitStatus": _status(code)}
        return {"output": text, "truncated": self._truncated, **ended}

    async def wait(self) -> dict[str, Any]:
        """Wait for the end of the command and of its output."""
        code = await self._process.wait()
        await self._reading
        return _status(code)

    def kill(self) -> None:
        """End the command and what it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def release(self) -> None:
        """End it, and read no more."""
        self.kill()
        self._reading.cancel()


class Terminals:
    """All terminals of a session."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[str, Terminal] = {}
        self._number = 0

    async def create(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], most: int | None
    ) -> dict[str, Any]:
        """Start a command; OSError if that can't be, ValueError if too many are open."""
        if len(self._open) >= MOST:
            raise ValueError(f"{MOST} terminals are open already")
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=os.environ | dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._number += 1
        name = f"t{self._number}"
        self._open[name] = Terminal(process, MOST_BYTES if most is None else most)
        return {"terminalId": name}

    def get(self, name: object) -> Terminal:
        """Give the terminal of that ID; ValueError if there is none."""
        found = self._open.get(name) if isinstance(name, str) else None
        if found is None:
            raise ValueError(f'there is no terminal "{name}"')
        return found

    def release(self, name: object) -> None:
        """Forget one."""
        self.get(name).release()
        self._open.pop(str(name), None)

    def close(self) -> None:
        """End all."""
        for each in self._open.values():
            each.release()
        self._open.clear()


def _status(code: int) -> dict[str, Any]:
    if code >= 0:
        return {"exitCode": code, "signal": None}
    return {"exitCode": None, "signal": signal.Signals(-code).name}
