"""What PanCode's own repository keeps of runs long decided about, and how that goes.

Nothing goes that is merged nowhere, that a live run needs, or that was decided or made after a given moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import UNMERGED, Changes
from pancode.domains.isolation.checkpoints import listed
from pancode.domains.isolation.work import Work
from pancode.engine import clock, files

TOP = "refs/pancode"
_HELD = f"{TOP}/held"
DAY = 86_400.0
_HASH = 40


@dataclass(frozen=True, slots=True)
class Old:
    """Something that is kept and needed no more: what it is in words, and the refs that keep it."""

    what: str
    refs: tuple[str, ...]
    run: str | None = None


def old(work: Work, before: float) -> list[Old]:
    """Give what was decided, or made, before that moment, in wall-clock seconds."""
    if not work.store.exists:
        return []
    lines = work.store.bare.run("for-each-ref", "--format=%(refname) %(committerdate:unix)", TOP).splitlines()
    dates = {ref: float(at or 0) for ref, _, at in (line.partition(" ") for line in lines)}
    return [*_of_runs(work, before, dates), *_of_trees(work, before, dates)]


def _of_runs(work: Work, before: float, dates: dict[str, float]) -> Iterator[Old]:
    for left in work.all():
        if not _is_settled(work, left, before):
            continue
        tops = f"{TOP}/{left.run}/", f"{TOP}/trash/{left.run}"
        refs = tuple(ref for ref in dates if ref.startswith(tops[0]) or ref == tops[1])
        if refs:
            yield Old(f"the kept changes of {left.run}: {left.words}", refs, left.run)


def _is_settled(work: Work, left: Changes, before: float) -> bool:
    decided = os.stat(books.path_of(work.folder(left.run))).st_mtime
    return left.fate not in UNMERGED and decided < before and not os.path.isdir(work.store.clone(left.run))


def _of_trees(work: Work, before: float, dates: dict[str, float]) -> Iterator[Old]:
    """Give the checkpoints, and what lay in trees before something was restored."""
    used: dict[str, float] = {}
    for run in work.names():
        is_over = os.path.exists(os.path.join(work.folder(run), "result.json"))
        for each in listed(work.folder(run)):
            at = float(each["at"]) if is_over else clock.now()
            used[str(each["commit"])] = max(at, used.get(str(each["commit"]), 0.0))
    refs = tuple(
        ref
        for ref, at in dates.items()
        if ref.startswith(f"{TOP}/checkpoints/") and used.get(ref.rpartition("/")[2], at) < before
    )
    if refs:
        yield Old(f"{len(refs)} checkpoint{'' if len(refs) == 1 else 's'}", refs)
    refs = tuple(ref for ref, at in dates.items() if ref.startswith(f"{TOP}/restored/") and at < before)
    if refs:
        yield Old("what was there before old restores", refs)


def prune(work: Work, found: list[Old], before: float) -> None:
    """Remove these refs, and the objects older than that moment that nothing needs any more.

    PanError CONFLICT while somebody merges, or half a merge waits to be gone on with.
    """
    store = work.store
    with store.writing(wait=False) as mine:
        if not mine or os.path.exists(store.plan):
            raise PanError(
                "a merge, an undo or a restore is under way, or was cut off",
                remedy="let it end, or pancode up goes on with it; then clean again",
                code=ExitCode.CONFLICT,
            )
        with store.locked():
            refs = [ref for one in found for ref in one.refs]
            needed = _needed(work, {one.run for one in found})
            held = [f"{_HELD}/{each}" for each in sorted(needed)]
            lines = [f"delete {ref}\n" for ref in refs]
            lines += [f"update {ref} {ref.rpartition('/')[2]}\n" for ref in held]
            store.bare.raw("update-ref", "--stdin", given="".join(lines).encode())
        borrowed = _keep_linked_packs(store.git_dir)
        try:
            age = max(1, int((clock.now() - before) / DAY))
            store.bare.raw("gc", "--quiet", f"--prune={age}.days.ago")
        finally:
            for path in borrowed:
                os.unlink(path)
            lines = [f"delete {ref}\n" for ref in held]
            store.bare.raw("update-ref", "--stdin", given="".join(lines).encode())


def _needed(work: Work, gone: set[str | None]) -> set[str]:
    """Give the objects that no ref keeps and somebody needs: what clones begin with, what indexes know."""
    found: set[str] = set()
    for run in work.names():
        if run in gone:
            continue
        isolation = (files.read_json(os.path.join(work.folder(run), "spec.json")) or {}).get(
            "isolation"
        ) or {}
        left = books.read(work.folder(run))
        merge = (left.merge or {}) if left is not None else {}
        ids: list[Any] = [isolation.get(key) for key in ("base", "head", "start")]
        ids += [merge.get(key) for key in ("before", "after", "head", "tip")]
        ids += [] if left is None else [left.base, left.origin_head, left.result, left.head]
        found |= {each for each in ids if isinstance(each, str) and len(each) >= _HASH}
    found |= set(_in_indexes(work))
    lines = "".join(f"{each}\n" for each in found)
    told = work.store.bare.raw("cat-file", "--batch-check", given=lines.encode())
    return {line.split()[0] for line in told.stdout.decode().splitlines() if not line.endswith("missing")}


def _in_indexes(work: Work) -> Iterator[str]:
    """Give the trees of what is remembered of work trees: its objects may be in no commit yet."""
    store = work.store
    paths = [
        os.path.join(directory, name)
        for directory in (store.git_dir, store.clones)
        for name in (os.listdir(directory) if os.path.isdir(directory) else ())
        if name.startswith("index-") or name.endswith(".index")
    ]
    for path in paths:
        if not path.endswith(".lock"):
            yield store.at(store.git_dir, path).run("write-tree").strip()


def _keep_linked_packs(git_dir: str) -> list[str]:
    """Have git leave the packs alone that the operator's repository has, too: anew they would cost space."""
    packs = os.path.join(git_dir, "objects", "pack")
    made = []
    for name in os.listdir(packs):
        path = os.path.join(packs, name)
        keep = f"{path.removesuffix('.pack')}.keep"
        if name.endswith(".pack") and os.stat(path).st_nlink > 1 and not os.path.exists(keep):
            with open(keep, "w", encoding="ascii"):
                made.append(keep)
    return made


def used(directory: str) -> int:
    """Give the bytes that a directory takes of the disk; of what has several names its share."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                found = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            total += found.st_blocks * 512 // max(1, found.st_nlink)
    return total
