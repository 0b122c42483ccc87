"""The operator's repository, as far as a clone of it needs to know it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.engine import git, places

NOBODY = ("PanCode worker", "worker@pancode.invalid")
"""Who commits in a clone where the operator hasn't told git who they are."""
_LARGEST_LIST = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository at one moment: its work tree, the directory of its objects, the commit it is at.

    `head` is None before the first commit.
    """

    root: str
    objects: str
    exclude: str
    head: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator has told git that holds in a clone too: who commits, remotes, what is ignored."""

    name: str
    email: str
    remotes: Mapping[str, str]
    ignored: str


def root_of(cwd: str) -> str | None:
    """Give the root of the repository around `cwd`; None outside of one."""
    root = places.project_root(cwd)
    return root if places.is_work_tree(root) else None


def no_repository(cwd: str) -> PanError:
    """Give the error for a directory that no clone can be made of."""
    return PanError(
        f'can\'t isolate a run in "{cwd}": it is not in a git repository',
        remedy="git init there, or --no-isolate",
        code=ExitCode.REFUSED,
    )


def origin_of(root: str) -> Origin:
    """Look at the repository with the work tree `root`; PanError where git can't read it."""
    told = git.run(
        root,
        *("rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "info/exclude"),
    )
    objects, exclude = told.splitlines()
    return Origin(root, os.path.realpath(objects), exclude, _head(root))


def _head(root: str) -> str | None:
    try:
        return git.run(root, "rev-parse", "--quiet", "--verify", "HEAD^{commit}").strip()
    except PanError:
        return None


def wanted_in(origin: Origin, environment: Mapping[str, str]) -> Wanted:
    """Read the operator's own settings of git; `environment` is the operator's."""
    found = git.settings(
        origin.root, environment, r"^(user\.(name|email)|core\.excludesfile|remote\..*\.url)$"
    )
    home = environment.get("HOME") or os.path.expanduser("~")
    default = os.path.join(environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git/ignore")
    ignore = os.path.join(home, found.get("core.excludesfile", default).replace("~/", home + os.sep, 1))
    remotes = {
        name[len("remote.") : -len(".url")]: url for name, url in found.items() if name.startswith("remote.")
    }
    return Wanted(
        name=found.get("user.name", NOBODY[0]),
        email=found.get("user.email", NOBODY[1]),
        remotes=remotes,
        ignored=f"{_text(ignore)}\n{_text(origin.exclude)}",
    )


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_LARGEST_LIST)
    except OSError:
        return ""
