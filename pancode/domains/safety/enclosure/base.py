"""What every worker sees of the machine: its programs and their configuration, and none of its people."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import lru_cache

from pancode.domains.safety.enclosure.mounts import Kind, Mount, hiding, reading
from pancode.domains.safety.enclosure.sight import Kept, Sight

MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr on most systems, directories on others."""
PROGRAMS = ("/usr", "/etc", "/opt", "/nix/store", "/gnu/store", "/home/linuxbrew", "/var/lib/ca-certificates")
FACTS = ("/sys/devices/system/cpu",)
"""Of /sys only what programs size themselves by."""
SCRATCH = ("/tmp", "/run", "/var/tmp")  # noqa: S108 -- inside, where they are the sandbox's own
NO_HOME_FOR = ("/proc", "/sys", "/dev", "/run")
"""What a worker can't have as its directory."""
PRIVATE = (
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/pki/tls/private",
    "/etc/wireguard",
    "/etc/krb5.keytab",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/docker",
)
"""Hidden from whoever could read them; the kernel hides most of them from everybody but root."""
PROC_OF_ROOT = ("/proc/sys", "/proc/acpi", "/proc/scsi")
"""Files here obey whoever has root's number, even one without capabilities; bwrap leaves them writable."""

_KEPT: Kept[list[Mount]] = Kept()


def machine(hidden: Sequence[str], *, root: bool) -> list[Mount]:
    """Give the mounts of the system itself; `hidden` are paths below /etc as in `Machine`."""
    mounts = [*reading(*(path for path in FACTS if os.path.exists(path)))]
    if root:
        mounts += reading(*(path for path in PROC_OF_ROOT if os.path.isdir(path) and os.listdir(path)))
    return [*_KEPT.get(tuple(hidden), lambda sight: _system(hidden, sight)), *mounts]


def _system(hidden: Sequence[str], sight: Sight) -> list[Mount]:
    mounts = [*reading(*(path for path in PROGRAMS if sight.exists(path)))]
    for path in filter(sight.lexists, MERGED):
        if os.path.islink(path):
            mounts.append(Mount(Kind.LINK, path, os.readlink(path)))
        elif os.path.isdir(path):
            mounts += reading(path)
    mounts += [Mount(Kind.SCRATCH, path) for path in SCRATCH]
    private = filter(sight.lexists, dict.fromkeys((*PRIVATE, *hidden)))
    return [*mounts, *(hiding(path) for path in private if _could_read(path))]


def _could_read(path: str) -> bool:
    return not os.path.islink(path) and os.access(path, os.R_OK)


@lru_cache(maxsize=1)
def private_below_etc() -> tuple[str, ...]:
    """Give every file and directory below /etc that we can read and others can't, outermost only."""
    found: list[str] = []
    waiting = ["/etc"]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(about.st_mode):
                continue
            if not about.st_mode & stat.S_IROTH:
                if about.st_size:
                    found.append(entry.path)
            elif stat.S_ISDIR(about.st_mode):
                waiting.append(entry.path)
    return tuple(sorted(path for path in found if os.access(path, os.R_OK)))
