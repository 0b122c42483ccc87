"""The end of a run in writing: the verdict, and what the agent's events add up to."""

from __future__ import annotations

import posix
import time

from pancode.worker import tree
from pancode.worker.files import remove, replace
from pancode.worker.launch import said
from pancode.worker.lean_json import dumps
from pancode.worker.redaction import clean_value
from pancode.worker.tally import Tally
from pancode.worker.verdict import EXIT_CODES, Ending, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pancode.worker.protocol import Result, Spec
    from pancode.worker.run import Run

CANT_RECORD = 12
"""Exit status when the end itself couldn't be written down (ExitCode.ENVIRONMENT)."""


def conclude(run: Run, work: Callable[[], None]) -> int:
    """Judge the run, write its result and show it; give the exit status that says how it ended.

    `work` goes on with the loop, for what is to be checked before the run counts as done.
    """
    words, end = _close(run), _ending(run)
    run.agent = None
    if run.spec.get("contract") and judge(end)[0] == "done":
        from pancode.worker.contract import examine

        examine(run, end, words, work)
    result: Result = clean_value(result_of(run.spec, end, run.tally, said=words, started=run.begun))
    written = _write(run, result)
    run.view.final(result)
    return EXIT_CODES[result["status"]] if written else CANT_RECORD


def _close(run: Run) -> str | None:
    """Take in the last of the agent, and undo what its start has made; give what came out."""
    agent = run.agent
    run.drain()
    run.intake.end()
    if run.hung_up and run.cause == "stopped" and run.pane.is_orphaned():
        # Nobody has closed this pane: tmux was killed, or crashed, or the machine goes down.
        run.cause, run.stopped = "lost", {**(run.stopped or {}), "why": "the tmux server ended"}
    words = run.view.end(run.folder)
    if agent is not None and agent.started.enclosure is not None:
        agent.started.enclosure.end()
    if agent is not None and (agent.reaped or not agent.childless):
        left = [] if agent.childless else [each.pid for each in tree.below(posix.getpid())]
        run.journal.add("shim", {"kind": "reaped", "pids": agent.reaped, "left": left})
    for what, number in run.view.unknown.items():
        run.tally.unknown[what] = run.tally.unknown.get(what, 0) + number
    return run.tally.result if words is None else words


def _ending(run: Run) -> Ending:
    end = Ending(structured=run.spec["adapter"] is not None)
    if run.agent is not None and run.begun is not None:
        end.exit, end.signal = run.agent.exit, run.agent.signal
    end.failure, end.cause, end.stop = run.failure, run.cause, run.stopped
    end.finished, end.in_time = run.tally.finished, run.finished_in_time
    end.problem, end.interrupted = run.tally.problem, run.interrupted
    return end


def _write(run: Run, result: Result) -> bool:
    """Put the result into the journal and into its own file; False if the disk refuses either."""
    remove(f"{run.folder}/reserve")
    run.journal.add("shim", {"kind": "ended", **result})
    written = run.journal.flush(sync=True)
    try:
        replace(f"{run.folder}/result.json", dumps(result).encode())
    except OSError as error:
        run.view.note(f"the result can't be written: {said(error)}")
        return False
    return written


def result_of(spec: Spec, end: Ending, tally: Tally, *, said: str | None, started: float | None) -> Result:
    """Give the run's result; `said` is what came out, `started` the wall time of the exec."""
    status, reason, evidence = judge(end)
    return {
        "run_id": spec["run"],
        "status": status,
        "reason": reason,
        "evidence": evidence,
        "result": said,
        "usage": tally.usage,
        "cost": tally.money,
        "agent": spec["agent"],
        "model": _answered(end) or spec["model"],
        "agent_session": tally.session,
        "started": started,
        "ended": round(time.time(), 6),
        "events": dict(tally.events),
        "unknown": dict(tally.unknown),
    }


def _answered(end: Ending) -> str | None:
    model = None if end.finished is None else end.finished.get("model")
    return model if isinstance(model, str) else None


def result_of_fault(spec: Spec, sentence: str) -> Result:
    """Give the result of a run in which the shim itself failed."""
    end = Ending(structured=spec["adapter"] is not None)
    end.failure = sentence
    return result_of(spec, end, Tally(), said=None, started=None)
