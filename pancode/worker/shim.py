"""The shim: owns one worker's life from the start of the agent until nothing of it is left."""

from __future__ import annotations

import posix
import sys
import time

from pancode.version import __version__
from pancode.worker import lease, signals
from pancode.worker.files import Log, read, replace
from pancode.worker.journal import AlreadyStartedError, Journal
from pancode.worker.kernel import adopt_orphans
from pancode.worker.launch import EXEC_S, LaunchError, environment, exec_record, launch, report, said, why_not
from pancode.worker.lean_json import dumps, loads
from pancode.worker.pane import Pane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pancode.worker.launch import Launched
    from pancode.worker.protocol import Spec

USAGE, NOT_FOUND, CONFLICT, ENVIRONMENT, BUG = 2, 4, 11, 12, 70
"""Exit statuses of a shim that has no run to speak of; as in `pancode.core.errors.ExitCode`."""
_NEEDED = ("run", "agent", "argv", "cwd", "env", "limits", "socket", "heartbeat_s")


def main(argv: list[str], tmux: int | None = None) -> int:
    """Execute the run whose folder is named; give the exit status that says how it ended.

    The second argument is the epoch of the lease under which this shim was started. `tmux` is a descriptor of
    the tmux server's process, where that isn't this one's parent.
    """
    if len(argv) not in (1, 2) or not all(word.isdecimal() for word in argv[1:]):
        return _complain("the shim wants the folder of a run, and the epoch of its lease", USAGE)
    folder = argv[0]
    try:
        spec = _spec(f"{folder}/spec.json")
        held = lease.hold(folder, int(argv[1])) if argv[1:] else None
        journal = Journal(f"{folder}/events.jsonl")
    except OSError as error:
        return _complain(f"can't use the run's folder \"{folder}\": {said(error)}", NOT_FOUND)
    except ValueError as error:
        return _complain(f'"{folder}/spec.json" can\'t be executed: {error}', USAGE)
    except lease.OutdatedError:
        return _complain(f'the run in "{folder}" was given to another worker', CONFLICT)
    except AlreadyStartedError:
        return _complain(f'the run in "{folder}" has been started before; a run is executed once', CONFLICT)
    wake = signals.wakeups()
    adopting = adopt_orphans()
    journal.add(
        "shim", {"kind": "started", "pid": posix.getpid(), "version": __version__, "adopts_orphans": adopting}
    )
    journal.flush()
    if held is not None:
        posix.close(held)
    pane = Pane(tmux)
    try:
        return _run(folder, spec, journal, wake, pane)
    except Exception:  # noqa: BLE001 -- a fault of ours must not leave processes or a run without an end
        pane.restore()
        return _fault(folder, spec, journal)
    finally:
        pane.restore()


def _run(folder: str, spec: Spec, journal: Journal, wake: int, pane: Pane) -> int:
    """Start the agent first; what the rest needs is imported in the shadow of the agent's own start."""
    # Before the agent can have removed the folder.
    raw = Log(f"{folder}/stream.raw"), Log(f"{folder}/stderr.raw")
    begun = time.time()
    started, failure = _launched(folder, spec, journal, pane)
    from pancode.worker.loop import Loop
    from pancode.worker.run import Run

    run = Run(folder, spec, journal, pane, raw)
    run.begin(started, begun, failure)
    loop = Loop(run, wake)
    loop.work()
    from pancode.worker.ending import conclude

    status = conclude(run, loop.work)
    loop.say_goodbye()
    return status


def _launched(folder: str, spec: Spec, journal: Journal, pane: Pane) -> tuple[Launched | None, str | None]:
    """Start the agent; give its process, and the sentence why it doesn't run if it doesn't."""
    if journal.log.error is not None:
        return None, f"the run can't be recorded: {said(journal.log.error)}"
    started = None
    try:
        started = launch(spec, environment(spec), pane.size, folder)
        told = report(started, EXEC_S)
        if told == b"":
            journal.add("shim", exec_record(spec, started))
            journal.flush(sync=True)
        return started, None if told is None else why_not(spec, told)
    except LaunchError as error:
        return started, str(error)
    except OSError as error:
        return started, f'can\'t start "{spec["argv"][0]}": {said(error)}'


def _spec(path: str) -> Spec:
    """Read the spec; raise OSError, or ValueError with what is wrong."""
    spec = loads(read(path).decode())
    if not isinstance(spec, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 -- one error for all that is wrong with it
    missing = [name for name in _NEEDED if name not in spec]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if not spec["argv"] or not all(isinstance(word, str) and "\0" not in word for word in spec["argv"]):
        raise ValueError("argv is not a list of words")
    names = ("agent_version", "adapter", "model", "handoff", "stdin", "previous", "continues")
    usual: dict[str, object] = {"task": "", "env_from": [], "interactive": False, "grant": {}, "reads": []}
    usual |= {"runtime": "", "sandbox": {"kind": "none"}}
    limits = {**dict.fromkeys(("wall_s", "idle_s", "max_turns", "token_budget")), **spec["limits"]}
    found: Any = dict.fromkeys(names) | usual | spec | {"limits": limits}
    return found  # type: ignore[no-any-return]


def _complain(sentence: str, status: int) -> int:
    posix.write(2, f"pancode: {sentence}\r\n".encode())
    return status


def _fault(folder: str, spec: Spec, journal: Journal) -> int:
    """End a run in which the shim itself failed: kill what is there, say it, keep the traceback."""
    import traceback

    from pancode.worker.ending import result_of_fault
    from pancode.worker.redaction import clean, clean_value
    from pancode.worker.tree import below, send

    trace = traceback.format_exc()
    for _ in range(100):
        found = below(posix.getpid())
        if not sum(send(each, 9) for each in found):
            break
    error = sys.exc_info()[1]
    result = result_of_fault(spec, f"a fault in PanCode's own worker: {type(error).__name__}: {error}")
    try:
        replace(f"{folder}/fault.txt", clean(trace).encode("utf-8", "replace"))
        replace(f"{folder}/result.json", dumps(clean_value(result)).encode())
        journal.add("shim", {"kind": "ended", **result})
        journal.flush(sync=True)
    except (OSError, ValueError, TypeError):
        pass
    return _complain(f'a fault in the worker itself; see "{folder}/fault.txt"', BUG)
