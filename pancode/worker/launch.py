"""Starts the agent: own session, own terminal, exactly the environment and descriptors it should have."""

from __future__ import annotations

import fcntl
import posix
import select
import termios

from pancode.worker.kernel import die_with_parent
from pancode.worker.lean_json import loads
from pancode.worker.signals import SIGKILL, defaults, hold, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Spec

EXEC_S = 0.02
"""How long the shim makes way for the agent's start: the kernel would rather let the parent go on."""
_IUTF8 = 0x4000
_F_SETPIPE_SZ = 1031
_PIPE = 1 << 20
_FDS_TO_CLOSE = 1 << 20
_REPORT = 3
"""The descriptor by which the child says why it couldn't be started."""
_FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"


class LaunchError(Exception):
    """The agent can't be started; the text is a sentence for people."""


class Launched:
    """A started agent: its pid, and the shim's ends of what it reads and writes.

    `terminal` is the master of its terminal, `output` its standard output (None: that is the terminal, too),
    `input` what takes the text of its standard input, `report` says at end of file that it was exec'ed.
    """

    __slots__ = ("input", "output", "pid", "report", "slave", "terminal")

    def __init__(self, terminal: int, slave: int) -> None:
        """Begin with the two ends of the terminal."""
        self.terminal = terminal
        self.slave = slave
        self.pid = 0
        self.output: int | None = None
        self.input: int | None = None
        self.report: int | None = None


def environment(spec: Spec) -> dict[str, str]:
    """Give the agent's whole environment; reads and removes the handoff file; raise LaunchError."""
    env = dict(spec["env"])
    if spec["env_from"]:
        secrets = _handoff(spec["handoff"])
        missing = [name for name in spec["env_from"] if not isinstance(secrets.get(name), str)]
        if missing:
            raise LaunchError(f"the handoff file has no value for {', '.join(missing)}")
        env.update((name, str(secrets[name])) for name in spec["env_from"])
    env.setdefault("PANCODE_RUN_ID", spec["run"])
    env.setdefault("TERM", "xterm-256color")
    return env


def _handoff(path: str | None) -> dict[str, object]:
    if path is None:
        raise LaunchError("values for the environment are promised, but no handoff file is named")
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW)
        try:
            posix.unlink(path)
            text = posix.read(fd, 1 << 20)
        finally:
            posix.close(fd)
        found = loads(text.decode())
    except OSError as error:
        raise LaunchError(f"can't read the handoff file {path}: {said(error)}") from None
    except ValueError:
        raise LaunchError(f"the handoff file {path} is not JSON") from None
    if not isinstance(found, dict):
        raise LaunchError(f"the handoff file {path} is not a JSON object")
    return found


def launch(spec: Spec, env: dict[str, str], size: tuple[int, int]) -> Launched:
    """Fork and exec the agent on a terminal of `size` (rows, columns); raise OSError for want of resources.

    That the exec itself failed is learned from `report`: ask `report`, and give its answer to `why_not`.
    """
    structured = spec["adapter"] is not None
    started = Launched(*_terminal(size, quiet=structured))
    stdin = _PipeOrNull(spec)
    stdout = posix.pipe2(posix.O_CLOEXEC) if structured else None
    report_in, report_out = posix.pipe2(posix.O_CLOEXEC)
    programs = _candidates(spec["argv"][0], env.get("PATH") or _FALLBACK_PATH)
    shim = posix.getpid()
    before = hold()
    pid = posix.fork()
    if pid == 0:
        try:
            # The ends with higher numbers first: dup2 onto 0-3 must not hit one that is still needed.
            report = fcntl.fcntl(report_out, fcntl.F_DUPFD_CLOEXEC, 16)
            source = fcntl.fcntl(
                started.slave if stdin.theirs is None else stdin.theirs, fcntl.F_DUPFD_CLOEXEC, 16
            )
            sink = fcntl.fcntl(started.slave if stdout is None else stdout[1], fcntl.F_DUPFD_CLOEXEC, 16)
            slave = fcntl.fcntl(started.slave, fcntl.F_DUPFD_CLOEXEC, 16)
            _become(spec, env, programs, (report, source, sink, slave), shim)
        finally:
            posix._exit(127)  # noqa: SLF001 -- the child must never return into the shim
    release(before)
    started.pid = pid
    started.report = report_in
    started.input = stdin.ours
    posix.close(report_out)
    if stdin.theirs is not None:
        posix.close(stdin.theirs)
    if stdout is not None:
        posix.close(stdout[1])
        started.output = stdout[0]
    for fd in (started.terminal, started.output, started.input, started.report):
        if fd is not None:
            posix.set_blocking(fd, False)
    return started


def report(started: Launched, wait_s: float = 0.0) -> bytes | None:
    """Give what the child says of its start, empty once it is the agent; None if it takes longer."""
    if started.report is None:
        return None
    poller = select.poll()
    poller.register(started.report, select.POLLIN)
    if not poller.poll(wait_s * 1000):
        return None
    said_last = posix.read(started.report, 4096)
    posix.close(started.report)
    started.report = None
    return said_last


def exec_record(spec: Spec, pid: int) -> dict[str, object]:
    """Give the journal's record of a start that worked."""
    return {"kind": "exec", "pid": pid, "argv0": spec["argv"][0]}


def why_not(spec: Spec, told: bytes) -> str | None:
    """Turn the answer of `report` into a sentence; None when the agent was exec'ed."""
    if not told:
        return None
    step, _, number = told.decode().partition(":")
    error = posix.strerror(int(number)).lower() if number.isdigit() else number
    if step == "cwd":
        return f'can\'t enter the directory "{spec["cwd"]}": {error}'
    return f'can\'t start "{spec["argv"][0]}": {error}'


def said(error: OSError) -> str:
    """Give the system's words for an error, in lower case."""
    return (error.strerror or str(error)).lower()


class _PipeOrNull:
    """Standard input of the agent: `theirs` goes to it (None: the terminal), `ours` takes the text."""

    __slots__ = ("ours", "theirs")

    def __init__(self, spec: Spec) -> None:
        self.ours: int | None = None
        self.theirs: int | None = None
        if spec["stdin"] is not None:
            self.theirs, self.ours = posix.pipe2(posix.O_CLOEXEC)
            try:  # noqa: SIM105 -- contextlib costs 3 ms
                fcntl.fcntl(self.ours, _F_SETPIPE_SZ, _PIPE)
            except OSError:
                pass
        elif not spec["interactive"]:
            self.theirs = posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)


def _terminal(size: tuple[int, int], *, quiet: bool) -> tuple[int, int]:
    """Make a terminal of `size`; `quiet` for one that nobody types on and whose bytes are a log."""
    master, slave = posix.openpty()
    mode = termios.tcgetattr(slave)
    mode[0] |= _IUTF8
    if quiet:
        mode[1] &= ~termios.OPOST
        mode[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    termios.tcsetwinsize(slave, size)
    return master, slave


def _candidates(name: str, path: str) -> list[str]:
    if "/" in name:
        return [name]
    return [f"{directory or '.'}/{name}" for directory in path.split(":")]


def _become(
    spec: Spec, env: dict[str, str], programs: list[str], fds: tuple[int, int, int, int], shim: int
) -> None:
    """Turn the forked child into the agent; on failure tell `report` and return."""
    report, source, sink, slave = fds
    step = "start"
    try:
        posix.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        posix.dup2(source, 0)
        posix.dup2(sink, 1)
        posix.dup2(slave, 2)
        posix.dup2(report, _REPORT, inheritable=False)
        posix.closerange(_REPORT + 1, _FDS_TO_CLOSE)
        report = _REPORT
        defaults()
        die_with_parent(SIGKILL)
        if posix.getppid() != shim:
            return
        step = "cwd"
        posix.chdir(spec["cwd"])
        step = "exec"
        _exec(programs, spec["argv"], env)
    except OSError as error:
        posix.write(report, f"{step}:{error.errno}".encode())
    except (ValueError, TypeError) as error:
        posix.write(report, f"{step}:{error}".encode())


def _exec(programs: list[str], argv: list[str], env: dict[str, str]) -> None:
    """Try each place in turn; raise the error that says most."""
    worst: OSError | None = None
    for program in programs:
        try:
            posix.execve(program, argv, env)
        except (FileNotFoundError, NotADirectoryError) as error:
            worst = worst or error
        except OSError as error:
            worst = error
            if len(programs) == 1 or error.errno != 13:  # noqa: PLR2004 -- EACCES: look further in PATH
                break
    if worst is not None:
        raise worst
