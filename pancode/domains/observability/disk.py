"""How much of the disk the session keeps, and whether it is nearly full: known without anybody waiting."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any

from pancode.core.host import Host
from pancode.domains.isolation.api import used
from pancode.domains.safety.api import Announcer
from pancode.engine import clock
from pancode.engine.places import Places

log = logging.getLogger("pancode")
FIRST_S = 10.0
"""After the session's start: the first frame and the first runs come first."""
LOOK_S = 30.0
"""How often it is looked at what is left, which costs a system call."""
KNOWN_S = 600.0
"""How long it is known what the session keeps; that costs a look at each of its files."""
LITTLE = 500 * 10**6
"""Bytes that are left when people are warned: a few clones and journals. On a small disk it is a tenth."""


class Disk:
    """Looks by itself, and tells what it has seen last."""

    def __init__(self, state: str, crossed: Callable[[str], None]) -> None:
        """Look at the disk of the session's `state`; `crossed` gets the warning, or "" when that is over."""
        self._state = state
        self._crossed = crossed
        self._bytes: int | None = None
        self._free: int | None = None
        self._warning = ""
        self._counted = -KNOWN_S
        self._counting: asyncio.Task[None] | None = None

    def told(self) -> dict[str, Any]:
        """Give `bytes` that the session keeps, `free` ones, and the `warning`; None: not known."""
        return {"bytes": self._bytes, "free": self._free, "warning": self._warning or None}

    async def watch(self) -> None:
        """Look for as long as the controller lives."""
        self.look()
        await clock.pause(FIRST_S)
        self.count_soon()
        while True:
            self.look()
            await clock.pause(LOOK_S)

    def look(self) -> None:
        """See how much is left."""
        try:
            found = os.statvfs(self._state)
        except OSError:
            return
        self._free = found.f_bavail * found.f_frsize
        is_little = self._free < min(LITTLE, found.f_blocks * found.f_frsize // 10)
        if is_little != bool(self._warning):
            left = f"only {self._free / 1e6:,.0f} MB left on the disk: pancode clean"
            self._warning = left if is_little else ""
            self._crossed(self._warning)

    def count_soon(self) -> None:
        """Count what is kept, beside everything else, unless that is known well enough."""
        if self._counting is None and clock.monotonic() - self._counted >= KNOWN_S:
            self._counting = asyncio.get_running_loop().create_task(self._count())

    async def _count(self) -> None:
        try:
            self._bytes = await asyncio.to_thread(used, self._state)
            self._counted = clock.monotonic()
        finally:
            self._counting = None


def watched_disk(host: Host, publish: Callable[[], None]) -> Disk:
    """Have the disk of the session watched; `publish` tells those who look that something is different."""
    announcer = host.need(Announcer)

    def crossed(warning: str) -> None:
        publish()
        if warning:
            log.warning("%s", warning)
            announcer.tell(warning, {"disk": disk.told()})

    disk = Disk(host.need(Places).state, crossed)
    host.background("disk", disk.watch)
    return disk
