"""Moves the operator's branch, and brings commits into their repository."""

from __future__ import annotations

from pancode.domains.isolation.apply import NOTHING, steps
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


def move(store: Store, root: str, run: str, head: str, tip: str) -> None:
    """Let the operator's branch go from `head` to `tip`, and the index with it where it was as the commit."""
    fetch(store, root, run, tip)
    lines = "".join(
        f"{'0' if one.after == NOTHING else one.after} {one.new}\t{one.path}\0"
        for one in steps(store, head, tip)
    )
    git.run(root, "update-index", "-z", "--index-info", given=lines)
    git.run(root, "update-ref", "-m", f"pancode merge {run}", "HEAD", tip, head)
