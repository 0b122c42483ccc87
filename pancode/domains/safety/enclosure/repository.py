"""What a worker may change of the git repository it works in: objects and refs, never what git obeys."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.enclosure.links import led_to
from pancode.domains.safety.enclosure.mounts import Kind, Mount, is_place, pinned, reading, within
from pancode.engine import places

SUBMODULES = 20
"""More submodules than that aren't guarded one by one; two mounts each would cost too much at every start."""
_LINE = 1 << 12
_POINTS_TO_ITSELF = ".\n"
_CORE_WORKTREE = re.compile(r"^\s*worktree\s*=\s*(.+?)\s*$", re.MULTILINE)
_OBEYED = re.compile(
    r"\s*(hookspath|path|fsmonitor|sshcommand|gitproxy|editor|pager|askpass|attributesfile|external|textconv|clean"
    r"|smudge|process|driver|cmd|command|helper|program|templatedir|uploadpack|receivepack|update)\s*=\s*(.*)",
    re.IGNORECASE,
)
"""Settings whose values name programs, or files with more settings."""
CANT_COMMIT = (
    "the worker can't commit here: this is a linked work tree or a submodule, and its repository is only lent"
    " to read; with --isolate it gets a clone, where it can"
)


@dataclass(slots=True)
class Guard:
    """What keeps a repository safe: see `Sandbox` for masks and stubs; `config` is what git obeys."""

    mounts: list[Mount] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    stubs: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    config: str | None = None


def guard(root: str, *, writable: bool, repository: str | None) -> Guard:
    """Guard the repository whose work tree is `root`; `repository` is the one that a clone may borrow from.

    PanError REFUSED where its `.git` is not what git itself makes.
    """
    git = os.path.join(root, ".git")
    if os.path.islink(git):
        raise _odd(git, "it is a symbolic link, which the worker could turn to another repository")
    if os.path.isfile(git):
        return _elsewhere(root, git)
    if os.path.isfile(os.path.join(git, "HEAD")):
        return _own(root, git, writable=writable, repository=repository)
    return _none(root, git, writable=writable)


def _none(root: str, git: str, *, writable: bool) -> Guard:
    """Keep a directory from becoming a repository: git would obey what the worker puts there."""
    found = Guard()
    if writable:
        found.masks = [git]
        found.mounts = [Mount(Kind.EMPTY, git)]
        _keep_from_being_bare(found, root)
    return found


def spoilers(directory: str) -> list[str]:
    """Give the names to be kept free in `directory`, so that it can't be made to pass for a repository.

    While one of the first name is there git gives up; without the second it isn't taken for one. `HEAD`
    would do alone, but then git can't tell it from the commit that is called so.
    """
    free = next((name for name in ("refs", "objects") if is_place(os.path.join(directory, name))), "HEAD")
    return ["commondir", free]


def _keep_from_being_bare(found: Guard, root: str) -> None:
    """Let `root` itself not pass for a repository: git would look there if `.git` were spoilt."""
    for name in spoilers(root):
        path = os.path.join(root, name)
        if not is_place(path):
            raise _odd(path, "it lets the directory pass for a repository")
        found.masks.append(path)
        found.mounts.append(Mount(Kind.EMPTY, path))


def _own(root: str, git: str, *, writable: bool, repository: str | None) -> Guard:
    found = Guard(config=os.path.join(git, "config"))
    found.mounts += [Mount(Kind.WRITE if writable else Kind.READ, git)]
    found.mounts += reading(*_borrowed(root, git, repository))
    if not writable:
        return found
    _check_common(git)
    found.mounts += reading(os.path.join(git, "config"))
    _keep_file(found, os.path.join(git, "commondir"), _POINTS_TO_ITSELF)
    _keep_file(found, os.path.join(git, "objects/info/alternates"), "")
    # Obeyed as soon as somebody uses sparse checkouts, even if it isn't now.
    _keep_file(found, os.path.join(git, "config.worktree"), "")
    _keep_directory(found, os.path.join(git, "hooks"))
    found.mounts += led_to(os.path.join(git, "hooks"), root)
    for name in ("modules", "worktrees"):
        if os.path.lexists(os.path.join(git, name)):
            _keep_directory(found, os.path.join(git, name))
    _keep_from_being_bare(found, root)
    _guard_submodules(found, root, os.path.join(git, "modules"))
    _guard_obeyed(found, root, git)
    return found


def _guard_obeyed(found: Guard, root: str, git: str) -> None:
    """Keep what in the work tree the configuration makes git run or read: hooks, scripts, more settings."""
    for line in _read(os.path.join(git, "config")).splitlines():
        match = _OBEYED.match(line)
        if not match:
            continue
        is_hooks = match[1].lower() == "hookspath"
        for word in re.split(r"[\s\"';]+", match[2]):
            for base in (root, git):
                path = os.path.normpath(os.path.join(base, os.path.expanduser(word)))
                if within(path, root) and path != root and not within(path, git):
                    _keep_obeyed(found, root, path, or_none=base == root and (is_hooks or "/" in word))


def _keep_obeyed(found: Guard, root: str, path: str, *, or_none: bool) -> None:
    """Keep `path` as it is; with `or_none` nothing comes into being where nothing is."""
    if os.path.islink(path):
        raise _odd(path, "git obeys it, and it is a symbolic link")
    if not is_place(path):
        found.mounts += pinned(Mount(Kind.READ, path), root)
    elif or_none:
        at = path
        while at != root and is_place(at):
            found.masks.insert(0, at)
            at = os.path.dirname(at)
        found.mounts += pinned(Mount(Kind.EMPTY, path), root)


def _keep_file(found: Guard, path: str, text: str) -> None:
    """Keep a file as it is; where there is none, a stub that says what its absence says."""
    is_link, said = os.path.islink(path), _says(path)
    if said == text or (said is None and not is_link):
        found.stubs[path] = text
    elif is_link:
        raise _odd(path, "it is a symbolic link")
    found.mounts += reading(path)


def _keep_directory(found: Guard, path: str) -> None:
    if os.path.islink(path):
        raise _odd(path, "it is a symbolic link, which the worker could turn to another directory")
    if not is_place(path):
        found.mounts += reading(path)
        return
    found.masks.append(path)
    found.mounts.append(Mount(Kind.EMPTY, path))


def _check_common(git: str) -> None:
    path = os.path.join(git, "commondir")
    if os.path.islink(path) or _says(path) not in (None, _POINTS_TO_ITSELF):
        raise _odd(path, "it sends git to another configuration")


def _guard_submodules(found: Guard, root: str, modules: str) -> None:
    """Keep the `.git` file of each submodule, which names the configuration that git obeys in there."""
    trees = [tree for tree in _submodules(modules) if within(tree, root) and tree != root]
    for tree in trees[:SUBMODULES]:
        file = os.path.join(tree, ".git")
        if os.path.isfile(file) and not os.path.islink(file):
            found.mounts += pinned(Mount(Kind.READ, file), root)
    if len(trees) > SUBMODULES:
        found.lost.append(f"of {len(trees)} submodules only {SUBMODULES} are guarded")


def _submodules(modules: str) -> list[str]:
    found = []
    for directory, names, files in os.walk(modules):
        if "HEAD" in files and "config" in files:
            names[:] = [name for name in names if name == "modules"]
            match = _CORE_WORKTREE.search(_read(os.path.join(directory, "config")))
            if match:
                found.append(os.path.normpath(os.path.join(directory, match[1].strip('"'))))
    return found


def _elsewhere(root: str, git: str) -> Guard:
    """Guard a linked work tree or a submodule: its repository is visible and not to be changed."""
    first = _read(git).strip()
    named = first.removeprefix("gitdir:").strip()
    target = os.path.realpath(os.path.join(root, named))
    found = Guard(mounts=reading(git), lost=[CANT_COMMIT])
    common = _common_of(root, git, target)
    if not first.startswith("gitdir:") or common is None or not _trusted(root, common):
        found.lost = ['its ".git" file names no repository that knows this work tree, so git fails in there']
        return found
    found.mounts += reading(common, *_borrowed(root, common, None))
    found.config = os.path.join(common, "config")
    return found


def _common_of(root: str, git: str, target: str) -> str | None:
    """Give the repository that `target` belongs to, if that one in turn names the work tree."""
    back = _read(os.path.join(target, "gitdir")).strip()
    if back:
        common = os.path.realpath(os.path.join(target, _read(os.path.join(target, "commondir")).strip()))
        right = os.path.realpath(back) == git and os.path.dirname(target) == os.path.join(common, "worktrees")
        return common if right and _is_repository(common) else None
    match = _CORE_WORKTREE.search(_read(os.path.join(target, "config")))
    if match and os.path.realpath(os.path.join(target, match[1].strip('"'))) == root:
        return target if "/modules/" in target and _is_repository(target) else None
    return None


def _borrowed(root: str, git: str, repository: str | None) -> list[str]:
    """Give the object directories that this repository borrows from, as far as they may be shown."""
    found: list[str] = []
    waiting = [os.path.join(git, "objects")]
    while waiting:
        objects = waiting.pop()
        for line in _read(os.path.join(objects, "info/alternates")).splitlines():
            path = os.path.realpath(os.path.join(objects, line))
            owner = os.path.dirname(path)
            if path in found or os.path.basename(path) != "objects" or not _is_repository(owner):
                continue
            ours = repository is not None and within(owner, os.path.realpath(repository))
            if ours or _trusted(root, owner):
                found.append(path)
                waiting.append(path)
    return found


def _trusted(root: str, owner: str) -> bool:
    """Whether the word of `root` counts: a worker of an outer repository could have made it up."""
    outer = places.project_root(os.path.dirname(root))
    inside = os.path.exists(os.path.join(outer, ".git"))
    return not inside or within(owner, outer)


def _is_repository(directory: str) -> bool:
    return all(os.path.exists(os.path.join(directory, name)) for name in ("HEAD", "objects", "refs"))


def _says(path: str) -> str | None:
    """Give a file's text, None where there is none: other workers make and remove stubs meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LINE * 16)
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _read(path: str) -> str:
    return _says(path) or ""


def _odd(path: str, why: str) -> PanError:
    return PanError(
        f'no worker is started here, for the sake of "{path}": {why}',
        remedy="look at it, and put back what git itself would have there",
        code=ExitCode.REFUSED,
    )
