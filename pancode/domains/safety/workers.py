"""What the inbox asks of the machine: a run's spec, and whether a process belongs to a worker."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.state import World
from pancode.engine import files, processes
from pancode.engine.places import Places

note = logging.getLogger("pancode").warning
"""Writes a sentence into the controller's log."""


def spec_reader(places: Places) -> Callable[[str], Mapping[str, Any]]:
    """Give a function that reads a run's spec; an empty one where there is none that can be read."""
    return lambda run: files.read_json(os.path.join(places.runs, run, "spec.json")) or {}


def is_worker(world: World, pid: int | None) -> bool:
    """Whether `pid` is a process of a live run, or nobody can say whose it is.

    A shim adopts whatever its worker leaves behind, so a worker's processes stay below it.
    """
    above = None if pid is None else processes.ancestors(pid)
    if pid is None or above is None:
        return True
    shims = {run.shim_pid for run in world.runs.values() if run.is_live and run.shim_pid is not None}
    return not shims.isdisjoint({pid, *above})
