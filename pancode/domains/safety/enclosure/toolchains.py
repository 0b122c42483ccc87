"""Which directories outside the system's the operator's programs need in order to start inside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from pancode.domains.safety.enclosure.base import MERGED, PROGRAMS, SCRATCH
from pancode.domains.safety.enclosure.governance import CREDENTIAL_NAMES, TOOLCHAINS
from pancode.domains.safety.enclosure.mounts import Mount, hiding, reading, within, within_any
from pancode.domains.safety.enclosure.sight import Kept, Sight
from pancode.domains.safety.enclosure.surroundings import CERTIFICATES
from pancode.domains.safety.enclosure.worktree import WorkTree

_BINARIES = ("bin", "sbin", "shims", ".bin")
_SIGNS = ("lib", "libexec", "pyvenv.cfg", "share", "include", "lib64")
"""What lies next to `bin` where both belong to one installation."""
_PACKAGES = "node_modules"
_TOPS = tuple((name.partition("/")[0], name) for name in TOOLCHAINS)
_links: dict[tuple[str, int], tuple[str, ...]] = {}
"""The links out of a directory, by its path and mtime: reading them again at each start would cost 1 ms."""
_KEPT: Kept[list[Mount]] = Kept()


def toolchains(tree: WorkTree, environment: Mapping[str, str], programs: Iterable[str]) -> list[Mount]:
    """Give the mounts for the toolchains below HOME, PATH's directories, `programs`, and PanCode's Python.

    A place where secrets lie, or which holds such places, is left out; credentials at the top of a
    toolchain are hidden.
    """
    path, given = environment.get("PATH", os.defpath), [environment.get(name, "") for name in CERTIFICATES]
    named = (path, *programs), tuple(each for each in given if os.path.isabs(each))
    return list(_KEPT.get((tree, *named), lambda sight: _found(tree, named, sight)))


def _found(tree: WorkTree, named: tuple[tuple[str, ...], tuple[str, ...]], sight: Sight) -> list[Mount]:
    (path, *programs), certificates = named
    wanted = _below_home(tree.home, sight)
    for directory in path.split(os.pathsep):
        if os.path.isabs(directory) and not _seen(directory, tree):
            wanted += [_installation(directory, tree.home, sight), *_out_of(directory, tree, sight)]
    for program in programs:
        wanted += _program(program, tree, sight)
    wanted += [sys.prefix, sys.base_prefix, _own_code(), *certificates]
    mounts: list[Mount] = []
    for each in dict.fromkeys(wanted):
        if sight.exists(each) and not _seen(each, tree) and _may_be_shown(each, tree, sight):
            mounts += [*reading(each), *_credentials(each, sight)]
    return mounts


def _below_home(home: str, sight: Sight) -> list[str]:
    """Give the toolchains that may be there, by what HOME has at its top."""
    there = frozenset(sight.names(home))
    return [f"{home}/{name}" for top, name in _TOPS if top in there]


def own(tree: WorkTree) -> list[str]:
    """Give PanCode's own directories that lie in the work tree: they run outside of every sandbox."""
    return [path for path in (sys.prefix, _own_code()) if within(path, tree.root) and path != tree.root]


def _own_code() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def _seen(path: str, tree: WorkTree) -> bool:
    """Whether a worker sees this path anyway."""
    return within_any(path, (*PROGRAMS, *MERGED, tree.root))


def _may_be_shown(path: str, tree: WorkTree, sight: Sight) -> bool:
    real = sight.realpath(path)
    if any(within(each, real) for each in (tree.home, tree.root, *SCRATCH)):
        return False
    if within_any(real, tree.secret):
        return False
    return not any(sight.lexists(secret) for secret in tree.secret if secret.startswith(f"{real}/"))


def _credentials(path: str, sight: Sight) -> list[Mount]:
    names = CREDENTIAL_NAMES.intersection(sight.names(path))
    there = [os.path.join(path, name) for name in sorted(names)]
    return [hiding(each) for each in there if sight.lexists(each)]


def _program(program: str, tree: WorkTree, sight: Sight) -> list[str]:
    """Give what the program at this path needs besides itself."""
    found = [_installation(os.path.dirname(program), tree.home, sight)]
    # A link in the work tree may be a worker's, which would choose what the next worker sees.
    if not within(program, tree.root):
        real = sight.realpath(program)
        found.append(real if _is_plain(real) else _installation(os.path.dirname(real), tree.home, sight))
    return found


def _is_plain(program: str) -> bool:
    return _packages(program) is None and os.path.basename(os.path.dirname(program)) not in _BINARIES


def _installation(directory: str, home: str, sight: Sight) -> str:
    """Give the directory that belongs to the programs of `directory` as a whole.

    >>> [_installation(one, "/root", Sight()) for one in ("/tmp/x/node_modules/.bin", "/tmp/none/bin")]
    ['/tmp/x/node_modules', '/tmp/none/bin']
    """
    packages = _packages(directory)
    if packages is not None:
        return packages
    parent = os.path.dirname(directory)
    if os.path.basename(directory) not in _BINARIES or _is_shared(parent, home):
        return directory
    return parent if any(sight.exists(os.path.join(parent, sign)) for sign in _SIGNS) else directory


def _is_shared(directory: str, home: str) -> bool:
    """Whether more than one installation lives there, however much it looks like one."""
    if within(home, directory) or directory in SCRATCH or os.path.dirname(directory) == "/":
        return True
    return directory in (os.path.join(home, name) for name in (".local", ".config", ".cache"))


def _packages(path: str) -> str | None:
    """Give the outermost node_modules around `path`."""
    before, found, _ = path.partition(f"/{_PACKAGES}/")
    if found:
        return f"{before}/{_PACKAGES}"
    return path if os.path.basename(path) == _PACKAGES else None


def _out_of(directory: str, tree: WorkTree, sight: Sight) -> list[str]:
    """Give what the links of a directory of programs lead to, outside of it."""
    if not sight.exists(directory):
        return []
    try:
        key = (directory, os.stat(directory).st_mtime_ns)
    except OSError:
        return []
    if key not in _links:
        _links[key] = tuple(_followed(directory, tree.home, sight))
    return [path for path in _links[key] if not within(path, tree.root)]


def _followed(directory: str, home: str, sight: Sight) -> list[str]:
    found: dict[str, None] = {}
    for entry in os.scandir(directory):
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            if not within(real, directory):
                found[real if _is_plain(real) else _installation(os.path.dirname(real), home, sight)] = None
    return list(found)
