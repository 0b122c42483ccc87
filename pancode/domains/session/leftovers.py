"""What killed sessions leave behind: processes, runtime directories, handed over secrets. Found and cleaned.

Only what carries the marks of this user's PANCODE_HOME is looked at. Run folders and clones are no leftovers:
`pancode runs` and `pancode recover` list them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pancode.domains.session import locks
from pancode.domains.session.listing import all_sessions
from pancode.domains.session.start import clear_runtime
from pancode.engine import places as where
from pancode.engine.places import Places
from pancode.engine.tmux import family

PATIENCE = 5.0
"""Seconds for a shim to end its agent before it is killed."""
GRACE = 15.0
"""Seconds after a run's end in which its last processes may still be going."""


Kind = Literal["process", "runtime", "secret"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that nothing lists any more. `state` is the state directory of the session that it was of."""

    kind: Kind
    what: str
    why: str
    state: str
    process: family.Process | None = None

    def is_of(self, places: Places) -> bool:
        """Whether it was this session's."""
        return self.state == places.state

    def told(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"kind": self.kind, "what": self.what, "why": self.why, "state": self.state}


def leftovers() -> list[Leftover]:
    """Find all, the processes first."""
    up = {
        listed.places.state: listed.places for listed in all_sessions() if _is_up(listed.places, listed.is_up)
    }
    return [*_processes(up), *_runtimes(up), *_secrets(up)]


def _is_up(places: Places, tmux: bool) -> bool:
    return tmux or not locks.wait_for_free(places.lock, 0.0)


def _processes(up: dict[str, Places]) -> Iterator[Leftover]:
    home = os.path.join(where.home(), "projects") + os.sep
    for process, run_dir in family.carrying("PANCODE_RUN_DIR"):
        state = os.path.dirname(os.path.dirname(run_dir))
        if not run_dir.startswith(home):
            continue
        run = os.path.basename(run_dir)
        if state not in up:
            why = f"of run {run}, whose session is down"
        elif _ended_before(run_dir):
            why = f"of run {run}, which has ended"
        else:
            continue
        yield Leftover("process", str(process.pid), why, state, process)


def _ended_before(run_dir: str) -> bool:
    try:
        return time.time() - os.stat(os.path.join(run_dir, "result.json")).st_mtime > GRACE
    except OSError:
        return False


def _runtimes(up: dict[str, Places]) -> Iterator[Leftover]:
    """Find runtime directories whose session is down; an empty one that is being made is let be."""
    root = where.runtime_root()
    kept = {os.path.basename(places.runtime) for places in up.values()}
    known = {os.path.basename(listed.places.runtime): listed.places for listed in all_sessions()}
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        path = os.path.join(root, name)
        if name in kept or name not in known or not os.path.isdir(path):
            continue
        if locks.is_free(os.path.join(path, "start.lock")):
            yield Leftover("runtime", path, "its session is down", known[name].state)


def _secrets(up: dict[str, Places]) -> Iterator[Leftover]:
    for state, places in up.items():
        for path in places.handed_over():
            run = os.path.basename(path).removesuffix(".env")
            if _ended_before(os.path.join(places.runs, run)):
                yield Leftover("secret", path, f"handed over for run {run}, which has ended", state)


def clean(found: list[Leftover]) -> list[Leftover]:
    """End and remove what was found, by its start or by its name; give what is still there."""
    processes = [one.process for one in found if one.process is not None]
    for process in processes:
        if process.lives:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGTERM)
    family.end(processes, PATIENCE)
    places = {listed.places.runtime: listed.places for listed in all_sessions()}
    for one in found:
        if one.kind == "secret":
            with contextlib.suppress(OSError):
                os.unlink(one.what)
        elif one.kind == "runtime" and one.what in places:
            with locks.only_one(places[one.what]):
                clear_runtime(places[one.what])
    return [one for one in found if _is_there(one)]


def _is_there(one: Leftover) -> bool:
    return os.path.lexists(one.what) if one.process is None else one.process.runs
