"""The only door to time: wall seconds, monotonic seconds, and waiting."""

from __future__ import annotations

import asyncio
import time


def now() -> float:
    """Give wall-clock seconds since the epoch."""
    return time.time()


def monotonic() -> float:
    """Give seconds that never jump; only differences mean anything."""
    return time.monotonic()


async def pause(seconds: float) -> None:
    """Let other tasks run for `seconds`."""
    await asyncio.sleep(seconds)
