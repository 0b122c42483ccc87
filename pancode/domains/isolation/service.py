"""Isolation as the other domains use it: clones before a run, its changes after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import Changes, Fate
from pancode.domains.isolation.checkpoints import Checkpoints
from pancode.domains.isolation.clones import make_clone
from pancode.domains.isolation.collect import collect
from pancode.domains.isolation.merge import How, Merges
from pancode.domains.isolation.origin import Origin, Wanted, no_repository, origin_of, root_of, wanted_in
from pancode.domains.isolation.rounds import Rounds
from pancode.domains.isolation.store import Base, Store
from pancode.domains.isolation.work import Work
from pancode.domains.isolation.writing import Writer
from pancode.engine import files
from pancode.engine.places import Places

Isolated = dict[str, Any]
"""`isolation` in spec.json: root, from, clone, owner, and, once the clone is there, base and head."""
_AT_ONCE = 2
"""Clones that are made at the same time; more would only take each other's disk."""


class Isolation:
    """Makes clones and collects what is left in them; what takes long happens in threads."""

    def __init__(
        self, places: Places, environment: Callable[[], Mapping[str, str]], note: Callable[[str], None]
    ) -> None:
        """Keep everything in the session's state directory.

        `environment` gives the operator's, `note` takes a sentence for the log.
        """
        self.store = Store(places.state)
        self.checkpoints = Checkpoints(places, self.store, environment, note)
        self._places = places
        self._note = note
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._bases: Rounds[tuple[Origin, Wanted, Base]] = Rounds()
        self._told: dict[str, tuple[int, dict[str, Any] | None]] = {}
        self._collecting: dict[str, asyncio.Task[None]] = {}

    def plan(
        self, run: str, cwd: str, earlier: Mapping[str, Any] | None = None, start: str | None = None
    ) -> Isolated:
        """Give the isolation of a run that is to begin in `cwd`: paths only, nothing is made.

        `earlier` is the spec of the run whose conversation this one continues: it goes on in its clone. With
        `start`, a commit of ours, the clone has that in it, and nothing is collected from it.
        PanError REFUSED outside of a repository.
        """
        before = (earlier or {}).get("isolation")
        if before:
            return self._continued(before, str((earlier or {}).get("run")))
        root = root_of(cwd)
        if root is None:
            raise no_repository(cwd)
        clone = self.store.clone(run)
        found = {"root": root, "from": cwd, "clone": clone, "owner": run, "base": None, "head": None}
        return found if start is None else found | {"start": start}

    def _continued(self, before: Mapping[str, Any], run: str) -> Isolated:
        if not os.path.isdir(str(before["clone"])):
            return {**before, "base": None, "head": None}
        known = books.read(os.path.join(self._places.runs, run))
        merged = known is not None and known.fate is Fate.MERGED
        if known is not None and merged:
            return {**before, "base": known.result, "continues": None}
        return {**before, "continues": run}

    async def make_ready(
        self, isolation: Isolated, environment: Mapping[str, str], leave_out: tuple[str, ...] = ()
    ) -> Isolated:
        """Make the clone, with what the operator has not committed; give its isolation with the base in it.

        The files at `leave_out`, absolute, stay as they were committed. PanError says why it can't be made.
        """
        if isolation["base"] is not None:
            return isolation
        root, run = str(isolation["root"]), str(isolation["owner"])
        origin, wanted, base = await self._bases.join(
            (root, leave_out), lambda: self._take_now(root, environment, _below(root, leave_out))
        )
        if "start" in isolation:
            base = Base(str(isolation["start"]), base.head)
        async with self._slots:
            await asyncio.to_thread(make_clone, self.store, run, origin, wanted, base)
        return {**isolation, "base": base.commit, "head": base.head}

    def _take_now(
        self, root: str, environment: Mapping[str, str], leave_out: tuple[str, ...]
    ) -> tuple[Origin, Wanted, Base]:
        self.settle(environment)
        with self.store.locked():
            origin = origin_of(root)
            self.store.take_in(origin)
            wanted = wanted_in(origin, environment)
            return origin, wanted, self.store.base(origin, wanted.ignored, leave_out)

    async def listed(self, root: str, environment: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
        """Give every file of a repository as it stands, with an id of its content, and its commit."""
        nothing: tuple[str, ...] = ()
        origin, _, base = await self._bases.join(
            (root, nothing), lambda: self._take_now(root, environment, nothing)
        )
        told = await asyncio.to_thread(self.store.bare.run, "ls-tree", "-r", "-z", base.commit)
        pairs = (line.partition("\t") for line in told.split("\0") if line)
        return {path: what for what, _, path in pairs}, origin.head

    def settle(self, environment: Mapping[str, str]) -> None:
        """Complete, or take back, what a killed merge, undo or restore has left half done. Blocking."""
        Writer(Work(self._places), environment, self._note).settle()

    def collect_later(self, run: str) -> None:
        """Collect what an ended run has left; `collected` waits for it.

        For one without a clone the tree is looked at, so that the next checkpoint has little to do.
        """
        spec = files.read_json(os.path.join(self._places.runs, run, "spec.json")) or {}
        isolation = spec.get("isolation")
        if not isolation:
            self.checkpoints.look_later()
        if not isolation or isolation.get("base") is None or run in self._collecting:
            return
        self._collecting[run] = asyncio.get_running_loop().create_task(self._collect(run, isolation))

    async def _collect(self, run: str, isolation: Mapping[str, Any]) -> None:
        folder = os.path.join(self._places.runs, run)
        try:
            async with self._slots:
                if "start" in isolation:
                    await asyncio.to_thread(self.store.remove_clone, run)
                else:
                    await asyncio.to_thread(collect, self.store, run, folder, isolation)
        except (PanError, OSError) as error:
            self._note(f"what run {run} has changed stays in {isolation['clone']}: {error}")
        finally:
            del self._collecting[run]

    async def collected(self, run: str) -> Changes | None:
        """Wait until an ended run's changes are collected, and give them; None if it has none to collect."""
        if run in self._collecting:
            await asyncio.shield(self._collecting[run])
        return books.read(os.path.join(self._places.runs, run))

    async def merge(self, run: str, environment: Mapping[str, str], how: How = How.PATCH) -> Changes:
        """Merge what an ended run has left, as `Merges.merge` does; `environment` is the operator's."""
        await self.collected(run)
        return await asyncio.to_thread(Merges(Work(self._places), environment, self._note).merge, run, how)

    def told(self, run: str) -> dict[str, Any] | None:
        """Give what an ended run has left, as rows tell it; None while that is not known. Quick."""
        folder = os.path.join(self._places.runs, run)
        try:
            changed = os.stat(books.path_of(folder)).st_mtime_ns
        except OSError:
            return None
        if self._told.get(run, (0, None))[0] != changed:
            left = books.read(folder)
            self._told[run] = changed, None if left is None else left.told
        return self._told[run][1]

    def is_there(self, run: str) -> bool:
        """Whether the clone that a run worked in still exists."""
        spec = files.read_json(os.path.join(self._places.runs, run, "spec.json")) or {}
        isolation = spec.get("isolation") or {}
        return os.path.isdir(str(isolation.get("clone") or "/nowhere"))

    def uncollected(self) -> list[str]:
        """Give the runs that began in a clone and whose changes nobody has collected, live ones too."""
        if not os.path.isdir(self.store.clones):
            return []
        found = []
        for run in _names(self._places.runs):
            folder = os.path.join(self._places.runs, run)
            if os.path.exists(books.path_of(folder)):
                continue
            isolation = (files.read_json(os.path.join(folder, "spec.json")) or {}).get("isolation") or {}
            # A later run of a conversation works in the clone of the first.
            if isolation.get("base") is not None and os.path.isdir(str(isolation["clone"])):
                found.append(run)
        return found

    def taken_by(self, run: str, isolation: Mapping[str, Any]) -> str | None:
        """Give another run whose clone would be lost if this one's were made now; None as a rule.

        Two that go on with the same conversation share a clone; once it is removed, each would make it anew.
        """
        owner, clone = isolation["owner"], str(isolation["clone"])
        if owner == run:
            return None
        created = self._spec(run).get("created") or 0.0
        for name in _names(self._places.runs):
            spec = {} if name in (run, owner) else self._spec(name)
            theirs = spec.get("isolation") or {}
            if theirs.get("owner") != owner:
                continue
            has_ended = os.path.exists(os.path.join(self._places.runs, name, "result.json"))
            is_made = theirs.get("base") is not None and os.path.isdir(clone)
            if is_made or (not has_ended and (spec.get("created") or 0.0) < created):
                return name
        return None

    def _spec(self, run: str) -> dict[str, Any]:
        return files.read_json(os.path.join(self._places.runs, run, "spec.json")) or {}


def _below(root: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.relpath(path, root) for path in paths)


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
