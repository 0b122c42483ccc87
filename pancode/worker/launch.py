"""Starts the agent: own session, own terminal, exactly the environment and descriptors it should have."""

from __future__ import annotations

import fcntl
import posix
import select
import termios

from pancode.worker.become import Ready, become
from pancode.worker.lean_json import loads
from pancode.worker.signals import SIGKILL, hold, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.native import Ends
    from pancode.worker.protocol import Spec
    from pancode.worker.sandbox import Enclosure

EXEC_S = 0.02
"""How long the shim makes way for the agent's start: the kernel would rather let the parent go on."""
_BRIDGE_KEY = "PANCODE_BRIDGE_KEY"  # As in `protocol`, which a start can do without.
_IUTF8 = 0x4000
_F_SETPIPE_SZ = 1031
_PIPE = 1 << 20


class LaunchError(Exception):
    """The agent can't be started; the text is a sentence for people."""


class Launched:
    """A started agent: its pid, and the shim's ends of what it reads and writes.

    `terminal` is the master of its terminal, `output` its standard output (None: that is the terminal, too),
    `input` what takes the text of its standard input, `report` says at end of file that it was exec'ed.
    In a sandbox `pid` is the process outside of it, and `agent` the agent itself once it has been seen.
    `listeners` maps ports of the agent's loopback to listening descriptors. `native` is what a native agent's
    model loop gets, None for other agents. `key` goes behind the text of its standard input.
    """

    __slots__ = (
        "agent",
        "enclosure",
        "input",
        "key",
        "listeners",
        "native",
        "output",
        "pid",
        "report",
        "slave",
        "terminal",
    )

    def __init__(self, terminal: int, slave: int) -> None:
        """Begin with the two ends of the terminal."""
        self.terminal = terminal
        self.slave = slave
        self.pid = 0
        self.agent = 0
        self.output: int | None = None
        self.input: int | None = None
        self.report: int | None = None
        self.enclosure: Enclosure | None = None
        self.listeners: dict[int, int] = {}
        self.native: Ends | None = None
        self.key = ""


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


def launch(spec: Spec, env: dict[str, str], size: tuple[int, int], folder: str) -> Launched:
    """Fork and exec the agent on a terminal of `size` (rows, columns); `folder` is the run's.

    That the exec itself failed is learned from `report`: ask `report`, and give its answer to `why_not`.
    Raise OSError for want of resources, LaunchError for a sandbox that can't be made.
    """
    stdout = posix.pipe2(posix.O_CLOEXEC) if spec["adapter"] is not None else None
    ends, native = None, spec.get("native")
    if native is not None and stdout is not None:  # The command that checks its outcome has neither.
        from pancode.worker.native import Ends

        ends = Ends(native, env, stdout[1])
        ends.request(folder)  # The loop gets itself ready beside the sandbox.
    try:
        return _launched(spec, env, size, stdout, ends)
    except (OSError, LaunchError):
        if ends is not None:
            ends.close()
        raise


def _launched(
    spec: Spec, env: dict[str, str], size: tuple[int, int], stdout: tuple[int, int] | None, ends: Ends | None
) -> Launched:
    key = env.pop(_BRIDGE_KEY, "")
    enclosure = enclose(spec, env)
    listeners = _own_doors(spec) if enclosure is None else {}
    started = Launched(*_terminal(size, quiet=stdout is not None))
    stdin = _PipeOrNull(spec)
    started.report, report_out = posix.pipe2(posix.O_CLOEXEC)
    started.input, started.enclosure, started.key = stdin.ours, enclosure, key
    ready = Ready(spec["argv"], spec["cwd"], env, enclosure)
    if ends is not None:
        # Records come from the loop alone: what is in the sandbox can't write any.
        stdin.take(ends.theirs())
        started.native = ends
    source = started.slave if stdin.theirs is None else stdin.theirs
    own = None if stdout is None or ends is not None else stdout[1]
    ready.fds = (source, started.slave if own is None else own, started.slave, report_out)
    ready.terminal = True
    started.pid = started.agent = fork(ready)
    posix.close(report_out)
    if stdin.theirs is not None:
        posix.close(stdin.theirs)
    if own is not None:
        posix.close(own)
    started.output = None if stdout is None else stdout[0]
    if enclosure is not None:
        open_up(enclosure, started.pid)
        listeners = enclosure.listeners
    started.listeners = listeners
    for fd in (started.terminal, started.output, started.input, started.report):
        if fd is not None:
            posix.set_blocking(fd, False)
    return started


def fork(ready: Ready) -> int:
    """Start a child that becomes the agent; give its pid; raise OSError."""
    before = hold()
    pid = posix.fork()
    if pid == 0:
        try:
            become(ready)
        finally:
            posix._exit(127)  # noqa: SLF001 -- the child must never return into the shim
    release(before)
    return pid


def enclose(spec: Spec, env: dict[str, str]) -> Enclosure | None:
    """Prepare the sandbox that the spec asks for, None if it asks for none; raise LaunchError."""
    profile = spec.get("sandbox")
    if profile is None or profile["kind"] == "none":
        return None
    from pancode.worker.sandbox import Enclosure

    return Enclosure(spec, profile, env)


def open_up(enclosure: Enclosure, pid: int) -> None:
    """Let the child `pid` go on into its sandbox; else end it and raise LaunchError."""
    try:
        enclosure.open()
    except (OSError, ValueError, KeyError, LaunchError) as error:
        posix.kill(pid, SIGKILL)
        posix.waitpid(pid, 0)
        enclosure.end()
        if isinstance(error, LaunchError):
            raise
        reason = said(error) if isinstance(error, OSError) else str(error)
        raise LaunchError(f"can't set up the sandbox: {reason}") from None


def _own_doors(spec: Spec) -> dict[int, int]:
    """Listen on this machine's own loopback for an agent that asks, but has no sandbox."""
    profile = spec.get("sandbox")
    network = None if profile is None else profile.get("network")
    if network is None or network["hook_port"] is None:
        return {}
    from pancode.worker.netns import own

    try:
        return own([network["hook_port"]])
    except OSError as error:
        raise LaunchError(f"can't serve the agent's questions: {said(error)}") from None


def report(started: Launched, wait_s: float = 0.0) -> bytes | None:
    """Give what the child says of its start, empty once it is the agent; None if it takes longer."""
    enclosure = started.enclosure
    if started.report is not None:
        poller = select.poll()
        poller.register(started.report, select.POLLIN)
        if not poller.poll(wait_s * 1000):
            return None
        said_last = posix.read(started.report, 4096)
        posix.close(started.report)
        started.report = None
        if said_last or enclosure is None or enclosure.resolved:
            if enclosure is not None:
                enclosure.resolved = True
            return said_last
    if enclosure is None or enclosure.resolved:
        return None
    pid = enclosure.report(wait_s)
    if pid is None:
        return None
    started.agent = pid
    return b""


def exec_record(spec: Spec, started: Launched) -> dict[str, object]:
    """Give the journal's record of a start that worked."""
    record: dict[str, object] = {"kind": "exec", "pid": started.agent, "argv0": spec["argv"][0]}
    if started.enclosure is not None:
        record["limits"] = started.enclosure.limits
    return record


def why_not(spec: Spec, told: bytes) -> str | None:
    """Turn the answer of `report` into a sentence; None when the agent was exec'ed."""
    if not told:
        return None
    step, _, number = told.decode("utf-8", "replace").partition(":")
    error = posix.strerror(int(number)).lower() if number.isdigit() else number
    if step == "cwd":
        return f'can\'t enter the directory "{spec["cwd"]}": {error}'
    if step == "sandbox":
        return f"can't set up the sandbox: {error}"
    if step == "wall":
        return f'can\'t start "{spec["sandbox"]["program"]}": {error}'
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

    def take(self, fd: int) -> None:
        """Let the agent have `fd` instead."""
        if self.theirs is not None:
            posix.close(self.theirs)
        self.theirs = fd


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
