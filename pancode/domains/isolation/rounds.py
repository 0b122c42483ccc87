"""Lets many share one piece of work, without anybody getting what was begun before they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """One round at a time for each key, in a thread; who comes while one goes on shares the next."""

    def __init__(self) -> None:
        """Begin with nothing going on."""
        self._next: dict[Hashable, asyncio.Task[T]] = {}
        self._now: dict[Hashable, asyncio.Task[T]] = {}

    async def join(self, key: Hashable, work: Callable[[], T]) -> T:
        """Give what `work` gives when it is called after this moment, perhaps on somebody else's behalf."""
        if key not in self._next:
            task = self._begin(key, work, self._now.get(key))
            self._next[key] = asyncio.get_running_loop().create_task(task)
        return await asyncio.shield(self._next[key])

    async def _begin(self, key: Hashable, work: Callable[[], T], before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._now[key] = self._next.pop(key)
        try:
            return await asyncio.to_thread(work)
        finally:
            if key not in self._next:
                self._now.pop(key, None)
