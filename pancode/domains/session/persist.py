"""What ended runs still leave on the disk before the controller goes: their changes, and the index."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pancode.core.errors import PanError
from pancode.core.state import Run

Collected = Callable[[str], Awaitable[Any]]
"""Returns when the changes of an isolated run have been collected."""


async def persist(runs: list[Run], collected: Collected, commit: Callable[[], None]) -> list[str]:
    """Write all down; give a sentence for each that couldn't be."""
    ended = [run.id for run in runs if run.isolated and not run.is_live]
    told = await asyncio.gather(*(collected(run) for run in ended), return_exceptions=True)
    left = [
        f"the changes of run {run} are not collected: {result}"
        for run, result in zip(ended, told, strict=True)
        if isinstance(result, BaseException)
    ]
    try:
        commit()
    except (PanError, OSError) as error:
        left.append(f"the index is not up to date: {error}")
    return left
