"""What a run's outcome is to meet: looked at when its agent has ended well, before it counts as done."""

from __future__ import annotations

import posix

from pancode.worker.agent import Agent
from pancode.worker.files import Log
from pancode.worker.intake import Intake
from pancode.worker.ladder import Ladder
from pancode.worker.launch import LaunchError, environment, launch, said
from pancode.worker.lean_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pancode.worker.profile import Contract
    from pancode.worker.protocol import Spec
    from pancode.worker.run import Run
    from pancode.worker.verdict import Ending

JUDGE_S = 10.0
"""How long the patterns and the schema may take."""
MOST = 20
"""Items that are named as not met."""
_LAST = 200
_KIND, _REGULAR = 0o170000, 0o100000
_NO_PATH = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW


def examine(run: Run, end: Ending, result: str | None, work: Callable[[], None]) -> None:
    """Hold what came out against the run's contract; put what isn't met, and who cut this short, into `end`.

    `work` goes on with the loop until nothing is left of the program that `run` then has.
    """
    contract = run.spec.get("contract")
    if contract is None:
        return
    unmet = [words for path in contract["files"] if (words := missing(run.spec["cwd"], path)) is not None]
    if contract["patterns"] or contract["schema"] is not None:
        unmet += _judged(contract, result or "")
    if contract["command"] is not None:
        unmet += _command(run, contract["command"], work)
    end.unmet = unmet[:MOST]
    end.cause, end.stop, end.interrupted = run.cause, run.stopped, run.interrupted
    end.cut = run.cause is not None or run.interrupted
    run.journal.add("shim", {"kind": "checked", "ok": not unmet, "unmet": end.unmet})


def missing(root: str, path: str) -> str | None:
    """Say what is wrong with the file `path` below `root`, through no link; None if it is there."""
    *folders, name = path.split("/")
    fd = -1
    try:
        fd = posix.open(root, _NO_PATH | posix.O_DIRECTORY)
        for folder in folders:
            deeper = posix.open(folder, _NO_PATH | posix.O_DIRECTORY, dir_fd=fd)
            posix.close(fd)
            fd = deeper
        kind = posix.stat(name, dir_fd=fd, follow_symlinks=False).st_mode & _KIND
    except FileNotFoundError:
        return f'there is no file "{path}"'
    except OSError as error:
        return f'the file "{path}" can\'t be reached without following a link: {said(error)}'
    finally:
        if fd >= 0:
            posix.close(fd)
    return None if kind == _REGULAR else f'"{path}" is not a plain file'


def _judged(contract: Contract, text: str) -> list[str]:
    """Ask the judging program, which may use what a worker doesn't load."""
    import subprocess

    asked = {"text": text, "patterns": contract["patterns"], "schema": contract["schema"]}
    try:
        done = subprocess.run(
            contract["judge"],
            input=dumps(asked).encode("utf-8", "replace"),
            capture_output=True,
            timeout=JUDGE_S,
            check=True,
            env={"LANG": "C.UTF-8"},
            cwd="/",
        )
        return [str(words) for words in loads(done.stdout.decode())]
    except subprocess.TimeoutExpired:
        return [f"the result couldn't be held against its patterns and schema within {JUDGE_S:g} s"]
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        return [f"the result couldn't be judged: {error}"]


def _command(run: Run, command: str, work: Callable[[], None]) -> list[str]:
    """Run the check where the agent ran, in the same sandbox, on the same pane."""
    from pancode.worker.terminal import Terminal

    before = run.spec, run.view, run.intake, run.begun
    run.journal.add("shim", {"kind": "checking", "command": command})
    run.view.note(f"checking: {command}")
    run.spec = _check_spec(run.spec, command)
    run.view = Terminal(run.spec, run.pane, run.take)
    log = Log(f"{run.folder}/check.raw")
    run.intake = Intake(run.view, (log, log))
    try:
        return _carried_out(run, command, work)
    except (LaunchError, OSError) as error:
        why = said(error) if isinstance(error, OSError) else str(error)
        return [f"the check can't be started: {why}"]
    finally:
        run.spec, run.view, run.intake, run.begun = before
        run.agent = None
        posix.close(log.fd)


def _carried_out(run: Run, command: str, work: Callable[[], None]) -> list[str]:
    started = launch(run.spec, environment(run.spec), run.pane.size, run.folder)
    agent = run.agent = Agent(started, None)
    run.ladder = Ladder()
    run.exec_report()
    work()
    run.drain()
    run.intake.end()
    last = run.view.end(run.folder) or ""
    if started.enclosure is not None:
        started.enclosure.end()
    failure, run.failure = run.failure, None
    if failure is not None:
        return [f"the check can't be run: {failure}"]
    if agent.exit == 0:
        return []
    how = f"exit status {agent.exit}" if agent.signal is None else agent.signal
    words = (last.strip().splitlines() or [""])[-1][:_LAST]
    return [f'the check "{command[:_LAST]}" ended with {how}' + (f": {words}" if words else "")]


def _check_spec(spec: Spec, command: str) -> Spec:
    """Give the spec of the check: a program of its own, without the agent's secrets and questions."""
    sandbox = dict(spec["sandbox"])
    if sandbox.get("network") is not None:
        sandbox["network"] = {**spec["sandbox"]["network"], "hook_port": None}
    changes = {
        "argv": ["/bin/sh", "-c", command],
        "adapter": None,
        "stdin": None,
        "interactive": False,
        "env_from": [],
        "handoff": None,
        "reads": [],
        "sandbox": sandbox,
    }
    return {**spec, **changes}  # type: ignore[typeddict-item]
