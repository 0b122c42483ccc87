"""The child's side of a start: from the fork to the agent's own first instruction."""

from __future__ import annotations

import fcntl
import posix
import termios

from pancode.worker.kernel import die_with_parent
from pancode.worker.signals import SIGKILL, defaults, ignore_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pancode.worker.sandbox import Enclosure

REPORT = 3
"""The descriptor by which the child says why it couldn't be started; closed by the exec."""
FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"
_OUT_OF_THE_WAY = 32
_FDS_TO_CLOSE = 1 << 20
_EACCES = 13


class Ready:
    """What the child needs. `fds` are its own 0, 1, 2 and the report.

    `terminal`: 2 becomes its terminal. `own_group`: it leads a process group of its own.
    """

    __slots__ = ("argv", "cwd", "enclosure", "env", "fds", "own_group", "shim", "terminal")

    def __init__(self, argv: list[str], cwd: str, env: dict[str, str], enclosure: Enclosure | None) -> None:
        """Name the command; the rest is set by who forks."""
        self.argv = argv
        self.cwd = cwd
        self.env = env
        self.enclosure = enclosure
        self.fds: tuple[int, int, int, int] = (0, 1, 2, REPORT)
        self.shim = posix.getpid()
        self.terminal = False
        self.own_group = False


def become(ready: Ready) -> None:
    """Turn the forked child into the agent; on failure tell the report, and return."""
    step, report = "start", ready.fds[REPORT]
    try:
        passed = ready.enclosure.fds if ready.enclosure is not None else []
        _descriptors(ready.fds, passed)
        report = REPORT
        if ready.terminal:
            posix.setsid()
            fcntl.ioctl(2, termios.TIOCSCTTY, 0)
        elif ready.own_group:
            posix.setpgid(0, 0)
        defaults()
        die_with_parent(SIGKILL)
        if posix.getppid() != ready.shim:
            return
        step = "sandbox"
        words = None if ready.enclosure is None else ready.enclosure.enter()
        if ready.enclosure is not None and words is not None:
            # It must outlive what the agent is told by signals; `stage` sets them back for the agent.
            ignore_all()
            step = "wall"
            posix.execve(words[0], words, ready.enclosure.environment)
        step = "cwd"
        posix.chdir(ready.cwd)
        step = "exec"
        find_and_exec(ready.argv, ready.env, ready.env.get("PATH"))
    except OSError as error:
        _tell(report, f"{step}:{error.errno}")
    except Exception as error:  # noqa: BLE001 -- whatever it is, the shim has to hear of it
        _tell(report, f"{step}:{error}")


def find_and_exec(argv: list[str], env: Mapping[str, str] | Mapping[bytes, bytes], path: str | None) -> None:
    """Become the program `argv[0]`, looked for in `path`; raise the error that says most."""
    name = argv[0]
    places = [name]
    if "/" not in name:
        places = [f"{directory or '.'}/{name}" for directory in (path or FALLBACK_PATH).split(":")]
    worst: OSError | None = None
    for program in places:
        try:
            posix.execve(program, argv, env)
        except (FileNotFoundError, NotADirectoryError) as error:
            worst = worst or error
        except OSError as error:
            worst = error
            if len(places) == 1 or error.errno != _EACCES:
                break
    if worst is not None:
        raise worst


def _descriptors(standard: tuple[int, int, int, int], passed: list[tuple[int, int]]) -> None:
    """Give the child 0 to 3 and what is `passed` (from, to), and nothing else."""
    wanted = [*((fd, number) for number, fd in enumerate(standard)), *passed]
    # First all of them out of the way: dup2 must not hit one that is still needed.
    moved = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY), number) for fd, number in wanted]
    for fd, number in moved:
        posix.dup2(fd, number, inheritable=number != REPORT)
    first = 0
    for number in [*sorted(number for _, number in wanted), _FDS_TO_CLOSE]:
        if first < number:
            # Of (0, 0) the C library makes all there are.
            posix.closerange(first, number)
        first = number + 1


def _tell(fd: int, text: str) -> None:
    try:  # noqa: SIM105 -- contextlib costs 3 ms
        posix.write(fd, text.encode("utf-8", "replace"))
    except OSError:
        pass
