"""What became of an isolated run's changes: `changes.json` in the run's folder, and the words for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from pancode.engine import files

V = 1


class Fate(StrEnum):
    """What has become of the changes."""

    NONE = "none"
    OPEN = "open"
    NEEDS_MERGE = "needs-merge"
    MERGED = "merged"
    DISCARDED = "discarded"
    CONTINUED = "continued"
    """A later run went on in the same clone: what it has left holds these changes, too."""


UNMERGED = frozenset({Fate.OPEN, Fate.NEEDS_MERGE})
"""Work that is nowhere but here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an isolated run has left, and what has become of it; commits are ids in the private repository.

    `result` holds the files as the run left them, `head` the worker's own last commit if it made any.
    `review` are paths that others execute or obey later; `conflicts` those that the last merge met.
    """

    run: str
    fate: Fate
    root: str
    base: str
    origin_head: str | None
    result: str
    head: str | None = None
    files: int = 0
    added: int = 0
    removed: int = 0
    commits: int = 0
    uncommitted: bool = False
    branches: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    merge: Mapping[str, Any] | None = None

    @property
    def counts(self) -> str:
        """Give what has changed in figures.

        >>> Changes(run="a", fate=Fate.OPEN, root="/", base="b", origin_head=None, result="c", files=1,
        ...         added=41, removed=12).counts
        '1 file +41 -12'
        """
        return f"{self.files} file{'' if self.files == 1 else 's'} +{self.added} -{self.removed}"

    @property
    def words(self) -> str:
        """Give the figures and the fate, as `runs show` prints them."""
        return "none" if self.fate is Fate.NONE else f"{self.counts}, {self.fate}"

    def now(self, fate: Fate, **parts: Any) -> Changes:  # noqa: ANN401 -- fields of this class
        """Give the same changes with another fate; conflicts of an earlier merge are no part of it."""
        return replace(self, **{"fate": fate, "conflicts": (), **parts})

    @property
    def told(self) -> dict[str, Any]:
        """Give what results and rows tell of it."""
        return {
            "files": self.files,
            "added": self.added,
            "removed": self.removed,
            "commits": self.commits,
            "uncommitted": self.uncommitted,
            "fate": self.fate.value,
            "branches": list(self.branches),
            "review": list(self.review),
            "conflicts": list(self.conflicts),
            "problems": list(self.problems),
        }


def path_of(folder: str) -> str:
    """Give the file in a run's folder that tells what became of its changes."""
    return os.path.join(folder, "changes.json")


def read(folder: str) -> Changes | None:
    """Read what became of a run's changes; None if it has none, or they have not been collected."""
    return parse(files.read_json(path_of(folder)) or {})


def parse(written: Mapping[str, Any]) -> Changes | None:
    """Read what `as_written` gave; None for what is none of it."""
    told = dict(written)
    if told.pop("v", None) != V:
        return None
    try:
        for key in ("branches", "review", "conflicts", "problems"):
            told[key] = tuple(told.get(key) or ())
        told["fate"] = Fate(told["fate"])
        return Changes(**told)
    except (KeyError, TypeError, ValueError):
        return None


def as_written(changes: Changes) -> dict[str, Any]:
    """Give the object that stands in a file."""
    return {"v": V, **asdict(changes)}


def write(folder: str, changes: Changes) -> None:
    """Write down what became of a run's changes; PanError if the disk refuses."""
    files.write_json(path_of(folder), as_written(changes))
