"""Who asks: an operator, or a live run's worker; the process that has connected tells, not its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pancode.core.errors import ExitCode, PanError
from pancode.core.state import Run, World
from pancode.engine import processes

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest

_OPERATORS = ("endpoint", "group", "node", "at_once", "written", "beside", "start_from")
"""What only the operator, and PanCode's own flows and verbs, say in a request."""


def run_of(world: World, pid: int | None) -> str | None:
    """Give the live run that a process belongs to: a worker's processes stay below its shim.

    PanError REFUSED for one that has ended or can't be followed up: it may have been a worker's.
    """
    shims = {run.shim_pid: run.id for run in world.runs.values() if run.is_live and run.shim_pid is not None}
    if pid is None or not shims:
        return None
    line = (pid, *processes.above(pid))
    found = next((shims[one] for one in line if one in shims), None)
    if found is None and line[-1] > 1:
        raise PanError(
            "nobody can say who asks: the process that has connected is gone, or too deeply nested",
            remedy="ask once more, from a terminal of yours",
            code=ExitCode.REFUSED,
        )
    return found


def of_worker(request: RunRequest, asker: Run) -> RunRequest:
    """Give a worker's request as its run's: no sooner than that one, and known again by its own key alone.

    PanError REFUSED names what a worker can't say.
    """
    for name in _OPERATORS:
        if getattr(request, name) is not None:
            raise PanError(f'a worker can\'t say "{name}"', remedy="leave it out", code=ExitCode.REFUSED)
    own: dict[str, object] = {"parent": asker.id, "by_operator": False, "from_file": False, "keep": False}
    own["env"] = {}  # The operator's variables hold for what a worker asks for, too.
    own["priority"] = min(request.priority, asker.priority)
    return request.model_copy(update=own | ({"key": f"{asker.id}/{request.key}"} if request.key else {}))


def check_own(world: World, pid: int | None, run_id: str) -> None:
    """Raise PanError REFUSED if a worker asks about a run that is neither its own nor asked for by it."""
    asker, run = run_of(world, pid), world.runs.get(run_id)
    if asker is not None and asker != run_id and (run is None or run.parent != asker):
        raise PanError(
            f"run {asker} can't do this to run {run_id}: it didn't ask for it",
            remedy="an operator can, in a terminal of theirs",
            code=ExitCode.REFUSED,
        )
