"""Which directory a worker gets, and which ones can't be one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.base import MERGED, NO_HOME_FOR, PROGRAMS, SCRATCH
from pancode.domains.safety.enclosure.governance import SECRETS
from pancode.domains.safety.enclosure.mounts import within, within_any
from pancode.engine import places

_SYSTEM = (*PROGRAMS, *MERGED, *SCRATCH)


@dataclass(frozen=True, slots=True)
class WorkTree:
    """Real paths: the directory that the worker gets, the one it starts in, the operator's HOME.

    `secret` are the places that are shown to no worker, whether they exist or not.
    """

    root: str
    cwd: str
    home: str
    secret: tuple[str, ...]


def find(ask: EnclosureAsk) -> WorkTree:
    """Give the git root around `ask.cwd`, or that directory itself; PanError REFUSED if it can't be lent.

    Where the repository around it holds HOME or PanCode's own files, the directory alone is lent.
    """
    cwd = os.path.realpath(ask.cwd)
    if not os.path.isdir(cwd):
        raise PanError(
            f'there is no directory "{ask.cwd}"', remedy="name one that is there", code=ExitCode.NOT_FOUND
        )
    home, ours = os.path.realpath(home_of(ask)), os.path.realpath(ask.pancode_home)
    sockets = os.path.realpath(places.runtime_root())
    root = places.project_root(cwd)
    why = _why_not(root, home, ours, sockets)
    if why is not None and root != cwd:
        root, why = cwd, _why_not(cwd, home, ours, sockets)
    if why is not None:
        raise PanError(
            f'a worker can\'t have "{root}" as its directory: {why}',
            remedy="start it in the directory of one project",
            code=ExitCode.REFUSED,
        )
    return WorkTree(root, cwd, home, (*_secrets(home), ours, sockets))


def home_of(ask: EnclosureAsk) -> str:
    """Give the operator's HOME as the environment names it; a worker finds its private one at that path."""
    named = ask.environment.get("HOME", "")
    return os.path.normpath(named) if os.path.isabs(named) else os.path.expanduser("~")


@lru_cache(maxsize=4)
def _secrets(home: str) -> tuple[str, ...]:
    return tuple(os.path.join(home, name) for name in SECRETS)


def _why_not(root: str, home: str, ours: str, sockets: str) -> str | None:
    if root == home:
        return "it is your home directory"
    for inner, what in ((home, "your home directory"), (ours, "PanCode's own files")):
        if within(inner, root):
            return f"it holds {what}"
    if any(within(path, root) and os.path.isdir(path) for path in _SYSTEM):
        return "it holds the system's directories"
    if within(sockets, root):
        return "it holds the session's sockets"
    for path in NO_HOME_FOR:
        if within(root, path):
            return f"{path} is the system's"
    return _near_a_secret(root, home)


def _near_a_secret(root: str, home: str) -> str | None:
    secrets, top = _secrets(home), f"{root.rstrip('/')}/"
    near = [path for path in secrets if within(root, path)] if within_any(root, secrets) else []
    near += [path for path in secrets if path.startswith(top) and os.path.lexists(path)]
    return f'it is or holds "{near[0]}", where credentials are kept' if near else None
