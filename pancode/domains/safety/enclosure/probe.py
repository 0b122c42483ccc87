"""Finds out what this machine can enforce, by really trying to break out of a sandbox."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pancode.domains.safety.enclosure.asks import Canary, Machine
from pancode.domains.safety.enclosure.base import private_below_etc
from pancode.domains.safety.enclosure.trial import TRIAL_S, Attempt, attempt

if TYPE_CHECKING:
    from typing import Literal

CANARIES: Mapping[str, str] = {
    "write-outside": "write a file outside of the work directory",
    "read-secret": "read a file outside of it",
    "connect-out": "connect to a service on this machine",
    "reach-socket": "connect to a Unix socket, by path or by name",
    "signal-host": "signal a process outside",
    "new-namespace": "make a user namespace",
    "io-uring": "set up io_uring, which goes round filters",
    "change-git": "change the repository's configuration",
    "plant-settings": "plant settings for an agent",
    "set-uid": "make a set-uid file",
    "kernel-settings": "change a setting of the kernel",
    "survive": "leave a process running",
}
"""What is tried, by name."""
FS_ONLY = frozenset({"write-outside", "read-secret", "reach-socket"})
"""What Landlock and the filter must stop at the least, or they count for nothing."""
PLACES = ("/usr/bin", "/usr/local/bin", "/bin", "/run/current-system/sw/bin", "/run/wrappers/bin")
"""Where bubblewrap is looked for: never in PATH, in which a project may have directories."""
_LANDLOCK_CREATE_RULESET = 444
_SEEN = frozenset({
    "write-outside", "change-git", "plant-settings", "set-uid", "survive", "connect-out", "reach-socket",
})  # fmt: skip
"""What shows outside: there the act's own word doesn't count."""


def bubblewrap() -> str | None:
    """Give the path of bubblewrap, None where it is not installed."""
    return next((f"{place}/bwrap" for place in PLACES if os.access(f"{place}/bwrap", os.X_OK)), None)


def landlock_abi() -> int:
    """Give the version of Landlock in this kernel, 0 where it is missing or switched off."""
    return max(0, int(ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)))


def look(pancode_home: str, environment: Mapping[str, str]) -> Machine:
    """Try the sandboxes of this machine, the strongest first; takes some tenths of a second.

    PanError ENVIRONMENT where PANCODE_HOME can't be used.
    """
    program = bubblewrap()
    found = Machine(
        sandbox="none",
        bwrap=program,
        bwrap_version=_version(program),
        landlock_abi=landlock_abi(),
        root=os.geteuid() == 0,
        hidden=private_below_etc(),
    )
    why = "bubblewrap is not installed"
    if program is not None:
        full = replace(found, sandbox="full")
        tried = attempt(full, pancode_home, environment)
        why = _weakness(tried, frozenset(CANARIES)) or ""
        if not why:
            return replace(full, limits=_limits(tried), canaries=_canaries(tried))
        found = replace(found, canaries=_canaries(tried), limits=_limits(tried))
    if found.landlock_abi:
        fs_only = replace(found, sandbox="fs-only", why=why)
        tried = attempt(fs_only, pancode_home, environment)
        worse = _weakness(tried, FS_ONLY)
        if worse is None:
            return replace(fs_only, limits=_limits(tried), canaries=_canaries(tried))
        why = f"{why}; Landlock alone: {worse}"
    return replace(found, why=why)


def _version(program: str | None) -> str | None:
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=TRIAL_S, check=False, env={}
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.split()[-1] if done.stdout.split() else None


def _canaries(tried: Attempt) -> tuple[Canary, ...]:
    found = []
    for name, what in CANARIES.items():
        if tried.told is None:
            found.append(Canary(name, what, None, tried.problem))
        else:
            note = tried.told.get(name, "")
            stopped = name not in tried.seen if name in _SEEN else bool(note)
            found.append(Canary(name, what, stopped, note or ("ended with it" if stopped else "it worked")))
    return tuple(found)


def _weakness(tried: Attempt, promised: frozenset[str]) -> str | None:
    """Give in a sentence what of `promised` doesn't hold, None when all does."""
    if tried.told is None:
        return f"the sandbox can't be made: {tried.problem}"
    through = [each.what for each in _canaries(tried) if each.name in promised and not each.stopped]
    return f"a worker could {through[0]}" if through else None


def _limits(tried: Attempt) -> Literal["systemd", "cgroup", "rlimit", "none"]:
    match tried.limits:
        case "systemd" | "cgroup" | "rlimit" as known:
            return known
        case _:
            return "none"
