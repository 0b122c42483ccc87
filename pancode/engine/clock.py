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


def boot() -> str:
    """Give the name of this boot of the machine: what was alive before another one is not any more."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"


async def pause(seconds: float) -> None:
    """Let other tasks run for `seconds`."""
    await asyncio.sleep(seconds)
