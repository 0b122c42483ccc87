"""What to do next: orders, imperative, decided purely from what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pancode.core import events as ev
from pancode.core.state import Asking, Finished, Paused, Queued, Run, Stopping, Working, World

RETRYABLE = frozenset({"rate-limit", "overload", "network", "stream-cut", "crashed"})
"""Reasons for which an agent with `retry_on_failure` gets a second try."""


@dataclass(frozen=True, slots=True)
class OpenPane:
    """Make the run's window and start its shim in it."""

    run: str


@dataclass(frozen=True, slots=True)
class OrderStop:
    """Tell the run's shim to end its agent."""

    run: str
    by: str
    why: str
    force: bool


@dataclass(frozen=True, slots=True)
class OrderPause:
    """Tell the run's shim to let its agent stand still (`pause`), or to let it go on."""

    run: str
    pause: bool
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """Tell the run's shim about a held action: its answer, or that a person is being asked."""

    run: str
    order: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CloseBooks:
    """The run has ended: write what its folder lacks, index it, end whatever process is left."""

    run: str
    shim_vanished: bool


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Queue the run's task once more, as a new run."""

    run: str


@dataclass(frozen=True, slots=True)
class TakeCare:
    """Do about a run that is stale or dead what its agent's definition says: notify, nudge, stop or retry."""

    run: str
    action: str
    why: str


@dataclass(frozen=True, slots=True)
class KeepSession:
    """Write session.json: mode and level outlive the controller."""


Effect: TypeAlias = (
    OpenPane | OrderStop | OrderPause | SendAnswer | CloseBooks | TryAgain | TakeCare | KeepSession
)


def decide(before: World, event: ev.Event, after: World) -> list[Effect]:  # noqa: PLR0911 -- a row per event
    """Give the orders that follow from `event`; a second time the same event gives none."""
    match event:
        case ev.StartCleared():
            return [OpenPane(event.run)] if before.runs[event.run] is not after.runs[event.run] else []
        case ev.PauseAsked() | ev.ResumeAsked():
            return _on_pause(before.runs[event.run], event)
        case ev.HealthChanged():
            return _on_health(after.runs[event.run], event)
        case ev.RunRefused():
            return [CloseBooks(event.run, shim_vanished=False)]
        case ev.StopAsked():
            return _on_stop(before.runs[event.run], event)
        case ev.QuestionRaised():
            return _on_question(after.runs[event.run], event)
        case ev.ActionAnswered():
            return _on_answer(before.runs[event.run], event)
        case ev.WorkerSaid() | ev.WorkerVanished():
            return _on_end(before.runs[event.run], after.runs[event.run], event)
        case ev.ModeChosen() | ev.LevelChosen():
            return [KeepSession()] if before.session != after.session else []
        case _:
            return []


def _on_stop(run: Run, event: ev.StopAsked) -> list[Effect]:
    if not run.is_live:
        return []
    if isinstance(run.state, Queued) and not run.state.cleared:
        return [CloseBooks(run.id, shim_vanished=False)]
    return [OrderStop(run.id, event.by, event.why, event.force)]


def _on_pause(run: Run, event: ev.PauseAsked | ev.ResumeAsked) -> list[Effect]:
    if not run.is_live or isinstance(run.state, Stopping):
        return []
    if isinstance(event, ev.PauseAsked):
        return [OrderPause(run.id, pause=True, by=event.by, why=event.why)]
    return [OrderPause(run.id, pause=False, by=event.by, why="")]


def _on_health(run: Run, event: ev.HealthChanged) -> list[Effect]:
    word = event.health.word
    if not run.is_live or word not in ("stale", "dead"):
        return []
    return [TakeCare(run.id, run.watch.get(word, "notify"), f"{word}: {event.health.why}")]


def _on_question(run: Run, event: ev.QuestionRaised) -> list[Effect]:
    asked = event.question
    if not run.is_live or not asked.is_held:
        return []
    order = {"do": "asking", "id": asked.id, "class": asked.kind, "rule": asked.rule, "why": asked.why}
    return [SendAnswer(run.id, order)]


def _on_answer(run: Run, event: ev.ActionAnswered) -> list[Effect]:
    ask = run.asks.get(event.id)
    if not run.is_live or ask is None or ask.is_answered:
        return []
    order = {
        "do": "answer",
        "id": event.id,
        "allow": event.allow,
        "why": event.why,
        "by": event.by,
        "class": event.kind,
        "rule": event.rule,
        "decision": event.decision,
        "always": event.always,
    }
    return [SendAnswer(run.id, order)]


def _on_end(before: Run, after: Run, event: ev.WorkerSaid | ev.WorkerVanished) -> list[Effect]:
    if not (before.is_live and isinstance(after.state, Finished)):
        return []
    vanished = isinstance(event, ev.WorkerVanished)
    effects: list[Effect] = [CloseBooks(after.id, shim_vanished=vanished)]
    if after.retry and after.state.status == "failed" and after.state.reason in RETRYABLE:
        effects.append(TryAgain(after.id))
    return effects


def is_waiting_for_worker(run: Run) -> bool:
    """Whether a process should exist for this run; if none does, it has vanished."""
    return run.is_live and not isinstance(run.state, Queued)


def agent_pid(run: Run) -> int | None:
    """Give the agent's process id while it is known to run."""
    state = run.state
    return (
        state.agent_pid if isinstance(state, Working | Asking | Paused) else getattr(state, "agent_pid", None)
    )
