"""The operator's repository as it stands at one moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.origin import Origin, Wanted, origin_of, wanted_in
from pancode.domains.isolation.store import Store


@dataclass(frozen=True, slots=True)
class Scene:
    """The operator's repository as a merge finds it: `now` is the tree of what lies in the work tree."""

    origin: Origin
    wanted: Wanted
    now: str


def look(store: Store, root: str, environment: Mapping[str, str]) -> Scene:
    """Look at the operator's work tree `root`; `environment` is the operator's."""
    with store.locked():
        origin = origin_of(root)
        store.take_in(origin)
        wanted = wanted_in(origin, environment)
        return Scene(origin, wanted, store.snapshot(origin, "merge", wanted.ignored))


def now_in(store: Store, root: str, environment: Mapping[str, str]) -> str:
    """Give the tree of what lies in `root`, the operator's work tree or a worker's clone."""
    if not os.path.isdir(root):
        raise PanError(f'"{root}" is not there any more', code=ExitCode.NOT_FOUND)
    if os.path.dirname(root) == os.path.realpath(store.clones):
        with store.run_locked(os.path.basename(root)):
            return store.at(root, store.index(os.path.basename(root))).tree()
    return look(store, root, environment).now
