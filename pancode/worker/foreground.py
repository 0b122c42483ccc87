"""One command in a sandbox, on the caller's own terminal or files: no run, no journal, its status is ours.

What to run is a JSON file with `argv`, `cwd`, `env` and `sandbox`, perhaps `run` (a name for its limits) and
`log` (a file, "-" for standard error): there it is written down, a line of JSON each, which limits were
applied and what the network was asked for.
"""

from __future__ import annotations

import posix
import time

from pancode.worker import tree
from pancode.worker.become import Ready
from pancode.worker.files import Log, read
from pancode.worker.kernel import adopt_orphans
from pancode.worker.launch import Launched, LaunchError, enclose, fork, open_up, report, said, why_not
from pancode.worker.lean_json import dumps, loads
from pancode.worker.signals import SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGWINCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from pancode.worker.protocol import Spec
else:
    import _signal

USAGE, NOT_SET_UP, NOT_RUN, NOT_FOUND = 2, 125, 126, 127
"""Exit statuses for what never came to run; as those of `env` and of shells."""
_BY_SIGNAL = 128
_NOT_STARTED = {b"exec:2": NOT_FOUND, b"exec:13": NOT_RUN, b"exec:8": NOT_RUN}
AT_ONCE_S = 0.05
DEAF_S = 6.0
"""From SIGTERM or SIGHUP to SIGKILL, for a command that doesn't hear them."""
KILL_EVERY_S = 0.1
_LONG_S = 1e6
_ROUNDS = 5
_PASSED_ON = (SIGHUP, SIGINT, int(_signal.SIGQUIT), SIGTERM, int(_signal.SIGUSR1), int(_signal.SIGUSR2))


def main(argv: list[str]) -> int:
    """Run what the file says; give its exit status, 128 and the number for a signal."""
    try:
        spec = _spec(argv)
    except (OSError, ValueError, TypeError) as error:
        return _complain(f"can't read what to run: {error}", USAGE)
    try:
        return _Foreground(spec).work()
    except LaunchError as error:
        return _complain(str(error), NOT_SET_UP)
    except OSError as error:
        return _complain(f'can\'t start "{spec["argv"][0]}": {said(error)}', NOT_SET_UP)


def _spec(argv: list[str]) -> Spec:
    if len(argv) != 1:
        raise ValueError("wants one argument, a file that says what to run")
    found = loads(read(argv[0]).decode())
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 -- one error for all that is wrong with it
    spec: Any = {"run": f"exec-{posix.getpid()}", "log": None, **found}
    missing = [name for name in ("argv", "cwd", "env", "sandbox") if name not in spec or not spec["argv"]]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return spec  # type: ignore[no-any-return]


class _Foreground:
    def __init__(self, spec: Spec) -> None:
        """Start the command; raise OSError or LaunchError."""
        self._spec = spec
        path: Any = spec.get("log")
        self._log = None if path in (None, "-") else Log(path)
        self._says = path == "-"
        self._waited = {SIGCHLD, SIGWINCH, *_PASSED_ON}
        adopt_orphans()
        _signal.pthread_sigmask(_signal.SIG_BLOCK, self._waited)
        _signal.signal(_signal.SIGTTOU, _signal.SIG_IGN)
        self._terminal = _terminal()
        self.started = started = Launched(-1, -1)
        self._enclosure = started.enclosure = enclosure = enclose(spec, spec["env"])
        started.report, report_out = posix.pipe2(posix.O_CLOEXEC)
        ready = Ready(spec["argv"], spec["cwd"], spec["env"], enclosure)
        ready.fds = (0, 1, 2, report_out)
        ready.own_group = True
        started.pid = started.agent = fork(ready)
        _own_group(started.pid)
        self._give_terminal(started.pid)
        posix.close(report_out)
        try:
            if enclosure is not None:
                open_up(enclosure, started.pid)
                started.listeners = enclosure.listeners
                self._serve()
        except LaunchError:
            self._give_terminal(posix.getpgrp())
            raise

    def _serve(self) -> None:
        """Open the ways out of the sandbox. Nobody is there to ask, so a hook finds nobody."""
        network = self._spec["sandbox"]["network"]
        listeners = self.started.listeners
        hook = listeners.pop(network["hook_port"] or -1, None)
        if hook is not None:
            posix.close(hook)
        if listeners:
            from pancode.worker.porter import serve

            serve(listeners, network, self._tell)

    def _tell(self, record: dict[str, Any]) -> None:
        line = dumps(record).encode() + b"\n"
        if self._log is not None:
            self._log.append(line)
        elif self._says:
            posix.write(2, line)

    def work(self) -> int:
        """Pass signals on until the command has ended; give its status."""
        enclosure = self._enclosure
        told = report(self.started, AT_ONCE_S)
        record = {"kind": "exec", "limits": "none" if enclosure is None else enclosure.limits}
        if told == b"":
            self._tell(record)
        status = self._wait()
        self._give_terminal(posix.getpgrp())
        late = report(self.started) if told is None else None
        seen = b"" in (told, late) or self.started.agent != self.started.pid
        # That bwrap couldn't do it, it has said itself.
        set_up = seen or enclosure is None or enclosure.set_up
        _clear()
        if enclosure is not None:
            enclosure.end()
        failure = why_not(self._spec, told or late or b"")
        if failure is not None:
            return _complain(failure, _NOT_STARTED.get(told or late or b"", NOT_SET_UP))
        if set_up and told is None:
            self._tell(record)
        if posix.WIFSIGNALED(status):
            return _BY_SIGNAL + posix.WTERMSIG(status)
        return posix.WEXITSTATUS(status) if set_up else NOT_SET_UP

    def _wait(self) -> int:
        kill_at = time.monotonic() + _LONG_S
        while True:
            pid, status = posix.waitpid(self.started.pid, posix.WNOHANG | posix.WUNTRACED)
            if pid and not posix.WIFSTOPPED(status):
                return status
            if pid:
                self._stopped(posix.WSTOPSIG(status))
            told = _signal.sigtimedwait(self._waited, max(0.0, kill_at - time.monotonic()))
            if told is None:
                self._pass_on(SIGKILL)
                kill_at = time.monotonic() + KILL_EVERY_S
            elif told.si_signo in _PASSED_ON:
                if told.si_signo in (SIGTERM, SIGHUP):
                    kill_at = min(kill_at, time.monotonic() + DEAF_S)
                self._pass_on(told.si_signo)

    def _pass_on(self, number: int) -> None:
        """Signal the command; in a sandbox that can't be seen to run it yet, there is only bwrap to end."""
        report(self.started)
        enclosure = self._enclosure
        walls = {self.started.pid, enclosure.inner} if enclosure and enclosure.inner is not None else set()
        if number == SIGKILL or self.started.agent in walls:
            process = tree.look(self.started.pid)
            if process is not None:
                tree.send(process, SIGKILL)
            return
        for process in tree.below(posix.getpid()):
            if process.pid not in walls and (number == SIGTERM or process.pid == self.started.agent):
                tree.send(process, number)

    def _stopped(self, number: int) -> None:
        """Stop with the command, as one job, and go on with it."""
        if self._terminal is None:
            return
        self._give_terminal(posix.getpgrp())
        # SIGTSTP and SIGTTIN are as good as each other to the shell that waits; this one can't be missed.
        del number
        posix.kill(posix.getpid(), int(_signal.SIGSTOP))
        self._give_terminal(self.started.pid)
        posix.killpg(self.started.pid, SIGCONT)

    def _give_terminal(self, group: int) -> None:
        if self._terminal is None:
            return
        try:  # noqa: SIM105 -- contextlib costs 3 ms
            posix.tcsetpgrp(self._terminal, group)
        except OSError:
            pass


def _terminal() -> int | None:
    """Give the terminal that this process's job is in the foreground of, None if there is none."""
    for fd in (0, 1, 2):
        try:
            if posix.tcgetpgrp(fd) == posix.getpgrp():
                return fd
        except OSError:
            continue
    return None


def _own_group(pid: int) -> None:
    """Make the child the leader of its group here as well: whoever is first."""
    try:  # noqa: SIM105 -- contextlib costs 3 ms
        posix.setpgid(pid, pid)
    except OSError:
        pass


def _clear() -> None:
    """End what is left below this process; inside of bwrap nothing is."""
    for _ in range(_ROUNDS):
        if not sum(tree.send(each, SIGKILL) for each in tree.below(posix.getpid())):
            break
    while True:
        try:
            if posix.waitpid(-1, posix.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _complain(sentence: str, status: int) -> int:
    posix.write(2, f"pancode: {sentence}\n".encode())
    return status
