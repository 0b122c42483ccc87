"""The journal of what is shared, `sharing.jsonl` in the session's directory: each change at once on disk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.sharing.entries import Shared
from pancode.domains.sharing.reduce import added_up, after, snapshot
from pancode.engine import files

V = 1
LONGEST = 5000
"""Records after which the journal begins anew with a snapshot."""


class Journal:
    """What one session shares, and the file that it comes from; the controller alone writes to it."""

    def __init__(self, state: str, longest: int = LONGEST) -> None:
        """Read what there is; a torn or odd line costs itself only."""
        self._path = path_of(state)
        self._longest = longest
        records = list(files.read_journal(self._path))
        self._seq = max((record["seq"] for record in records), default=0)
        self._count = len(records)
        self.shared: Shared = added_up(records)

    def write(self, record: Mapping[str, Any], at: float) -> None:
        """Put a change on the disk, then count it; PanError from the disk, and nothing is changed."""
        whole = {"v": V, "seq": self._seq + 1, "t": at, **record}
        changed = after(self.shared, whole)
        try:
            files.append_record(self._path, whole)
            os.chmod(self._path, 0o600)
        except OSError as error:
            remedy = "free some space or make the directory writable"
            raise files.unusable("what is shared can't be written", error, remedy) from None
        self._seq += 1
        self._count += 1
        self.shared = changed
        if self._count > self._longest:
            self._begin_anew(at)

    def _begin_anew(self, at: float) -> None:
        """Replace the journal by a snapshot; where the disk refuses, the long one goes on."""
        whole = {"v": V, "seq": self._seq + 1, "t": at, **snapshot(self.shared)}
        with contextlib.suppress(PanError):
            files.write_atomic(self._path, json.dumps(whole) + "\n")
            self._seq += 1
        self._count = 1


def path_of(state: str) -> str:
    """Give the path of the journal in a session's state directory."""
    return os.path.join(state, "sharing.jsonl")
