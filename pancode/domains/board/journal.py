"""The board's journal, `board.jsonl` in the session's directory, a record per change, at once on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pancode.domains.board.tasks import Task, added_up, after
from pancode.engine import files

V = 1


class Journal:
    """The tasks of one session, and the file that they come from; the controller alone writes to it."""

    def __init__(self, state: str) -> None:
        """Read what there is; a torn or odd line costs itself only."""
        self._path = path_of(state)
        self._seq = 0
        records = list(files.read_journal(self._path))
        self._seq = max((record["seq"] for record in records), default=0)
        self.tasks: dict[str, Task] = added_up(records)
        self.of_call = {record["call"]: str(record.get("id")) for record in records if record.get("call")}
        """The tasks by the calls that changed them: one that is made again is known by its key."""

    def write(self, record: Mapping[str, Any], at: float) -> Task | None:
        """Put a change on the disk, then count it; None if it changes nothing; PanError from the disk."""
        whole = {"v": V, "seq": self._seq + 1, "t": at, **record}
        task = after(self.tasks, whole)
        if task is None:
            return None
        try:
            files.append_record(self._path, whole)
            os.chmod(self._path, 0o600)
        except OSError as error:
            remedy = "free some space or make the directory writable"
            raise files.unusable("the task board can't be written", error, remedy) from None
        self._seq += 1
        self.tasks[task.id] = task
        if whole.get("call"):
            self.of_call[whole["call"]] = task.id
        return task


def path_of(state: str) -> str:
    """Give the path of the board's journal in a session's state directory."""
    return os.path.join(state, "board.jsonl")
