"""The process behind a control connection: a `tmux -C` whose lines are always drained."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

GREETING = (b"%end ", b"%error ")


class Wire(asyncio.SubprocessProtocol):
    """Splits what the control client prints into lines; reads even when nobody cares, or tmux would hang."""

    def __init__(self) -> None:
        """Start unconnected."""
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[bool] = loop.create_future()
        """True once attached, False where tmux refused."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done as soon as nothing more will come."""
        self.exited: asyncio.Future[None] = loop.create_future()
        """Done when the process has been waited for."""
        self.on_line: Callable[[str], None] = lambda _line: None
        self._transport: asyncio.SubprocessTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 -- narrows the type
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 -- asyncio's signature
        """Hand on complete lines; the first answer is that of the attach command itself."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if self.greeted.done():
                self.on_line(line.decode("utf-8", "surrogateescape"))
            elif line.startswith(GREETING):
                self.greeted.set_result(line.startswith(b"%end "))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Notice that the client ends: it has closed its output."""
        self._over()

    def process_exited(self) -> None:
        """Notice that the client has ended."""
        self._over()
        if not self.exited.done():
            self.exited.set_result(None)

    def _over(self) -> None:
        if not self.greeted.done():
            self.greeted.set_result(False)
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, text: str) -> bool:
        """Write `text`; False where the client is gone."""
        pipe = self._transport.get_pipe_transport(0) if self._transport is not None else None
        if pipe is None or self.ended.done() or not isinstance(pipe, asyncio.WriteTransport):
            return False
        pipe.write(text.encode("utf-8", "surrogateescape"))
        return True

    def close(self) -> None:
        """End the client: it holds nothing worth waiting for."""
        if self._transport is not None:
            self._transport.close()


async def open_wire(binary: str, path: str, session: str) -> Wire:
    """Start a control client of `session`, one that neither gets panes' output nor counts for their size."""
    environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
    _, wire = await asyncio.get_running_loop().subprocess_exec(
        Wire,
        *(
            binary,
            "-S",
            path,
            "-u",
            "-C",
            "attach-session",
            "-t",
            f"={session}",
            "-f",
            "no-output,ignore-size",
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    return wire
