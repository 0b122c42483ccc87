"""Landlock by raw system calls: the wall where there is no bwrap, and a second one inside of it."""

from __future__ import annotations

import posix
import sys

from pancode.worker.kernel import call, no_new_privileges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_BENEATH, _PORT = 1, 2
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_ALL_OF_FIRST, _REFER, _TRUNCATE, _DEVICE = 0x1FFF, 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
_CONNECT = 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_WITH_REFER, _WITH_TRUNCATE, _WITH_NET, _WITH_DEVICES, _WITH_SCOPES = 2, 3, 4, 5, 6
"""The versions that brought them."""
_KIND, _DIRECTORY = 0o170000, 0o040000


class LandlockError(Exception):
    """The wall can't be put up; the text is a sentence."""


def version() -> int:
    """Give the kernel's version of Landlock, 0 where there is none."""
    return max(0, call("syscall", _CREATE, None, 0, _ASK_VERSION))


def restrict(readable: Iterable[str], writable: Iterable[str], ports: Iterable[int] | None = None) -> None:
    """Take from this process and all below it every file but these, for good; raise LandlockError.

    What isn't there is skipped. `ports`: the only ones that TCP connects to, on any host (None: all), from
    version 4 on. From version 6 on nothing outside can be signalled, nor reached by an abstract socket.
    """
    known = version()
    if not known:
        raise LandlockError("this kernel has no Landlock")
    files = _files(known)
    net = _CONNECT if ports is not None and known >= _WITH_NET else 0
    attributes = _u64(files)
    if known >= _WITH_NET:
        attributes += _u64(net)
    if known >= _WITH_SCOPES:
        attributes += _u64(_ABSTRACT_SOCKETS | _SIGNALS)
    rules = call("syscall", _CREATE, attributes, len(attributes), 0)
    if rules < 0:
        raise LandlockError("Landlock takes no rules")
    try:
        for path in readable:
            _allow(rules, path, _EXECUTE | _READ | _LIST)
        for path in writable:
            _allow(rules, path, files)
        for port in (ports or ()) if net else ():
            if call("syscall", _ADD, rules, _PORT, _u64(net) + _u64(port), 0):
                raise LandlockError(f"Landlock doesn't take port {port}")
        if not no_new_privileges() or call("syscall", _RESTRICT, rules, 0):
            raise LandlockError("Landlock doesn't take effect")
    finally:
        posix.close(rules)


def _files(known: int) -> int:
    rights = _ALL_OF_FIRST
    rights |= _REFER if known >= _WITH_REFER else 0
    rights |= _TRUNCATE if known >= _WITH_TRUNCATE else 0
    return rights | (_DEVICE if known >= _WITH_DEVICES else 0)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        fd = posix.open(path, posix.O_PATH | posix.O_CLOEXEC)
    except OSError:
        return
    try:
        if posix.fstat(fd).st_mode & _KIND != _DIRECTORY:
            rights &= _OF_FILES
        rule = _u64(rights) + fd.to_bytes(4, sys.byteorder)
        if call("syscall", _ADD, rules, _BENEATH, rule, 0):
            raise LandlockError(f'Landlock doesn\'t take "{path}"')
    finally:
        posix.close(fd)


def _u64(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)
