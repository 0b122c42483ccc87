"""A popup at the terminal of whoever was active last, and the bell of every terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from pancode.engine.tmux.control import Control
from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.text import tmux_text

_LONGEST = 200
"""Characters of a sentence."""
_SAID_MS = "15000"
"""How long a sentence stays, or until a key is pressed."""
_CLIENT = "#{client_activity} #{client_control_mode} #{client_name} #{client_tty}"


@dataclass(frozen=True, slots=True)
class _Client:
    active: int
    name: str
    tty: str


class Popups:
    """Shows one program in a popup; `display-popup` holds its connection, so each has one of its own."""

    def __init__(self, control: Control, argv: Sequence[str], binary: str = "tmux") -> None:
        """Look for clients over `control`; `argv` is what a popup runs."""
        self._control = control
        self._argv = list(argv)
        self._binary = binary
        self._is_open = False
        self._saying: set[asyncio.Task[None]] = set()

    async def show(self) -> None:
        """Open the popup and return when it is closed; not a second one, and none with nobody there."""
        clients = await self._clients()
        if self._is_open or not clients:
            return
        latest = max(clients, key=lambda client: client.active)
        words = ["display-popup", "-c", latest.name, "-E", "-w", "90%", "-h", "70%", *self._argv]
        self._is_open = True
        try:
            process = await asyncio.create_subprocess_exec(
                self._binary, "-S", self._control.path, *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            await process.wait()
        finally:
            self._is_open = False

    async def ring(self) -> None:
        """Ring the bell of every terminal that is attached."""
        for client in await self._clients():
            with contextlib.suppress(OSError):
                terminal = os.open(client.tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    os.write(terminal, b"\a")
                finally:
                    os.close(terminal)

    def say(self, sentence: str) -> None:
        """Show a sentence in the status line of every terminal that is attached."""
        task = asyncio.get_running_loop().create_task(
            self._said(tmux_text(sentence, _LONGEST).replace("%", "%%"))
        )
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _said(self, text: str) -> None:
        for client in await self._clients():
            with contextlib.suppress(TmuxError):
                await self._control.command("display-message", "-c", client.name, "-d", _SAID_MS, text)

    async def _clients(self) -> list[_Client]:
        try:
            lines = await self._control.command("list-clients", "-F", _CLIENT)
        except TmuxError:
            return []
        rows = [line.split(" ") for line in lines]
        return [_Client(int(row[0]), row[2], row[3]) for row in rows if len(row) == 4 and row[1] == "0"]  # noqa: PLR2004 -- the fields of the format
