"""JSON lines over a socket, for asyncio: requests with numbers, and whatever else the other end says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

LONGEST = 64 << 20


class GoneError(Exception):
    """The other end has hung up."""


class Lines:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk by the two halves of a stream."""
        self._reader = reader
        self._writer = writer

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send one message; raise GoneError."""
        try:
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            await self._writer.drain()
        except OSError:
            raise GoneError from None

    async def separate(self) -> None:
        """End whatever line an earlier speaker has left without its end; raise GoneError."""
        try:
            self._writer.write(b"\n")
            await self._writer.drain()
        except OSError:
            raise GoneError from None

    async def hear(self) -> dict[str, Any]:
        """Give the next message, leaving out what is none; raise GoneError at the end."""
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):
                raise GoneError from None
            if not line.endswith(b"\n"):
                raise GoneError
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
