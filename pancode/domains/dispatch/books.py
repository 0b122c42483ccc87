"""The end of a run: the result that its folder lacks, and the index."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from pancode.core.errors import PanError
from pancode.core.state import Finished, Run
from pancode.domains.dispatch.folders import Folders
from pancode.domains.observability.api import usage
from pancode.engine import files, processes
from pancode.engine.store import Store
from pancode.worker.protocol import V


class Books:
    """Closes the books of ended runs; doing it twice changes nothing."""

    def __init__(self, folders: Folders, store: Store, state_dir: str) -> None:
        """Write to `folders` and `store`."""
        self._folders = folders
        self._store = store
        self._state_dir = state_dir
        self._owed: dict[str, Run] = {}

    def close(self, run: Run, *, shim_vanished: bool) -> None:
        """Make sure that the run has a result, that it is indexed, and that none of its processes lives.

        What the disk refuses is tried again whenever the books of another run could be closed.
        """
        self._owed[run.id] = run
        self._close(run, shim_vanished=shim_vanished)
        del self._owed[run.id]
        for owed in list(self._owed.values()):
            with contextlib.suppress(PanError, OSError):
                self._close(owed, shim_vanished=False)
                del self._owed[owed.id]

    def _close(self, run: Run, *, shim_vanished: bool) -> None:
        if shim_vanished:
            processes.end_run(run.id, self._state_dir)
            with contextlib.suppress(OSError):  # What a shim sets aside for its last words.
                os.unlink(self._folders.path(run.id, "reserve"))
        found = self._folders.result(run.id)
        result = result_of(run) if found is None else found
        try:
            if found is None:
                self._write(run, result)
        finally:
            # The end last: what the index knows as ended is not read again after a crash.
            self._store.commit()
            self._store.ended(result)

    def _write(self, run: Run, result: dict[str, Any]) -> None:
        """Write what the folder lacks; make the folder anew if the agent has removed it."""
        folder = self._folders.path(run.id)
        self._folders.make_again(run.id)
        files.write_json(os.path.join(folder, "result.json"), result)
        if not (isinstance(run.state, Finished) and run.state.result.get("kind") == "ended"):
            self._end_journal(run, result)

    def _end_journal(self, run: Run, result: dict[str, Any]) -> None:
        at = result["ended"]
        record = {"v": V, "seq": run.seq + 1, "t": at, "m": 0.0, "src": "controller", "kind": "ended"}
        files.append_record(self._folders.journal(run.id), {**record, **result})
        self._store.saw(run.id, record)


def result_of(run: Run) -> dict[str, Any]:
    """Give the result of a finished run in the shape of result.json, from what the controller knows."""
    state = run.state
    if not isinstance(state, Finished):
        raise TypeError(f"run {run.id} has not ended")
    usd = run.tally.usd
    known = {
        "run_id": run.id,
        "status": state.status,
        "reason": state.reason,
        "evidence": {"record": None, "exit": None, "signal": None},
        "result": None,
        "usage": usage(run.tally),
        "cost": {"usd": usd, "source": "unknown" if usd is None else "agent"},
        "agent": run.agent,
        "model": run.model,
        "agent_session": run.agent_session,
        "started": run.started,
        "ended": state.since,
        "events": {},
        "unknown": {},
    }
    told = {key: state.result[key] for key in known if key in state.result}
    found = state.result.get("evidence")
    none = {"record": None, "exit": None, "signal": None}
    return {**known, **told, "evidence": {**none, **found} if isinstance(found, dict) else none}
