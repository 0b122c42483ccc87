"""Which directory a worker gets, and which ones can't be one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.base import MERGED, NO_HOME_FOR, PROGRAMS, SCRATCH
from pancode.domains.safety.enclosure.governance import SECRETS
from pancode.domains.safety.enclosure.mounts import within
from pancode.engine import places


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
    home = os.path.realpath(home_of(ask))
    root = places.project_root(cwd)
    if root != cwd and _why_not(root, home, ask.pancode_home):
        root = cwd
    why = _why_not(root, home, ask.pancode_home)
    if why is not None:
        raise PanError(
            f'a worker can\'t have "{root}" as its directory: {why}',
            remedy="start it in the directory of one project",
            code=ExitCode.REFUSED,
        )
    ours = (os.path.realpath(ask.pancode_home), os.path.realpath(places.runtime_root()))
    return WorkTree(root, cwd, home, (*_secrets(home), *ours))


def home_of(ask: EnclosureAsk) -> str:
    """Give the operator's HOME as the environment names it; a worker finds its private one at that path."""
    named = ask.environment.get("HOME", "")
    return os.path.normpath(named) if os.path.isabs(named) else os.path.expanduser("~")


@lru_cache(maxsize=4)
def _secrets(home: str) -> tuple[str, ...]:
    return tuple(os.path.join(home, name) for name in SECRETS)


def _why_not(root: str, home: str, pancode_home: str) -> str | None:
    if root == home:
        return "it is your home directory"
    ours = os.path.realpath(pancode_home)
    for inner, what in ((home, "your home directory"), (ours, "PanCode's own files"), *_system()):
        if within(inner, root):
            return f"it holds {what}"
    if root == os.path.realpath(places.runtime_root()):
        return "it holds the session's sockets"
    for path in NO_HOME_FOR:
        if within(root, path):
            return f"{path} is the system's"
    return _near_a_secret(root, home)


def _system() -> list[tuple[str, str]]:
    held = [
        (path, "the system's directories") for path in (*PROGRAMS, *MERGED, *SCRATCH) if os.path.isdir(path)
    ]
    return [*held, (os.path.realpath(places.runtime_root()), "the session's sockets")]


def _near_a_secret(root: str, home: str) -> str | None:
    for path in _secrets(home):
        if within(root, path) or (within(path, root) and os.path.lexists(path)):
            return f'it is or holds "{path}", where credentials are kept'
    return None
