"""The states of a run and of a session; each carries only what is true in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pancode.core.grants import Grant, Level, Mode

Seconds: TypeAlias = float


@dataclass(frozen=True, slots=True)
class Queued:
    """Admitted; its folder is written; no process yet. `waits` says why the scheduler holds it back.

    `cleared` once it may start: from then on only its shim can say how it ends.
    """

    since: Seconds
    cleared: bool = False
    waits: str | None = None


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
class Asking:
    """The agent's process runs, and at least one of its actions is held until a person answers."""

    since: Seconds
    agent_pid: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The agent and all its processes stand still until somebody lets them go on."""

    since: Seconds
    agent_pid: int
    by: str
    why: str


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


State: TypeAlias = Queued | Starting | Working | Asking | Paused | Stopping | Finished


@dataclass(frozen=True, slots=True)
class Ask:
    """An action that the shim holds: `action` as the agent's hook told it, in the words of `worker.profile`.

    `deadline` is when the shim denies it by itself; None: never. `is_answered` once an answer is on its
    way; the shim's own `answered` record then ends it. `is_cut` where the shim has kept only a part of it.
    """

    id: str
    since: Seconds
    deadline: Seconds | None
    action: Mapping[str, Any]
    is_answered: bool = False
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A held action as a person is asked about it; every text is redacted and fit to be shown.

    `is_held` False: it is about the run itself, such as its budget, and no shim waits for the answer.
    """

    id: str
    tool: str
    what: str
    kind: str
    why: str
    rule: str
    source: str
    recoverable: str
    cwd: str
    since: Seconds
    deadline: Seconds | None
    is_held: bool = True


@dataclass(frozen=True, slots=True)
class Always:
    """A person's yes to this very action for the rest of the run, as long as it is judged alike."""

    kind: str
    rule: str
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Beat:
    """The latest heartbeat: when the shim took it, and the evidence it found."""

    at: Seconds
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """How a live run is: healthy, stale, dead or recovered; who says so, from when that is, and why."""

    word: str
    since: Seconds
    source: str
    at: Seconds | None
    why: str


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


@dataclass(frozen=True, slots=True)
class Metered:
    """What the gateway has counted of the run's model calls; `inflight` maps an open call to its beginning.

    `estimated` where a cut stream left tokens to be guessed.
    """

    seq: int = 0
    calls: int = 0
    tally: Tally = field(default_factory=Tally)
    inflight: Mapping[str, Seconds] = field(default_factory=dict)
    last_at: Seconds | None = None
    estimated: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """One agent's job: its fixed part, and the state it is in. Without slots, so that it can `evolve`."""

    id: str
    agent: str
    runtime: str
    task: str
    model: str | None
    grant: Grant
    state: State
    queued: Seconds
    continues: str | None = None
    retries: str | None = None  # the run whose request this is once more
    retry: bool = False
    priority: int = 0
    after: tuple[str, ...] = ()  # runs that must have ended `done` before this one starts
    provider: str | None = None
    parent: str | None = None  # the run that asked for this one
    depth: int = 0
    group: str | None = None  # the flow that it is a part of, and its node there
    node: str | None = None
    isolated: bool = False
    at_once: int | None = None  # so many runs of its group and node may be live together
    heartbeat_s: float = 10.0
    grade: Mapping[str, Any] | None = None  # what its sandbox keeps (worker.profile.Grade); None: not started
    seq: int = 0
    pane: str | None = None
    window: str | None = None
    shim_pid: int | None = None
    started: Seconds | None = None
    doing: str | None = None
    retrying: str | None = None
    beat: Beat | None = None
    heard: Seconds | None = None  # the time of the latest record of its journal
    progress: Seconds | None = None  # the same, of those that show that the agent gets on
    health: Health | None = None  # as it was last found to have changed
    watch: Mapping[str, str] = field(default_factory=dict)  # "stale", "dead" -> what is done about it
    agent_session: str | None = None
    tally: Tally = field(default_factory=Tally)
    metered: Metered = field(default_factory=Metered)
    asks: Mapping[str, Ask] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    always: tuple[Always, ...] = ()

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
    raise_asked: Seconds | None = None
    """When a key asked for full-auto; the same key once more, not too soon and not too late, says yes."""


@dataclass(frozen=True, slots=True)
class World:
    """All that the controller knows; it can be rebuilt from the run folders and session.json."""

    session: Session = field(default_factory=Session)
    runs: Mapping[str, Run] = field(default_factory=dict)
