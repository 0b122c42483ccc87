"""Brings back what a checkpoint has and the work tree lacks, and overwrites nothing that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import resolve
from pancode.domains.isolation.apply import NOTHING, Step, steps
from pancode.domains.isolation.checkpoints import listed
from pancode.domains.isolation.plan import Plan
from pancode.domains.isolation.scene import now_in
from pancode.domains.isolation.work import Work
from pancode.domains.isolation.writing import Note, Writer


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between a checkpoint and the work tree as it is, as paths: gone, other, and new since."""

    run: str
    name: str
    at: float
    root: str
    commit: str
    now: str
    gone: tuple[Step, ...]
    other: tuple[Step, ...]
    new: tuple[Step, ...]


class Restorer:
    """Compares with checkpoints, and restores from them. Blocking; needs no controller."""

    def __init__(self, work: Work, environment: Mapping[str, str], note: Note) -> None:
        """`environment` is the operator's; `note` takes a sentence about a restore that was found cut off."""
        self._work = work
        self._store = work.store
        self._environment = environment
        self._writer = Writer(work, environment, note)

    def compare(self, prefix: str, name: str | None = None, paths: Sequence[str] = ()) -> Difference:
        """Give what differs from the run's checkpoint `name` (default: its first one), below `paths` alone.

        `paths` are relative to the root of the repository. PanError NOT_FOUND if there is no such checkpoint.
        """
        run = resolve(prefix, set(self._work.names()))
        found = listed(self._work.folder(run))
        kept = next((each for each in found if name in (None, each["name"])), None)
        if kept is None:
            names = ", ".join(str(each["name"]) for each in found)
            raise PanError(
                f"run {run} has no checkpoint{'' if name is None else f' {name!r}'}"
                f"{f'; it has {names}' if names else ''}",
                remedy=f"pancode restore {run} --list" if found else None,
                code=ExitCode.NOT_FOUND,
            )
        root, commit = str(kept["root"]), str(kept["commit"])
        self._store.check(f"the checkpoint {kept['name']} of run {run}", [commit])
        now = self._now(root)
        taken = [one for one in steps(self._store, now, commit) if _is_meant(one.path, paths)]
        return Difference(
            run, str(kept["name"]), float(kept["at"]), root, commit, now,
            gone=tuple(one for one in taken if one.before == NOTHING),
            other=tuple(one for one in taken if NOTHING not in (one.before, one.after)),
            new=tuple(one for one in taken if one.after == NOTHING),
        )  # fmt: skip

    def restore(self, found: Difference, *, overwrite: bool) -> list[str]:
        """Bring back what is gone, and with `overwrite` what is different; give the paths.

        What is there now is kept under refs/pancode/restored/RUN in our own repository, in front of what was
        there before earlier restores. PanError CONFLICT if something that git ignores is in the way, or if
        the tree is not as it was compared.
        """
        taken = [*found.gone, *(found.other if overwrite else ())]
        if taken:
            with self._writer.alone():
                if self._now(found.root) != found.now:
                    raise PanError(
                        "your tree has changed meanwhile: nothing is restored",
                        remedy="restore again",
                        code=ExitCode.CONFLICT,
                    )
                self._store.keep_also(f"restored/{found.run}", found.now, "Before a restore")
                self._writer.write(Plan(
                    what=f"the restoring of what was there before run {found.run}", root=found.root,
                    before=found.now, after=found.commit, paths=tuple(one.path for one in taken),
                ))  # fmt: skip
        return [one.path for one in taken]

    def _now(self, root: str) -> str:
        return now_in(self._store, root, self._environment)


def _is_meant(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(
        path == one or path.startswith(f"{one.rstrip('/')}/") or one == "." for one in paths
    )
