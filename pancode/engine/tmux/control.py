"""A lasting connection to a tmux server (control mode): commands cost a twentieth of a millisecond."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence

from pancode.engine.tmux.failure import TmuxError, TmuxGoneError, TmuxTimeoutError
from pancode.engine.tmux.lines import Answer, LineReader, Notice, request
from pancode.engine.tmux.server import look
from pancode.engine.tmux.wire import Wire, open_wire

CONTROL_SESSION = "_ctl"
COMMAND_SECONDS = 5.0
"""A server that doesn't answer for this long hangs or is stopped."""
RETRY_SECONDS = 0.05
"""Pause before a lost connection is tried again; a living server takes it at once."""

Command = list[str]


def _ignore(_notice: Notice) -> None:
    """Take no interest."""


class Control:
    """A control client in the hidden session; it comes back by itself as long as the server lives.

    `on_notice` gets every notification of tmux, and Notice("reconnected", "") after a connection was
    lost and made again: events may have been missed then, so the caller lists anew. `on_gone` is
    called once when the server itself has ended.
    """

    def __init__(
        self,
        path: str,
        *,
        on_notice: Callable[[Notice], None] = _ignore,
        on_gone: Callable[[], None] = lambda: None,
        binary: str = "tmux",
    ) -> None:
        """Name the server's socket; `connect` starts the connection."""
        self.path = path
        self.is_gone = False
        """Whether this connection has ended for good: by `close`, or as the server has ended."""
        self._binary = binary
        self._on_notice = on_notice
        self._on_gone = on_gone
        self._wire: Wire | None = None
        self._ready = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        self._prefix = ""

    async def connect(self) -> None:
        """Open the connection; TmuxGoneError where no server or no hidden session is there."""
        wire = await self._open()
        self._task = asyncio.create_task(self._keep(wire), name="tmux-control")

    async def command(self, *words: str, seconds: float | None = COMMAND_SECONDS) -> list[str]:
        """Run one tmux command and give its output lines.

        Every word arrives exactly as it is. TmuxError with tmux's message if it refuses,
        TmuxTimeoutError after `seconds` (None waits for ever), TmuxGoneError if the server is gone.
        """
        return await self.chain([list(words)], seconds=seconds)

    async def chain(
        self, commands: Sequence[Command], *, seconds: float | None = COMMAND_SECONDS
    ) -> list[str]:
        """Run commands as one chain: the first that fails drops the rest and raises TmuxError."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._send(list(commands))
        except TimeoutError:
            raise TmuxTimeoutError(f"no answer within {seconds:g} s") from None
        lines: list[str] = []
        for block in answer.blocks:
            if block.failed:
                raise TmuxError(" ".join(block.lines) or "the command failed")
            lines += block.lines
        return lines

    async def close(self) -> None:
        """Hang up; whoever still waits for an answer gets TmuxGoneError."""
        self.is_gone = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._hang_up()
        self._ready.set()

    async def _send(self, commands: list[Command]) -> Answer:
        self._count += 1
        number = self._count
        while True:
            await self._ready.wait()
            if self.is_gone:
                raise TmuxGoneError("the connection is closed")
            marker = f"{self._prefix}{number}"
            if self._wire is not None and self._wire.send(request(commands, marker)):
                break
            self._ready.clear()
        self._waiting[marker] = asyncio.get_running_loop().create_future()
        return await self._waiting[marker]

    async def _open(self) -> Wire:
        if look(self.path).state != "alive":
            raise TmuxGoneError(f"no server at {self.path}")
        wire = self._wire = await open_wire(self._binary, self.path, CONTROL_SESSION)
        # Unguessable, so that no pane's text in an answer can be taken for a marker.
        self._prefix = f"pc{secrets.token_hex(8)}-"
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                greeted = await wire.greeted
        except TimeoutError:
            await self._hang_up()
            raise TmuxTimeoutError(f"no greeting within {COMMAND_SECONDS:g} s") from None
        if not greeted:
            await self._hang_up()
            raise TmuxGoneError(f'the server has no session "{CONTROL_SESSION}"')
        reader = LineReader(self._prefix)
        wire.on_line = lambda line: self._take(reader, line)
        self._ready.set()
        return wire

    def _take(self, reader: LineReader, line: str) -> None:
        found = reader.feed(line)
        match found:
            case Notice():
                self._on_notice(found)
            case Answer(marker=marker):
                future = self._waiting.pop(marker, None)
                if future is not None and not future.done():
                    future.set_result(found)
            case None:
                pass

    async def _keep(self, wire: Wire) -> None:
        while True:
            await asyncio.shield(wire.ended)
            self._ready.clear()
            await self._hang_up()
            again = await self._reopen()
            if again is None:
                break
            wire = again
            self._on_notice(Notice("reconnected", ""))
        self.is_gone = True
        self._ready.set()
        self._on_gone()

    async def _reopen(self) -> Wire | None:
        while True:
            try:
                return await self._open()
            except TmuxTimeoutError:
                continue
            except TmuxError:
                if look(self.path).state in ("absent", "stale"):
                    return None
            await asyncio.sleep(RETRY_SECONDS)

    async def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(TmuxGoneError("the connection was lost before the answer came"))
        self._waiting.clear()
        if wire is not None:
            wire.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMMAND_SECONDS):
                    await wire.exited
