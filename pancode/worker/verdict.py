"""How a run ended, judged from everything that is known at its end; pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from pancode.worker.protocol import Evidence, Reason, Status

    Cause = Literal["stopped", "wall-timeout", "idle-timeout", "budget", "loop", "lost"]

_STATUS: dict[Reason, Status] = {
    "completed": "done",
    "stopped": "cancelled",
    "contract": "failed",
    "idle-timeout": "timeout",
    "wall-timeout": "timeout",
    "budget": "budget",
    "refused": "refused",
    "lost": "lost",
}
_HTTP: dict[int, Reason] = {401: "auth", 403: "auth", 404: "model-unknown", 429: "rate-limit"}
_SERVER_ERROR = 500
_BY_KEY: Mapping[str, Any] = {"kind": "stop_requested", "by": "terminal", "why": "^C in the pane"}
_INTERRUPTED = 130
"""What shells and many programs exit with after ^C."""
_LONGEST = 500

EXIT_CODES: dict[Status, int] = {
    "done": 0,
    "failed": 1,
    "refused": 5,
    "timeout": 6,
    "budget": 7,
    "cancelled": 8,
    "lost": 9,
}
"""The shim's own exit status; the numbers of `pancode.core.errors.ExitCode`."""


class Ending:
    """What is known when nothing of the worker is left.

    `failure`: PanCode couldn't start or record the run. `cause` and `stop`: who ended it, with the record of
    that. `finished`: the agent's final record, `in_time` if it came before anybody asked for a stop.
    `problem`: the last error record. `interrupted`: ^C was typed for the program itself.
    `unmet`: what the outcome was to meet and doesn't; `cut`: the run was ended while that was looked at.
    """

    __slots__ = (
        "cause",
        "cut",
        "exit",
        "failure",
        "finished",
        "in_time",
        "interrupted",
        "problem",
        "signal",
        "stop",
        "structured",
        "unmet",
    )

    def __init__(self, *, structured: bool, exit_code: int | None = None, signal: str | None = None) -> None:
        """Begin with how the process ended; the rest is set where it is known."""
        self.structured = structured
        self.exit = exit_code
        self.signal = signal
        self.failure: str | None = None
        self.cause: Cause | None = None
        self.stop: Mapping[str, Any] | None = None
        self.finished: Mapping[str, Any] | None = None
        self.in_time = True
        self.problem: Mapping[str, Any] | None = None
        self.interrupted = False
        self.unmet: Sequence[str] = ()
        self.cut = False


def judge(end: Ending) -> tuple[Status, Reason, Evidence]:
    """Give the verdict: done needs exit 0 and, from an agent with a stream, its own final record as well."""
    reason, record = _reason(end)
    evidence: Evidence = {
        "record": None if record is None else shorten(record),
        "exit": end.exit,
        "signal": end.signal,
    }
    return _STATUS.get(reason, "failed"), reason, evidence


def _reason(end: Ending) -> tuple[Reason, Mapping[str, Any] | None]:
    if end.failure is not None:
        return "crashed", {"kind": "problem", "message": end.failure}
    agreed = not end.structured or (end.finished is not None and end.finished["ok"] and end.in_time)
    if end.exit == 0 and agreed and (end.cause is None or end.structured):
        return _checked(end)
    if end.cause is not None:
        return end.cause, end.stop
    if end.interrupted and (end.signal == "SIGINT" or end.exit == _INTERRUPTED):
        return "stopped", _BY_KEY
    if end.signal is not None:
        return "crashed", end.problem
    return _told(end)


def _checked(end: Ending) -> tuple[Reason, Mapping[str, Any] | None]:
    """Give the reason for an agent that ended well: what the run was to meet may still be missing."""
    if end.cut:
        return end.cause or "stopped", end.stop or _BY_KEY
    if end.unmet:
        return "contract", {"kind": "contract", "message": "; ".join(end.unmet), "unmet": list(end.unmet)}
    return "completed", end.finished


def _told(end: Ending) -> tuple[Reason, Mapping[str, Any] | None]:
    """Take the agent's own word for what went wrong, the final record before an earlier problem."""
    bad_end = end.finished if end.finished is not None and not end.finished["ok"] else None
    for record in (bad_end, end.problem):
        reason = None if record is None else _named(record)
        if reason is not None:
            return reason, record
    if end.structured and end.exit == 0 and end.finished is None and end.problem is None:
        return "stream-cut", None
    return "agent-error", bad_end or end.problem or end.finished


def _named(record: Mapping[str, Any]) -> Reason | None:
    """Give the reason that a record names, by word or by HTTP status; never one that means success."""
    reason: Reason | None = record.get("reason")
    if reason is not None and reason != "completed":
        return reason
    http = record.get("http")
    if not isinstance(http, int):
        return None
    return _HTTP.get(http, "overload" if http >= _SERVER_ERROR else "agent-error")


def shorten(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give a record with long texts cut, fit to be shown and kept as evidence.

    >>> shorten({"kind": "problem", "message": "x" * 600})["message"][-3:]
    'xx…'
    """
    return {
        name: value[:_LONGEST] + "…" if isinstance(value, str) and len(value) > _LONGEST else value
        for name, value in record.items()
        if name not in ("v", "seq", "t", "m", "src")
    }
