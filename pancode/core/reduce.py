"""The one reducer: (world, event) -> world. Everything that changes a state lives in this file.

A run only moves forward: Queued -> Starting -> Working <-> Asking <-> Paused -> Stopping -> Finished, and
nothing follows Finished. Journal records carry a sequence number; one that was seen before changes
nothing, so a journal may be replayed and resent at will.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from pancode.core import events as ev
from pancode.core.evolve import evolve
from pancode.core.grants import Mode
from pancode.core.health import NO_PROGRESS
from pancode.core.metering import metered
from pancode.core.questions import answered, asked, raised, settled, without_questions
from pancode.core.state import (
    Asking,
    Beat,
    Finished,
    Paused,
    Queued,
    Run,
    Session,
    Starting,
    Stopping,
    Working,
    World,
)
from pancode.core.tally import counted


class UnexpectedEventError(Exception):
    """An event for a run that can't have happened: a fault in PanCode, not in the world."""


def reduce(world: World, event: ev.Event) -> World:
    """Give the world after `event`; raise UnexpectedEventError for one that names an unknown run."""
    match event:
        case ev.RunQueued() | ev.RunRefused():
            if event.run in world.runs:
                raise UnexpectedEventError(f"run {event.run} exists already")
            return _with_run(world, _new_run(event))
        case (
            ev.WorkerSaid()
            | ev.StartHeld()
            | ev.StartCleared()
            | ev.PriorityChanged()
            | ev.PaneOpened()
            | ev.StopAsked()
            | ev.PauseAsked()
            | ev.ResumeAsked()
            | ev.CallSaid()
            | ev.WorkerVanished()
            | ev.HealthChanged()
            | ev.QuestionRaised()
            | ev.ActionAnswered()
        ):
            run = world.runs.get(event.run)
            if run is None:
                raise UnexpectedEventError(f"{type(event).__name__} for the unknown run {event.run}")
            after = run if isinstance(run.state, Finished) else reduce_run(run, event)
            return world if after is run else _with_run(world, after)
        case (
            ev.ModeChosen()
            | ev.LevelChosen()
            | ev.RaiseAsked()
            | ev.RaiseDropped()
            | ev.QuestionsWanted()
            | ev.ClientsCounted()
            | ev.DrainStarted()
            | ev.SettingsChanged()
        ):
            return replace(world, session=reduce_session(world.session, event))
        case _:
            assert_never(event)


def forget(world: World, run: str) -> World:
    """Drop a finished run from memory; the store and its folder keep it."""
    return replace(world, runs={name: kept for name, kept in world.runs.items() if name != run})


def reduce_session(session: Session, event: ev.SessionEvent) -> Session:
    """Give the session after `event`; admin remembers the mode it was entered from."""
    match event:
        case ev.ModeChosen(mode=mode):
            before = session.before_admin if session.mode is Mode.ADMIN else session.mode
            before_admin = before if mode is Mode.ADMIN else mode
            return replace(session, mode=mode, before_admin=before_admin, raise_asked=None)
        case ev.LevelChosen(level=level):
            return replace(session, level=level, raise_asked=None)
        case ev.RaiseAsked(at=at):
            return replace(session, raise_asked=at)
        case ev.RaiseDropped():
            return replace(session, raise_asked=None)
        case ev.QuestionsWanted() | ev.SettingsChanged():
            return session
        case ev.ClientsCounted(count=count):
            return replace(session, attached=count)
        case ev.DrainStarted():
            return replace(session, draining=True)
        case _:
            assert_never(event)


_LaterEvent = (
    ev.StartHeld
    | ev.StartCleared
    | ev.PriorityChanged
    | ev.PaneOpened
    | ev.WorkerSaid
    | ev.StopAsked
    | ev.PauseAsked
    | ev.ResumeAsked
    | ev.CallSaid
    | ev.WorkerVanished
    | ev.HealthChanged
    | ev.QuestionRaised
    | ev.ActionAnswered
)


def reduce_run(run: Run, event: _LaterEvent) -> Run:  # noqa: C901, PLR0911, PLR0912 -- one flat table, a row per event
    """Give an unfinished run after `event`."""
    match event:
        case ev.WorkerSaid():
            if event.seq <= run.seq:
                return run
            kind, at = event.record.get("kind"), event.at
            if kind == "text":  # By far the most common, and it changes next to nothing.
                return evolve(run, seq=event.seq, heard=at, progress=at, retrying=None)
            progress = run.progress if kind in NO_PROGRESS else at
            return _said(evolve(run, seq=event.seq, heard=at, progress=progress), event)
        case ev.StartHeld() | ev.StartCleared() | ev.PriorityChanged():
            return _scheduled(run, event)
        case ev.PaneOpened():
            # An empty pane id would mean the current pane to tmux: it must never get there.
            pane, window = event.pane or None, event.window or None
            # A shim that has begun has said which process it is; before, this may only hold the pane.
            shim_pid = event.shim_pid if run.seq == 0 else run.shim_pid
            opened = evolve(run, pane=pane, window=window, shim_pid=shim_pid)
            return evolve(opened, state=Starting(event.at)) if isinstance(run.state, Queued) else opened
        case ev.StopAsked():
            return _asked_to_stop(run, event)
        case ev.PauseAsked() | ev.ResumeAsked():
            return run  # The shim knows when it is so, and says it.
        case ev.CallSaid():
            return run if event.seq <= run.metered.seq else metered(run, event.seq, event.record, event.at)
        case ev.WorkerVanished():
            return _finished(run, event.at, "lost", "lost", {"evidence": {"record": {"why": event.why}}})
        case ev.HealthChanged():
            return evolve(run, health=event.health)
        case ev.QuestionRaised():
            return raised(run, event.question, event.at)
        case ev.ActionAnswered():
            return answered(run, event.id, event.at, always=event.always and event.allow)
        case _:
            assert_never(event)


def is_news(was: Run | None, event: ev.Event) -> bool:
    """Whether `event` may change more of a run than when it was last heard of, which no screen shows."""
    if was is None or was.retrying is not None or not isinstance(event, ev.WorkerSaid):
        return True
    return event.record.get("kind") != "text"


def _said(run: Run, event: ev.WorkerSaid) -> Run:  # noqa: C901, PLR0911, PLR0912 -- one flat table, a row per record kind
    record = event.record
    match record.get("kind"):
        case "started":
            return evolve(run, shim_pid=_pid(record), started=event.at)
        case "exec":
            return run if isinstance(run.state, Paused) else _working(run, event.at, _pid(record) or 0)
        case "tool_started":
            return evolve(counted(run, record), doing=_doing(record), retrying=None)
        case "checking":
            return evolve(run, doing=f"check {record.get('command')}"[:200])
        case "tool_finished" | "checked":
            return evolve(run, doing=None)
        case "heartbeat":
            return evolve(run, beat=Beat(event.at, _evidence(record)))
        case "asked":
            return asked(run, record, event.at)
        case "answered":
            return settled(run, record, event.at)
        case "paused" | "resumed":
            return _paused(run, record, event.at)
        case "retrying":
            return evolve(run, retrying=str(record.get("why") or record.get("http") or "waiting"))
        case "turn":
            return evolve(counted(run, record), retrying=None)
        case "usage" | "cost":
            return counted(run, record)
        case "session":
            return evolve(run, agent_session=str(record.get("id")))
        case "stop_requested":
            return _stopping(run, event.at, str(record.get("by")), str(record.get("why")))
        case "ended":
            return _finished(run, event.at, str(record.get("status")), str(record.get("reason")), record)
        case _:
            return run


def _with_run(world: World, run: Run) -> World:
    return World(world.session, {**world.runs, run.id: run})


def _new_run(event: ev.RunQueued | ev.RunRefused) -> Run:
    if isinstance(event, ev.RunRefused):
        why = {"gate": event.gate, "problem": event.problem}
        return Run(
            id=event.run, agent=event.agent, runtime="", task=event.task, model=None, grant=event.grant,
            queued=event.at,
            state=Finished(event.at, "refused", "refused", {"evidence": {"record": why}}),
        )  # fmt: skip
    return Run(
        id=event.run, agent=event.agent, runtime=event.runtime, task=event.task, model=event.model,
        grant=event.grant, queued=event.at, state=Queued(event.at), continues=event.continues,
        retries=event.retries, retry=event.retry, priority=event.priority, after=event.after,
        provider=event.provider, parent=event.parent, depth=event.depth, group=event.group, node=event.node,
        isolated=event.isolated, at_once=event.at_once,
        heartbeat_s=event.heartbeat_s, watch=event.watch, grade=event.grade,
    )  # fmt: skip


def _scheduled(run: Run, event: ev.StartHeld | ev.StartCleared | ev.PriorityChanged) -> Run:
    if not isinstance(run.state, Queued) or run.state.cleared:
        return run
    if isinstance(event, ev.StartCleared):
        return evolve(run, state=replace(run.state, cleared=True, waits=None))
    if isinstance(event, ev.PriorityChanged):
        return evolve(run, priority=event.priority)
    if run.state.waits == event.why:
        return run
    return evolve(run, state=replace(run.state, waits=event.why))


def _asked_to_stop(run: Run, event: ev.StopAsked) -> Run:
    """Give the run that is asked to end; one that nothing was started for has ended with that."""
    if isinstance(run.state, Queued) and not run.state.cleared:
        record = {"kind": "stop_requested", "by": event.by, "why": event.why}
        return _finished(run, event.at, "cancelled", "stopped", {"evidence": {"record": record}})
    return _stopping(run, event.at, event.by, event.why)


def _paused(run: Run, record: Mapping[str, Any], at: float) -> Run:
    """Give the run that stands still, or goes on, as its shim says."""
    if record.get("kind") == "resumed":
        return _working(run, at, run.state.agent_pid) if isinstance(run.state, Paused) else run
    if not isinstance(run.state, Working | Asking):
        return run
    by, why = str(record.get("by")), str(record.get("why") or "")
    return evolve(run, state=Paused(at, run.state.agent_pid, by, why))


def _working(run: Run, at: float, pid: int) -> Run:
    if isinstance(run.state, Stopping):  # Asked to stop before the agent was there: still stopping.
        return evolve(run, state=replace(run.state, agent_pid=pid))
    return evolve(run, state=Asking(at, pid) if run.questions else Working(at, pid))


def _pid(record: Mapping[str, Any]) -> int | None:
    pid = record.get("pid")
    return pid if isinstance(pid, int) else None


def _stopping(run: Run, at: float, by: str, why: str) -> Run:
    if isinstance(run.state, Stopping):
        return run
    pid = run.state.agent_pid if isinstance(run.state, Working | Asking | Paused) else None
    return evolve(run, state=Stopping(at, by, why, pid), questions=())


def _finished(run: Run, at: float, status: str, reason: str, result: Mapping[str, Any]) -> Run:
    done = without_questions(run)
    return evolve(done, state=Finished(at, status, reason, result), doing=None, retrying=None)


def _doing(record: Mapping[str, Any]) -> str:
    """Name the tool call in one line: its tool, and the argument that tells most."""
    args = record.get("args")
    told = ""
    if isinstance(args, Mapping):
        for key in ("command", "path", "file_path", "filePath", "pattern", "url", "query"):
            if args.get(key):
                told = str(args[key])
                break
    return f"{record.get('name')} {told}".strip()[:200]


def _evidence(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("state", "procs", "cpu_s", "bytes", "last_event_age_s", "tool")
    return {key: record[key] for key in keys if key in record}
