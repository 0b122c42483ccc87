"""The states of a run and of a session; each carries only what is true in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pancode.core.grants import Grant, Level, Mode

Seconds: TypeAlias = float


@dataclass(frozen=True, slots=True)
class Queued:
    """Admitted; its folder is written; no process yet."""

    since: Seconds


@dataclass(frozen=True, slots=True)
class Starting:
    """Its pane is open; the agent has not been exec'ed yet."""

    since: Seconds


@dataclass(frozen=True, slots=True)
class Working:
    """The agent's process runs."""

    since: Seconds
    agent_pid: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """Somebody asked it to end and it hasn't yet."""

    since: Seconds
    by: str
    why: str
    agent_pid: int | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing follows this; `result` is what result.json says."""

    since: Seconds
    status: str
    reason: str
    result: Mapping[str, Any]


State: TypeAlias = Queued | Starting | Working | Stopping | Finished


@dataclass(frozen=True, slots=True)
class Beat:
    """The latest heartbeat: when the shim took it, and the evidence it found."""

    at: Seconds
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens and money so far. None: the agent hasn't said."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    turns: int | None = None
    tool_calls: int | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One agent's job: its fixed part, and the state it is in."""

    id: str
    agent: str
    runtime: str
    task: str
    model: str | None
    grant: Grant
    state: State
    queued: Seconds
    continues: str | None = None
    retry: bool = False
    heartbeat_s: float = 10.0
    seq: int = 0
    pane: str | None = None
    window: str | None = None
    shim_pid: int | None = None
    started: Seconds | None = None
    doing: str | None = None
    retrying: str | None = None
    beat: Beat | None = None
    agent_session: str | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def is_live(self) -> bool:
        """Whether the run has not ended."""
        return not isinstance(self.state, Finished)


@dataclass(frozen=True, slots=True)
class Session:
    """What holds for the whole session."""

    mode: Mode = Mode.BUILD
    level: Level = Level.AUTO_EDIT
    before_admin: Mode = Mode.BUILD
    attached: int = 0
    draining: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """All that the controller knows; it can be rebuilt from the run folders and session.json."""

    session: Session = field(default_factory=Session)
    runs: Mapping[str, Run] = field(default_factory=dict)
