"""Keeps what a work tree holds before a worker may change it, so that it can be brought back."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.isolation.origin import Origin, origin_of, root_of, wanted_in
from pancode.domains.isolation.rounds import Rounds
from pancode.domains.isolation.store import Store
from pancode.engine import clock, files
from pancode.engine.places import Places

START = "start"
"""The name of the checkpoint that is made before a run begins; the others have their question's id."""
_LOOK_AGAIN_S = 60.0
"""How long the operator's settings of what git ignores are taken to stay as they are."""


def _may_write(grant: Mapping[str, Any]) -> bool:
    try:
        return Grant(Mode(grant["mode"]), Level(grant["level"]), read_only=bool(grant["read_only"])).may_write
    except (KeyError, ValueError):
        return False


def path_of(folder: str) -> str:
    """Give the file in a run's folder that lists its checkpoints."""
    return os.path.join(folder, "checkpoints.jsonl")


def listed(folder: str) -> list[dict[str, Any]]:
    """Give a run's checkpoints, oldest first: `at`, `name`, `commit`, `root`."""
    try:
        with open(path_of(folder), encoding="utf-8") as file:
            found = [_record_of(line) for line in file if line.endswith("\n")]
    except (OSError, ValueError):
        return []
    keys = {"at", "name", "commit", "root"}
    return [each for each in found if isinstance(each, dict) and keys <= each.keys()]


def _record_of(line: str) -> Any:  # noqa: ANN401 -- whatever JSON is there
    """Give what a line says; None for one that a crash has cut off, which costs only itself."""
    try:
        return json.loads(line)
    except ValueError:
        return None


class Checkpoints:
    """Makes checkpoints in threads; where nothing has changed since the last one, that one counts again."""

    def __init__(
        self,
        places: Places,
        store: Store,
        environment: Callable[[], Mapping[str, str]],
        note: Callable[[str], None],
    ) -> None:
        """`environment` gives the operator's, `note` takes a sentence for the log."""
        self._places = places
        self._store = store
        self._environment = environment
        self._note = note
        self._rounds: Rounds[str] = Rounds()
        self._seen: dict[str, tuple[float, Origin, str]] = {}
        self._last: dict[str, tuple[str, str]] = {}
        self._failed: set[str] = set()
        self._looking: asyncio.Task[None] | None = None

    def can(self, run: str) -> bool:
        """Whether what the run may change can be kept: it works in a repository, and may write."""
        return run not in self._failed and self._root(run) is not None

    async def keep(self, run: str, name: str) -> None:
        """Keep the run's work tree as it is; PanError if that fails, and then no other is promised."""
        root = self._root(run)
        if root is None:
            return
        try:
            commit = await self._rounds.join(root, lambda: self._commit(root))
            self._record(run, name, commit, root)
        except (PanError, OSError):
            self._failed.add(run)
            raise

    async def before(self, run: str) -> None:
        """Keep what a run that is to begin in the operator's tree may change; what fails is only noted."""
        if self.can(run):
            try:
                await self.keep(run, START)
            except (PanError, OSError) as error:
                self._note(f"what run {run} may change is not kept: {error}")

    def look_later(self) -> None:
        """Read what has changed while nobody waits for it, unless somebody is about to anyway."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self.warm_up())

    async def warm_up(self) -> None:
        """Read the project's files once while nobody waits for it."""
        root = root_of(self._places.project)
        if root is not None:
            try:
                await self._rounds.join(root, lambda: self._commit(root))
            except (PanError, OSError) as error:
                self._note(f"the project can't be kept: {error}")

    def _root(self, run: str) -> str | None:
        spec = files.read_kept(os.path.join(self._places.runs, run, "spec.json")) or {}
        sandbox = spec.get("sandbox") or {}
        if not spec.get("cwd") or not _may_write(spec.get("grant") or {}):
            return None
        return root_of(str(sandbox.get("worktree") or spec["cwd"]))

    def _commit(self, root: str) -> str:
        tree = self._tree(root)
        known, commit = self._last.get(root, ("", ""))
        # An old one may have been cleaned up since.
        if known != tree or self._store.find(f"checkpoints/{commit}") is None:
            commit = self._store.bare.commit(tree, "Checkpoint")
            self._store.keep(f"checkpoints/{commit}", commit)
            self._last[root] = tree, commit
        return commit

    def _tree(self, root: str) -> str:
        store = self._store
        if os.path.dirname(root) == os.path.realpath(store.clones):
            with store.run_locked(os.path.basename(root)):
                return store.at(root, store.index(os.path.basename(root))).tree()
        at, origin, ignored = self._seen.get(root, (0.0, None, ""))
        with store.locked():
            if origin is None or clock.monotonic() - at > _LOOK_AGAIN_S:
                origin = origin_of(root)
                store.take_in(origin)
                ignored = wanted_in(origin, self._environment()).ignored
                self._seen[root] = clock.monotonic(), origin, ignored
            return store.snapshot(origin, "checkpoint", ignored)

    def _record(self, run: str, name: str, commit: str, root: str) -> None:
        record = {"at": clock.now(), "name": name, "commit": commit, "root": root}
        with open(path_of(os.path.join(self._places.runs, run)), "ab+") as file:
            # A line that was cut off before ends here.
            cut = file.tell() > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            file.write(b"\n" * cut + json.dumps(record).encode() + b"\n")
