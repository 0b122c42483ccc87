"""The tool bash: how a command is started, and what is said of its end."""

from __future__ import annotations

import os
import time

from pancode.worker import signals
from pancode.worker.tools.jobs import Job
from pancode.worker.tools.limits import SHELL_S
from pancode.worker.tools.outcome import Outcome, plural
from pancode.worker.tools.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/bin/sh")
_QUIET = {"PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "TERM": "dumb"}
"""There is nobody to turn pages or to type."""


def started(args: dict[str, Any]) -> Job:
    """Start the command; raise ToolError."""
    shell = next((each for each in _SHELLS if os.path.exists(each)), _SHELLS[-1])
    # "--": a command may begin with a dash.
    return Job(
        [shell, "-c", "--", args["command"]], {**os.environ, **_QUIET}, float(args.get("timeout", SHELL_S))
    )


def told(job: Job, output: Output) -> Outcome:
    """Say what a command that has ended printed, and how it ended."""
    exit_status, signal = None, None
    if job.status is not None and os.WIFEXITED(job.status):
        exit_status = os.WEXITSTATUS(job.status)
    elif job.status is not None:
        signal = signals.name(os.WTERMSIG(job.status))
    seconds = time.monotonic() - job.began
    notes = []
    if job.stopped == "timeout":
        notes.append(
            f"[ended after {seconds:.0f} s: that is its time-out; give a longer one if it needs more]"
        )
    elif job.stopped:
        notes.append("[ended: the call was cancelled]")
    elif signal is not None:
        notes.append(f"[ended by {signal}]")
    elif exit_status:
        notes.append(f"[exit status {exit_status}]")
    if job.left and not job.stopped:
        notes.append(f"[{plural(job.left, 'process')} left in the background: ended]")
    text = output.text() or ("" if notes else "[no output]")
    return Outcome(
        "\n".join([text, *notes] if text else notes),
        ok=exit_status == 0 and not job.stopped,
        exit=exit_status,
        signal=signal,
        stopped=job.stopped or None,
        seconds=round(seconds, 3),
        bytes=output.size,
        file=output.path or None,
    )
