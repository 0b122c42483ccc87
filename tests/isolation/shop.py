"""Isolated runs without a session: the same clones and collecting, with a function in the worker's place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pancode.domains.isolation.changes import Changes
from pancode.domains.isolation.clones import make_clone
from pancode.domains.isolation.collect import collect
from pancode.domains.isolation.merge import Merges
from pancode.domains.isolation.origin import origin_of, wanted_in
from pancode.domains.isolation.work import Work
from pancode.engine import files
from pancode.engine.places import Places
from tests.isolation.conftest import sh


@dataclass
class Shop:
    """A project with a session's state directory beside it."""

    base: Path
    root: Path
    work: Work = field(init=False)
    environment: dict[str, str] = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        places = Places(str(self.root), "main", str(self.base / "home"), str(self.base / "run"))
        os.makedirs(places.runs)
        self.work = Work(places)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.base)}

    @property
    def merges(self) -> Merges:
        """Give what merges, as the operator's verbs have it."""
        return Merges(self.work, self.environment, self.notes.append)

    def clone(self, run: str) -> Path:
        """Make the clone of a run, as dispatch does."""
        store = self.work.store
        with store.locked():
            origin = origin_of(str(self.root))
            store.take_in(origin)
            wanted = wanted_in(origin, self.environment)
            base = store.base(origin, wanted.ignored)
        clone = make_clone(store, run, origin, wanted, base)
        isolation = {
            "root": str(self.root), "from": str(self.root), "clone": clone, "owner": run,
            "base": base.commit, "head": base.head,
        }  # fmt: skip
        os.makedirs(self.work.folder(run), exist_ok=True)
        files.write_json(f"{self.work.folder(run)}/spec.json", {"run": run, "isolation": isolation})
        return Path(clone)

    def collect(self, run: str) -> Changes:
        """Collect what the run has left, as its end does."""
        isolation = (files.read_json(f"{self.work.folder(run)}/spec.json") or {})["isolation"]
        return collect(self.work.store, run, self.work.folder(run), isolation)

    def run(self, run: str, act: Callable[[Path], object] | str) -> Changes:
        """Let `act`, a function or a shell line, be the worker in a clone; give what it has left."""
        clone = self.clone(run)
        if isinstance(act, str):
            sh(act, clone)
        else:
            act(clone)
        return self.collect(run)

    def read(self, path: str) -> str:
        """Read a file of the operator's tree."""
        return (self.root / path).read_text()

    def status(self) -> list[str]:
        """Give what git says of the operator's tree."""
        return sh("git status --porcelain", self.root).splitlines()
