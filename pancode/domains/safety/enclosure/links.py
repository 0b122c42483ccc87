"""Where links below a protected place lead: what is obeyed by way of a link must not be written, either."""

from __future__ import annotations

import os

from pancode.domains.safety.enclosure.mounts import Kind, Mount, pinned, within

MOST = 2_000
"""Entries that are looked at below one place."""


def led_to(top: str, root: str) -> list[Mount]:
    """Give the mounts that keep, read-only, what links below `top` (or `top` itself) mean inside `root`."""
    targets = dict.fromkeys(os.path.realpath(path) for path in _links(top))
    kept = [
        path
        for path in targets
        if path != root and within(path, root) and not within(path, top) and os.path.exists(path)
    ]
    return [mount for path in kept for mount in pinned(Mount(Kind.READ, path), root)]


def _links(top: str) -> list[str]:
    found = [top] if os.path.islink(top) else []
    waiting, left = [top], MOST
    while waiting and left > 0:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            left -= 1
            if entry.is_symlink():
                found.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
    return found
