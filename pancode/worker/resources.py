"""Limits of a worker's whole tree: a systemd scope, control groups, or what each process may have."""

from __future__ import annotations

import posix
import time

from pancode.worker.files import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pancode.worker.profile import Resources

    How = Literal["systemd", "cgroup", "rlimit", "none"]

GROUPS = "/sys/fs/cgroup"
_PREFIX = "pancode-"
_PERIOD_US = 100_000
_OWN_PROCESSES = 2
"""What bwrap itself needs of the number of processes."""
_EMPTY_S = 0.2
"""How long a group may take to become empty once its processes have been collected."""
_SYSTEMD_RUN, _ENV = "/usr/bin/systemd-run", "/usr/bin/env"


class Bounds:
    """What was applied: `how`, the words to put before the command, and the environment of those."""

    __slots__ = ("_groups", "_limits", "_namespace", "command", "environment", "how")

    def __init__(self, limits: Resources, run: str, *, systemd: bool) -> None:
        """Prepare the limits of `run`; never fails, `how` says what could be had.

        `systemd`: the command is bwrap, which a scope can be put round.
        """
        self._limits = limits
        self._namespace = systemd
        self._groups: list[tuple[str, str]] = []
        self.command: list[str] = []
        self.environment: dict[str, str] = {}
        self.how: How = "none"
        shared = (limits["memory_bytes"], limits["processes"], limits["cpu_cores"])
        if any(limit is not None for limit in shared):
            self._groups = _make(limits, f"{_PREFIX}{run}-{posix.getpid()}")
            self.how = "cgroup" if self._groups else "rlimit"
            runtime = _runtime_directory() if systemd and not self._groups else None
            if runtime is not None:
                self.how = "systemd"
                self.command = _scope(limits)
                self.environment = {"XDG_RUNTIME_DIR": runtime}
        elif limits["file_bytes"] is not None or limits["cpu_s"] is not None:
            self.how = "rlimit"

    def enter(self) -> None:
        """In the process to be limited: take it on; raise OSError or ValueError."""
        import resource

        for group, file in self._groups:
            _write(f"{group}/{file}", "0")
        limits = self._limits
        _lower(0, resource.RLIMIT_CORE, 0)
        _lower(0, resource.RLIMIT_FSIZE, limits["file_bytes"])
        _lower(0, resource.RLIMIT_CPU, limits["cpu_s"])
        if self.how == "rlimit":
            # Not the address space: what runs JavaScript reserves far more of that than it uses.
            _lower(0, resource.RLIMIT_DATA, limits["memory_bytes"])
            if not self._namespace and limits["processes"] is not None:
                # What else this user runs counts as well.
                _lower(0, resource.RLIMIT_NPROC, limits["processes"] + _tasks_of(posix.getuid()))

    def count(self, pid: int) -> None:
        """Limit the number of processes, for want of a group, from `pid` on down; raise OSError.

        In a user namespace of its own, only the worker's processes count.
        """
        if self.how == "rlimit" and self._limits["processes"] is not None:
            import resource

            _lower(pid, resource.RLIMIT_NPROC, self._limits["processes"] + _OWN_PROCESSES)

    def freezer(self, pid: int) -> str | None:
        """Give the file that freezes the group of the worker `pid`, if that group holds nothing else."""
        try:
            path = _new_group(pid)
            own = path != _new_group(posix.getpid())
            named = path.rpartition("/")[2].startswith((_PREFIX, "run-"))
            posix.stat(f"{path}/cgroup.freeze")
        except (OSError, ValueError):
            return None
        return f"{path}/cgroup.freeze" if own and named and self.how in ("cgroup", "systemd") else None

    def remove(self) -> None:
        """Take the groups away, and those of shims that had no time to; may be called twice."""
        until = time.monotonic() + _EMPTY_S
        for group, _ in self._groups:
            while not _removed(group) and time.monotonic() < until:
                time.sleep(0.005)
            _sweep(group.rpartition("/")[0])
        self._groups = []


def _runtime_directory() -> str | None:
    """Give where the user's own systemd listens, None if it doesn't, or there is nothing to ask it with."""
    place = f"/run/user/{posix.getuid()}"
    try:
        posix.stat(f"{place}/bus")
        posix.stat(_SYSTEMD_RUN)
        posix.stat(_ENV)
    except OSError:
        return None
    return place


def _scope(limits: Resources) -> list[str]:
    words = [_SYSTEMD_RUN, "--user", "--scope", "--quiet", "--collect"]
    if limits["memory_bytes"] is not None:
        words += ["-p", f"MemoryMax={limits['memory_bytes']}", "-p", "MemorySwapMax=0"]
    if limits["processes"] is not None:
        words += ["-p", f"TasksMax={limits['processes'] + _OWN_PROCESSES}"]
    if limits["cpu_cores"] is not None:
        words += ["-p", f"CPUQuota={max(1, round(100 * limits['cpu_cores']))}%"]
    return [*words, "--"]


class _Setting:
    """A limit of a controller: (file, value) in the old layout and the new; "?": need not be."""

    __slots__ = ("controller", "new", "old")

    def __init__(
        self, controller: str, old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]
    ) -> None:
        self.controller = controller
        self.old = old
        self.new = new


def _settings(limits: Resources) -> list[_Setting]:
    found = []
    if limits["memory_bytes"] is not None:
        most = str(limits["memory_bytes"])
        old = (("memory.limit_in_bytes", most), ("?memory.memsw.limit_in_bytes", most))
        found.append(_Setting("memory", old, (("memory.max", most), ("?memory.swap.max", "0"))))
    if limits["processes"] is not None:
        number = (("pids.max", str(limits["processes"] + _OWN_PROCESSES)),)
        found.append(_Setting("pids", number, number))
    if limits["cpu_cores"] is not None:
        quota = str(max(1000, round(limits["cpu_cores"] * _PERIOD_US)))
        old = (("cpu.cfs_period_us", str(_PERIOD_US)), ("cpu.cfs_quota_us", quota))
        found.append(_Setting("cpu", old, (("cpu.max", f"{quota} {_PERIOD_US}"),)))
    return found


def _make(limits: Resources, name: str) -> list[tuple[str, str]]:
    """Make the groups; give each with the file to join by, nothing if one of the limits can't be had."""
    made: list[tuple[str, str]] = []
    try:
        old, new = _own_groups()
        settings = _settings(limits)
        delegated = {each.controller for each in settings} - set(old)
        for each in settings:
            if each.controller in old:
                # A thread that moves itself alone needs none of the kernel's locks: 10 ms less.
                group, file, values = f"{old[each.controller]}/{name}", "tasks", each.old
            else:
                group, file, values = f"{_delegating(new, delegated)}/{name}", "cgroup.procs", each.new
            if (group, file) not in made:
                posix.mkdir(group, 0o755)
                made.append((group, file))
            for key, value in values:
                _set(f"{group}/{key.lstrip('?')}", value, needed=key[0] != "?")
    except OSError:
        for group, _ in made:
            _removed(group)
        return []
    return made


def _own_groups() -> tuple[dict[str, str], str]:
    """Give the directories of this process's groups: by controller in the old layout, one in the new."""
    old, new = {}, ""
    for line in read("/proc/self/cgroup").decode().splitlines():
        number, controllers, path = line.split(":", 2)
        path = path.rstrip("/")
        if number == "0":
            new = GROUPS + path
        else:
            for controller in controllers.split(","):
                old[controller] = f"{GROUPS}/{controller}{path}"
    return old, new


def _new_group(pid: int) -> str:
    """Give the directory of a process's group in the new layout; raise OSError or ValueError."""
    lines = read(f"/proc/{pid}/cgroup").decode().splitlines()
    return GROUPS + next((line[3:].rstrip("/") for line in lines if line.startswith("0::")), "/none")


def _delegating(group: str, controllers: set[str]) -> str:
    """Give the nearest group whose children can have all `controllers`; raise OSError."""
    while group.startswith(GROUPS):
        try:
            if controllers <= set(read(f"{group}/cgroup.subtree_control").decode().split()):
                return group
        except FileNotFoundError:
            pass
        group = group.rpartition("/")[0]
    raise FileNotFoundError(2, "no group hands its controllers on")


def _sweep(parent: str) -> None:
    """Take away the groups of shims that are gone."""
    from pancode.worker import tree

    try:
        names = posix.listdir(parent)
    except OSError:
        return
    for name in names:
        pid = name.rpartition("-")[2]
        if name.startswith(_PREFIX) and pid.isdigit() and tree.look(int(pid)) is None:
            _removed(f"{parent}/{name}")


def _removed(group: str) -> bool:
    try:
        posix.rmdir(group)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _set(path: str, value: str, *, needed: bool) -> None:
    try:
        _write(path, value)
    except OSError:
        if needed:
            raise


def _write(path: str, text: str) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, text.encode())
    finally:
        posix.close(fd)


def _lower(pid: int, kind: int, most: int | None) -> None:
    """Limit a process (0: this one) and what it starts; one that is lower already stays so."""
    if most is None:
        return
    from resource import RLIM_INFINITY, prlimit

    _, hard = prlimit(pid, kind)
    most = most if hard == RLIM_INFINITY else min(most, hard)
    prlimit(pid, kind, (most, most))


def _tasks_of(uid: int) -> int:
    """Give how many threads all processes of a user have."""
    number = 0
    for name in posix.listdir("/proc"):
        try:
            if name.isdigit() and posix.stat(f"/proc/{name}").st_uid == uid:
                number += len(posix.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return number
