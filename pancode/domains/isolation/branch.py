"""Moves the operator's branch, and brings commits into their repository."""

from __future__ import annotations

import os

from pancode.domains.isolation.apply import NOTHING, steps
from pancode.domains.isolation.locks import index_locked
from pancode.domains.isolation.store import Store
from pancode.engine import git


def fetch(store: Store, root: str, run: str, tip: str) -> None:
    """Have `tip` in the operator's repository; no ref there names it yet."""
    store.keep(f"{run}/tip", tip)
    words = (
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-gc",
    )
    git.run(root, *words, store.git_dir, f"refs/pancode/{run}/tip")


def move(store: Store, root: str, run: str, name: str, commits: tuple[str, str]) -> None:
    """Let the operator's branch go between two `commits`, and the index with it where it was as the first.

    The index is locked under `name` meanwhile. PanError, OSError.
    """
    head, tip = commits
    fetch(store, root, run, tip)
    lines = "".join(
        f"{'0' if one.after == NOTHING else one.after} {one.new}\t{one.path}\0"
        for one in steps(store, head, tip)
    )
    with index_locked(root, name) as (index, new):
        git.run(root, "update-index", "-z", "--index-info", given=lines, index=new)
        os.rename(new, index)
        git.run(root, "update-ref", "-m", f"pancode merge {run}", "HEAD", tip, head)
