"""Who asks: an operator, or a live run's worker; the process that has connected tells, not its words."""

from __future__ import annotations

from pancode.core.state import World
from pancode.engine import processes


def run_of(world: World, pid: int | None) -> str | None:
    """Give the live run that a process belongs to: a worker's processes stay below its shim."""
    shims = {run.shim_pid: run.id for run in world.runs.values() if run.is_live and run.shim_pid is not None}
    if pid is None or not shims:
        return None
    return next((shims[above] for above in (pid, *processes.above(pid)) if above in shims), None)
