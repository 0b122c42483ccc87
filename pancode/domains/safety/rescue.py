"""The place of whoever keeps a work tree's state before an approved action: another domain, or nobody."""

from __future__ import annotations

from typing import Protocol

KEPT_PROMISES = 1000
"""More questions than that are never open at the same time."""


class Keeper(Protocol):
    """Keeps what a run may change."""

    def can(self, run: str) -> bool:
        """Whether it can be kept."""

    async def keep(self, run: str, name: str) -> None:
        """Keep it, under `name`; raise an error if that fails."""


class Rescue:
    """Passes on to the keeper, if there is one."""

    def __init__(self) -> None:
        """Begin without a keeper."""
        self._keeper: Keeper | None = None
        self._promised: dict[tuple[str, str], None] = {}

    def use(self, keeper: Keeper) -> None:
        """Let `keeper` do it from here on."""
        self._keeper = keeper

    def can(self, run: str) -> bool:
        """Whether what the run may change can be kept."""
        return self._keeper is not None and self._keeper.can(run)

    def promise(self, run: str, name: str) -> bool:
        """Whether it can be kept under `name`; a yes holds, also if that can't be promised later any more."""
        if not self.can(run):
            return False
        self._promised[run, name] = None
        if len(self._promised) > KEPT_PROMISES:
            del self._promised[next(iter(self._promised))]
        return True

    def owes(self, run: str, name: str) -> bool:
        """Whether it must be kept under `name` before the action is done."""
        return (run, name) in self._promised or self.can(run)

    async def keep(self, run: str, name: str) -> None:
        """Keep it; raise an error if that fails."""
        if self._keeper is not None:
            await self._keeper.keep(run, name)
