"""Removes what was kept for longer than the settings say: checkpoints, results, settled changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from pancode.core.errors import PanError
from pancode.core.host import Host
from pancode.domains.isolation.api import Work, old, prune
from pancode.domains.panconfigure.api import Configuration
from pancode.engine import clock
from pancode.engine.places import Places

DAY = 86_400.0


def tidy(places: Places, days: float, *, dry_run: bool = False) -> list[str]:
    """Remove what is older than so many days, and say what; with `dry_run` only say it.

    PanError CONFLICT while somebody merges. What is merged nowhere, and a run's own record, always stay.
    """
    before = clock.now() - days * DAY
    work = Work(places)
    found = old(work, before)
    if found and not dry_run:
        prune(work, found, before)
    results = _old_results(os.path.join(places.state, "flow-cache"), before)
    for path in () if dry_run else results:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    said = [f"{len(results)} result{'' if len(results) == 1 else 's'} of flows"] if results else []
    return [*(one.what for one in found), *said]


def _old_results(directory: str, before: float) -> list[str]:
    try:
        paths = [os.path.join(directory, name) for name in os.listdir(directory)]
        return [path for path in paths if os.stat(path).st_mtime < before]
    except OSError:
        return []


def register_tidying(host: Host, note: Callable[[str], None]) -> None:
    """Tidy once, in the background, where the settings say for how long things are kept."""
    places, configuration = host.need(Places), host.need(Configuration)

    async def tidy_once() -> None:
        days = configuration.current().keep_days
        if days is None:
            return
        try:
            for what in await asyncio.to_thread(tidy, places, days):
                note(f"older than {days:g} days, and removed: {what}")
        except (PanError, OSError) as error:
            note(f"what is older than {days:g} days stays for now: {error}")

    host.background("tidy", tidy_once)
