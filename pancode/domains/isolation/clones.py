"""Makes a worker's own clone, without git ever looking into it."""

from __future__ import annotations

import os
import shutil

from pancode.domains.isolation.origin import Origin, Wanted
from pancode.domains.isolation.store import Base, Store

_SHA256 = 64
BRANCH = "pancode/"
"""In front of the run's id: the branch that is checked out in its clone."""


def make_clone(store: Store, run: str, origin: Origin, wanted: Wanted, base: Base) -> str:
    """Make the clone of a run that has not begun, anew if there is half of one; give its directory.

    It borrows the objects of the operator's repository. Its files are written from our own repository.
    """
    to = store.clone(run)
    with store.run_locked(run):
        if os.path.lexists(to):
            shutil.rmtree(to)
        _skeleton(to, run, origin, wanted, base)
        if base.commit != base.head:
            _hand_over(store, to, base)
        index = os.path.join(to, ".git", "index")
        store.at(to, index).run("read-tree", "-u", "--reset", base.commit)
        shutil.copyfile(index, store.index(run))
    return to


def _skeleton(to: str, run: str, origin: Origin, wanted: Wanted, base: Base) -> None:
    git_dir = os.path.join(to, ".git")
    for name in ("objects/info", "objects/pack", "refs/heads/pancode", "refs/tags", "info", "hooks"):
        os.makedirs(os.path.join(git_dir, name))
    texts = {
        "HEAD": f"ref: refs/heads/{BRANCH}{run}\n",
        f"refs/heads/{BRANCH}{run}": f"{base.commit}\n",
        "objects/info/alternates": f"{origin.objects}\n",
        "info/exclude": wanted.ignored,
        "config": _config(wanted, base),
    }
    for name, text in texts.items():
        path = os.path.join(git_dir, name)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)


def _config(wanted: Wanted, base: Base) -> str:
    version, extensions = 0, ""
    if len(base.commit) == _SHA256:
        version, extensions = 1, "[extensions]\n\tobjectFormat = sha256\n"
    remotes = "".join(
        f"[remote {_quoted(name)}]\n\turl = {_quoted(url)}\n"
        f"\tfetch = {_quoted(f'+refs/heads/*:refs/remotes/{name}/*')}\n"
        for name, url in wanted.remotes.items()
    )
    return (
        f"[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n"
        f"\tlogallrefupdates = true\n{extensions}"
        f"[user]\n\tname = {_quoted(wanted.name)}\n\temail = {_quoted(wanted.email)}\n"
        f"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n{remotes}"
    )


def _quoted(text: str) -> str:
    r"""Give a value as git's configuration wants it.

    >>> print(_quoted('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _hand_over(store: Store, to: str, base: Base) -> None:
    """Give the clone the objects that the operator's repository lacks: what is not committed there."""
    wished = f"{base.commit}\n" + (f"^{base.head}\n" if base.head else "")
    store.bare.raw(
        *("pack-objects", "--quiet", "--revs", os.path.join(to, ".git", "objects", "pack", "pack")),
        given=wished.encode(),
    )
