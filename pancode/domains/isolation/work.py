"""What runs have left, for the verbs that show it and decide about it. Blocking; needs no controller."""

from __future__ import annotations

import os
import shutil
from typing import Any, BinaryIO

from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import resolve
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import Changes
from pancode.domains.isolation.collect import collect
from pancode.domains.isolation.store import Store
from pancode.engine import files
from pancode.engine.places import Places


class Work:
    """The isolated runs of one session, as they stand on the disk."""

    def __init__(self, places: Places) -> None:
        """Look at the session's state directory."""
        self.places = places
        self.store = Store(places.state)

    def folder(self, run: str) -> str:
        """Give a run's folder."""
        return os.path.join(self.places.runs, run)

    def names(self) -> list[str]:
        """Give the ids of all runs, isolated or not."""
        try:
            return sorted(os.listdir(self.places.runs))
        except OSError:
            return []

    def changes(self, prefix: str) -> Changes:
        """Give what the run that `prefix` names has left, collecting it first if nobody has.

        PanError NOT_FOUND for a run that isn't there, REFUSED for one that has nothing of its own, or lives.
        """
        run = resolve(prefix, set(self.names()))
        found = books.read(self.folder(run))
        if found is not None:
            return found
        isolation = (files.read_json(os.path.join(self.folder(run), "spec.json")) or {}).get("isolation")
        if not isolation or "start" in isolation:
            raise PanError(
                f"run {run} worked in your own tree: it has no changes apart from that",
                remedy=f"git diff, or pancode restore {run} --list for what was there before it",
                code=ExitCode.REFUSED,
            )
        if isolation.get("base") is None or not os.path.exists(os.path.join(self.folder(run), "result.json")):
            raise PanError(
                f"run {run} has not ended yet", remedy=f"pancode stop {run}", code=ExitCode.CONFLICT
            )
        return collect(self.store, run, self.folder(run), isolation)

    def all(self) -> list[Changes]:
        """Give the changes of every run whose changes are collected, oldest name first."""
        found = (books.read(self.folder(run)) for run in self.names())
        return [left for left in found if left is not None]

    def paths(self, left: Changes) -> list[dict[str, Any]]:
        """Give each changed path: its `letter` (A, M, D, R, T), lines `added` and `removed` (None: binary).

        One that was renamed (R) has the path that it came `from`, too.
        """
        ids = (left.base, left.result)
        self.store.check(f"what run {left.run} changed", ids, f"pancode diff {left.run} has the patch")
        bare = self.store.bare
        words = ("diff-tree", "-r", "-z", "-M", "--raw", "--numstat", left.base, left.result)
        told = iter(bare.raw(*words).stdout.split(b"\0")[:-1])
        letters: dict[bytes, str] = {}
        found = []
        for field in told:
            if field.startswith(b":"):
                letter = field.rpartition(b" ")[2][:1].decode()
                path = next(told)
                letters[next(told) if letter == "R" else path] = letter
                continue
            added, removed, path = field.split(b"\t", 2)
            before = None if path else next(told)
            path = path or next(told)
            found.append(
                {
                    "path": os.fsdecode(path),
                    "letter": letters[path],
                    "added": None if added == b"-" else int(added),
                    "removed": None if removed == b"-" else int(removed),
                    **({} if before is None else {"from": os.fsdecode(before)}),
                }
            )
        return found

    def print_patch(self, left: Changes, to: BinaryIO) -> None:
        """Write the changes to the file `to` as a patch that `git apply` takes."""
        try:
            self.store.check(f"what run {left.run} changed", (left.base, left.result))
        except PanError:
            with open(os.path.join(self.folder(left.run), "changes.patch"), "rb") as kept:
                shutil.copyfileobj(kept, to)
            return
        self.store.bare.raw(
            *("diff-tree", "-p", "--binary", "-M", "--no-ext-diff", "--no-textconv"),
            *(left.base, left.result),
            to=to,
        )
