"""The processes below one process, as /proc shows them, and signals that can't hit a stranger."""

from __future__ import annotations

import posix

from pancode.worker.signals import by_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TICKS = posix.sysconf("SC_CLK_TCK")
GONE = ("Z", "X")
"""States of a process that has ended and only waits to be collected."""


class Process:
    """One line of /proc/PID/stat: `start` tells this process from a later one with the same pid."""

    __slots__ = ("cpu", "parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, stat: bytes) -> None:
        """Read the fields behind the name, which may itself hold spaces and parentheses."""
        fields = stat[stat.rindex(b")") + 2 :].split()
        self.pid = pid
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.session = int(fields[3])
        # Own time and that of collected children, in ticks.
        self.cpu = sum(map(int, fields[11:15]))
        self.start = int(fields[19])


def look(pid: int) -> Process | None:
    """Give the process `pid`, None if there is none."""
    stat = _slurp(f"/proc/{pid}/stat")
    return Process(pid, stat) if stat else None


def below(root: int) -> list[Process]:
    """Give every living descendant of `root`, parents first; complete, and reads all of /proc."""
    try:
        pids = [int(name) for name in posix.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    children: dict[int, list[Process]] = {}
    for pid in pids:
        process = look(pid)
        if process is not None:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    queue = [root]
    while queue:
        for process in children.pop(queue.pop(), ()):
            queue.append(process.pid)
            if process.state not in GONE:
                found.append(process)
    return found


def glance(root: int) -> list[Process]:
    """Give the living descendants of `root` cheaply; may miss one that is just being born."""
    if _slurp(f"/proc/{root}/task/{root}/children", missing=None) is None:
        return below(root)
    found: list[Process] = []
    queue = [root]
    while queue:
        for pid in _children(queue.pop()):
            process = look(pid)
            if process is not None:
                queue.append(pid)
                if process.state not in GONE:
                    found.append(process)
    return found


def cpu_seconds(processes: Iterable[Process]) -> float:
    """Give the processor time of `processes`, and of all children that this process has collected."""
    times = posix.times()
    return sum(each.cpu for each in processes) / TICKS + times.children_user + times.children_system


def send(process: Process, signal: int) -> bool:
    """Signal `process` unless its pid has gone to another one meanwhile; False if it couldn't be reached."""
    try:
        fd = posix.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except (AttributeError, OSError):
        fd = -1
    try:
        there = look(process.pid)
        if there is None or there.start != process.start:
            return False
        if fd < 0:
            posix.kill(process.pid, signal)
        else:
            by_descriptor(fd, signal)
    except OSError:
        return False
    else:
        return True
    finally:
        if fd >= 0:
            posix.close(fd)


def _children(pid: int) -> list[int]:
    try:
        tasks = posix.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [
        int(word) for task in tasks for word in (_slurp(f"/proc/{pid}/task/{task}/children") or b"").split()
    ]


def _slurp(path: str, missing: bytes | None = b"") -> bytes | None:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return missing
    try:
        return posix.read(fd, 65536)
    except OSError:
        return missing
    finally:
        posix.close(fd)
