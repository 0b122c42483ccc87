"""Ends runs that try the same thing again and again, and gives agents that fail again and again a pause."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.core import events as ev
from pancode.core.gates import placed
from pancode.core.host import Asked, Gate, Refusal
from pancode.core.state import Finished, Run, Stopping
from pancode.domains.safety.evaluate import action_digest
from pancode.domains.safety.loops import TRIP_AT, AgentBreaker, RunLoop, Sign

LOOP_BREAKER = "loop-breaker"
"""Who stops such a run; the shim's verdict on it is then "loop"."""
MOST_CALLS = 200
"""Tool calls under way whose arguments are remembered."""
_CHANGES = frozenset({"edit", "write"})
_REFUSERS = frozenset({"policy", "operator", "deadline"})
"""Who says no to an action; an agent that has gone, or a run that is stopped, refuses nothing."""
_NOT_AGENTS = frozenset({"shell", "command"})
"""Runtimes whose failures are the operator's commands failing, which is no reason for a pause."""


@dataclass(slots=True)
class _Counts:
    refused: RunLoop = field(default_factory=RunLoop)
    failed: RunLoop = field(default_factory=RunLoop)
    calls: dict[str, str] = field(default_factory=dict)
    why: str | None = None


class Breakers:
    """Counts for every live run and every agent; a new controller counts again what the journals tell."""

    def __init__(self, post: Callable[[ev.Event], None], now: Callable[[], float]) -> None:
        """Stop runs through `post`."""
        self._post = post
        self._now = now
        self._runs: dict[str, _Counts] = {}
        self._agents = AgentBreaker()

    @property
    def gate(self) -> Gate:
        """Give the gate that refuses an agent while it has its pause."""
        return placed("loop", self._check)

    def refused(self, run: Run, digest: str, why: str) -> str:
        """Count a refused action, and give what the agent is told: `why`, and a warning where one is due."""
        counts = self._of(run)
        match counts.refused.failed(digest):
            case Sign.FINE:
                return why
            case Sign.WARNING:
                times = counts.refused.count(digest)
                return f"{why} (refused {times} times by now; after {TRIP_AT} the run is stopped)"
            case Sign.TRIPPED:
                counts.why = f"the same action was refused {TRIP_AT} times"
                return f"{why} (refused {TRIP_AT} times: the run is stopped)"

    def on_tool(self, run: Run, record: Mapping[str, Any]) -> None:
        """Count a tool call that failed; one that changes a file makes trying again reasonable."""
        counts, id_ = self._of(run), str(record.get("id"))
        if record.get("kind") == "tool_started":
            counts.calls[id_] = _digest(record)
            if len(counts.calls) > MOST_CALLS:
                del counts.calls[next(iter(counts.calls))]
            return
        digest = counts.calls.pop(id_, None)
        if digest is None or record.get("ok") is None:
            return
        if record["ok"]:
            counts.failed.went_well(digest)
            if record.get("name") in _CHANGES:
                counts.failed = RunLoop()
        elif counts.failed.failed(digest) is Sign.TRIPPED:
            counts.why = f"the same tool call failed {TRIP_AT} times"
            self.act(run)

    def act(self, run: Run) -> None:
        """Stop the run if it has tried the same thing too often."""
        counts = self._of(run)
        if counts.why is None or not run.is_live or isinstance(run.state, Stopping):
            return
        why, counts.why = counts.why, None
        self._post(ev.StopAsked(run=run.id, at=self._now(), by=LOOP_BREAKER, why=why))

    def on_end(self, run: Run) -> None:
        """Forget a run that has ended, and count how for its agent."""
        self._runs.pop(run.id, None)
        self._count_for_agent(run, self._now())

    def recall(self, runs: Iterable[Run], journal: Callable[[str], Iterable[Mapping[str, Any]]]) -> None:
        """Count what happened before this controller began; `journal` gives a run's records."""
        for run in sorted(runs, key=lambda run: run.state.since):
            if isinstance(run.state, Finished):
                self._count_for_agent(run, run.state.since)
            else:
                self._recall_run(run, (one for one in journal(run.id) if one["seq"] <= run.seq))

    def _recall_run(self, run: Run, records: Iterable[Mapping[str, Any]]) -> None:
        held: dict[str, str] = {}
        for record in records:
            kind, id_ = record.get("kind"), str(record.get("id"))
            if kind in ("tool_started", "tool_finished"):
                self.on_tool(run, record)
            elif kind == "asked" and isinstance(record.get("action"), Mapping):
                held[id_] = action_digest(record["action"])
            elif kind == "answered" and id_ in held:
                digest = held.pop(id_)
                if record.get("allow") is False and record.get("by") in _REFUSERS:
                    self._of(run).refused.failed(digest)

    def _count_for_agent(self, run: Run, at: float) -> None:
        if not isinstance(run.state, Finished) or run.runtime in _NOT_AGENTS:
            return
        if run.state.status == "failed":
            self._agents.failed(run.agent, at)
        elif run.state.status == "done":
            self._agents.went_well(run.agent)

    def _of(self, run: Run) -> _Counts:
        return self._runs.setdefault(run.id, _Counts())

    def _check(self, asked: Asked) -> Refusal | None:
        left = self._agents.waits(asked.agent, self._now())
        if not left:
            return None
        minutes = math.ceil(left / 60)
        return Refusal(
            "loop",
            f'agent "{asked.agent}" failed {TRIP_AT} times; it starts nothing for another {minutes} min',
            "pancode runs says why it failed; another agent may do it meanwhile",
        )


def _digest(record: Mapping[str, Any]) -> str:
    told = json.dumps([record.get("name"), record.get("args")], sort_keys=True, default=repr)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
