"""Protects what others obey in the work directory: agents' settings, paths of the rules, PanCode itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.governance import EXISTING, FILES, GOVERNANCE
from pancode.domains.safety.enclosure.grade import link
from pancode.domains.safety.enclosure.links import led_to
from pancode.domains.safety.enclosure.mounts import Kind, Mount, hiding, is_place, pinned, within
from pancode.domains.safety.enclosure.repository import spoilers
from pancode.domains.safety.enclosure.toolchains import own
from pancode.domains.safety.enclosure.worktree import WorkTree
from pancode.domains.safety.guarantees import OWN_CODE, Weakness


@dataclass(slots=True)
class Protection:
    """Mounts, directories and sockets to be made for them, what had to be accepted, what is to be said."""

    mounts: list[Mount] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    accepted: list[Weakness] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def protect(ask: EnclosureAsk, tree: WorkTree, *, writable: bool) -> Protection:
    """Protect the paths of `tree` that a worker must not change or, by the rules, not even see.

    PanError REFUSED for one that is a symbolic link, unless that is accepted.
    """
    found = Protection()
    (_protect_all if writable else _protect_files)(found, ask, tree)
    for path in ask.zero_access:
        if os.path.lexists(path) and not (within(path, tree.root) and _has_link(found, ask, tree.root, path)):
            # What is read-only can't be renamed, either.
            pins = writable and within(path, tree.root)
            found.mounts += pinned(hiding(path), tree.root) if pins else [hiding(path)]
    return found


def _protect_all(found: Protection, ask: EnclosureAsk, tree: WorkTree) -> None:
    for directory in _chain(tree):
        _protect_names(found, ask, tree.root, directory)
        if directory != tree.root:
            # There git would find them before the repository, or take the directory itself for one.
            for name in (".git", *spoilers(directory)):
                path = os.path.join(directory, name)
                (_forbid if is_place(path) else _keep)(found, ask, tree.root, path)
    for path in own(tree):
        _keep(found, ask, tree.root, path)
        found.said = [OWN_CODE]
    for path in ask.read_only:
        if within(path, tree.root) and os.path.lexists(path):
            _keep(found, ask, tree.root, path)


def _protect_files(found: Protection, ask: EnclosureAsk, tree: WorkTree) -> None:
    """Hide what a worker that may write, beside this one, leaves there: a socket, which no agent can read."""
    for path in (os.path.join(each, name) for each in _chain(tree) for name in FILES):
        if is_place(path):
            _forbid(found, ask, tree.root, path)


def _chain(tree: WorkTree) -> list[str]:
    """Give the directories in which the worker's agent looks for settings: its own, up to the root."""
    found = [tree.cwd]
    while found[-1] != tree.root:
        found.append(os.path.dirname(found[-1]))
    return found


def _protect_names(found: Protection, ask: EnclosureAsk, root: str, directory: str) -> None:
    for name, _ in GOVERNANCE:
        path = os.path.join(directory, name)
        if is_place(path):
            _forbid(found, ask, root, path)
        else:
            _keep(found, ask, root, path)
    for name, _ in EXISTING:
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            _keep(found, ask, root, path)


def _keep(found: Protection, ask: EnclosureAsk, root: str, path: str) -> None:
    """Keep what is at `path` as it is."""
    if not _has_link(found, ask, root, path):
        found.mounts += [*led_to(path, root), *pinned(Mount(Kind.READ, path), root)]


def _forbid(found: Protection, ask: EnclosureAsk, root: str, path: str) -> None:
    """Let nothing come into being at `path`."""
    if _has_link(found, ask, root, path):
        return
    missing = [path]  # Perhaps another worker's mask is there, which is ours to remove if we end last.
    while not os.path.lexists(os.path.dirname(missing[0])):
        missing.insert(0, os.path.dirname(missing[0]))
    as_file = os.path.basename(path) in FILES
    if as_file:
        found.sockets.append(missing.pop())
    found.masks += [each for each in missing if each not in found.masks]
    found.mounts += pinned(Mount(Kind.NOTHING if as_file else Kind.EMPTY, path), root)


def _has_link(found: Protection, ask: EnclosureAsk, root: str, path: str) -> bool:
    """Whether `path` or a directory between it and `root` is a symbolic link; PanError unless accepted."""
    at = path
    while at != root and within(at, root):
        if os.path.islink(at):
            found.accepted.append(link(ask, at))
            return True
        at = os.path.dirname(at)
    return False
