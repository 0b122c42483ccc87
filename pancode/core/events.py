"""What has happened: past tense, immutable, with its time inside. The reducer reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Health, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued:
    """A run was admitted and its folder written."""

    run: str
    at: float
    agent: str
    task: str
    model: str | None
    grant: Grant
    runtime: str
    continues: str | None = None
    retries: str | None = None
    retry: bool = False
    priority: int = 0
    after: tuple[str, ...] = ()
    provider: str | None = None
    parent: str | None = None
    depth: int = 0
    group: str | None = None
    node: str | None = None
    isolated: bool = False
    at_once: int | None = None
    heartbeat_s: float = 10.0
    watch: Mapping[str, str] = field(default_factory=dict)
    grade: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRefused:
    """A gate said no; the run has a folder and a result all the same."""

    run: str
    at: float
    agent: str
    task: str
    grant: Grant
    gate: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartHeld:
    """The scheduler lets a queued run wait; `why` is a sentence for people."""

    run: str
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCleared:
    """The scheduler lets a queued run start."""

    run: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged:
    """Somebody wants a queued run to start sooner or later than the others."""

    run: str
    at: float
    priority: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneOpened:
    """tmux made the window in which the shim starts."""

    run: str
    at: float
    pane: str
    window: str
    shim_pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSaid:
    """One record of the run's journal, as the shim wrote it."""

    run: str
    at: float
    seq: int
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """Somebody wants the run to end; the shim hasn't confirmed yet."""

    run: str
    at: float
    by: str
    why: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsked:
    """Somebody wants the run to stand still; the shim hasn't confirmed yet."""

    run: str
    at: float
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsked:
    """Somebody wants the run to go on; the shim hasn't confirmed yet."""

    run: str
    at: float
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSaid:
    """One record of the run's calls.jsonl: what the gateway saw of a model call."""

    run: str
    at: float
    seq: int
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerVanished:
    """The shim is gone and left no end record: nobody can say how the run ended."""

    run: str
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged:
    """The evidence about a live run adds up to another word than before."""

    run: str
    at: float
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRaised:
    """The policy leaves a held action to a person."""

    run: str
    at: float
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAnswered:
    """A held action has its answer, by policy or by a person; the shim hasn't confirmed yet."""

    run: str
    at: float
    id: str
    allow: bool
    why: str
    by: str
    kind: str
    rule: str
    decision: str
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChosen:
    """The operator chose a mode, by key or verb."""

    mode: Mode
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChosen:
    """The operator chose a safety level."""

    level: Level
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAsked:
    """A key asks for full-auto; the same key once more says yes."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseDropped:
    """The second press didn't come in time."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionsWanted:
    """The operator wants to see the open questions, by a key."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsCounted:
    """How many people are attached to the session's tmux."""

    count: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainStarted:
    """The session shuts down: nothing more is admitted."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged:
    """Somebody changed a setting, or the session's preset: whoever keeps one has to ask for it again."""

    at: float


RunEvent = (
    RunQueued
    | RunRefused
    | StartHeld
    | StartCleared
    | PriorityChanged
    | PaneOpened
    | WorkerSaid
    | StopAsked
    | PauseAsked
    | ResumeAsked
    | CallSaid
    | WorkerVanished
    | HealthChanged
    | QuestionRaised
    | ActionAnswered
)
SessionEvent = (
    ModeChosen
    | LevelChosen
    | RaiseAsked
    | RaiseDropped
    | QuestionsWanted
    | ClientsCounted
    | DrainStarted
    | SettingsChanged
)
Event = RunEvent | SessionEvent


@dataclass(frozen=True, slots=True)
class RunChanged:
    """Published on the bus after a run's state changed; `ended` when it has just finished."""

    run_id: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class RunForgotten:
    """Published on the bus when an ended run has left memory; its folder and the index keep it."""

    run_id: str


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Published on the bus after mode, level or totals changed."""


@dataclass(frozen=True, slots=True)
class ClientsChanged:
    """Published on the bus when the first person attached or the last one left."""

    attached: bool
