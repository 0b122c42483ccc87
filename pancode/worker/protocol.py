"""The words that worker, controller and adapters share; types only, so importing it costs nothing.

An event is a plain dict with a `kind`. The shim adds `v`, `seq`, `t` (wall seconds), `m` (monotonic
seconds) and `src`, and appends it to `events.jsonl`. Absent or None means: the agent doesn't say.
"""

from __future__ import annotations

BRIDGE_KEY = "PANCODE_BRIDGE_KEY"
"""The secret of a bridge: it goes behind the text of its standard input, and never into an environment."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself costs a worker 8 ms and half a megabyte.
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal, NotRequired, Protocol, TypedDict

    from pancode.worker.profile import Contract, Hook, Native, Sandbox

    Status = Literal["done", "failed", "refused", "timeout", "budget", "cancelled", "lost"]
    Reason = Literal[
        "completed",
        "auth",
        "model-unknown",
        "rate-limit",
        "overload",
        "network",
        "stream-cut",
        "agent-error",
        "crashed",
        "contract",
        "stopped",
        "idle-timeout",
        "wall-timeout",
        "budget",
        "refused",
        "loop",
        "lost",
    ]

    class Text(TypedDict):
        """Something the agent says; `delta` pieces of one message are joined by the reader."""

        kind: Literal["text"]
        text: str
        delta: NotRequired[bool]

    class ToolStarted(TypedDict):
        """A tool call began. `name` is one of shell read write edit grep find ls web, or the agent's own."""

        kind: Literal["tool_started"]
        id: str
        name: str
        args: Mapping[str, Any]

    class ToolOutput(TypedDict):
        """Whole lines of what a call prints while it runs: shown, and never written into the journal."""

        kind: Literal["output"]
        id: str
        text: str

    class ToolFinished(TypedDict):
        """A tool call ended; `ok` None means the agent doesn't say."""

        kind: Literal["tool_finished"]
        id: str
        name: str
        ok: bool | None
        result: str
        exit: NotRequired[int | None]

    class Refused(TypedDict):
        """The agent's own permission rules stopped an action."""

        kind: Literal["refused"]
        name: str
        why: str
        id: NotRequired[str]

    class UsageSeen(TypedDict):
        """Tokens. `input` never includes cached ones. `total` replaces what was known, `step` adds to it."""

        kind: Literal["usage"]
        scope: Literal["total", "step"]
        input: int | None
        output: int | None
        cache_read: int | None
        cache_write: int | None
        reasoning: int | None

    class CostSeen(TypedDict):
        """Money in US dollars as the agent itself reports it; `scope` as in UsageSeen."""

        kind: Literal["cost"]
        scope: Literal["total", "step"]
        usd: float

    class Retrying(TypedDict):
        """The agent waits and asks its model again."""

        kind: Literal["retrying"]
        attempt: int | None
        of: int | None
        wait_s: float | None
        http: int | None
        why: str

    class SessionSeen(TypedDict):
        """The agent's own conversation id, by which `say` goes on."""

        kind: Literal["session"]
        id: str

    class TurnStarted(TypedDict):
        """One model request begins (or is known to have been made)."""

        kind: Literal["turn"]
        model: NotRequired[str | None]

    class Finished(TypedDict):
        """The agent's own final record. `ok` is its word; the verdict also needs exit 0."""

        kind: Literal["finished"]
        ok: bool
        reason: NotRequired[Reason | None]
        message: NotRequired[str]
        http: NotRequired[int | None]
        result: NotRequired[str | None]
        turns: NotRequired[int | None]
        model: NotRequired[str | None]  # who has answered, by its own word

    class Problem(TypedDict):
        """An error record that need not be final; the last one explains a bad end."""

        kind: Literal["problem"]
        message: str
        reason: NotRequired[Reason | None]
        http: NotRequired[int | None]

    class Notice(TypedDict):
        """A word for people; no answer of anybody's."""

        kind: Literal["notice"]
        text: str

    class Unknown(TypedDict):
        """A record this adapter doesn't know: kept in stream.raw, counted, never fatal."""

        kind: Literal["unknown"]
        type: str

    ToolEvent = ToolStarted | ToolOutput | ToolFinished | Refused
    RunEvent = SessionSeen | TurnStarted | Retrying | Problem | Finished
    AgentEvent = Text | ToolEvent | UsageSeen | CostSeen | RunEvent | Notice | Unknown

    class Request(TypedDict):
        """All that an adapter may look at to build a launch; made by the agents domain."""

        binary: str
        task: str
        cwd: str
        run_dir: str
        level: Literal["suggest", "auto-edit", "full-auto"]
        read_only: bool
        is_root: bool
        model: str | None
        system_prompt: str | None
        tools: list[str] | None
        max_turns: int | None
        effort: Literal["low", "medium", "high"] | None
        endpoint: str | None
        endpoint_key: str | None
        endpoint_is_vendors: bool  # it stands for where the agent goes by itself: no other default model
        session: str | None
        fork: NotRequired[bool]  # with `session`: in a thread of its own that begins where that one stands
        extra_args: list[str]
        sandboxed: bool  # PanCode's sandbox is round it: the agent's own one is switched off
        installed: NotRequired[str]  # the folder of its packages of npm, if it has NPM
        hook: Hook | None  # how the agent is to ask before each tool call; None: it can't
        skills_dir: NotRequired[str | None]  # outside of `cwd`, where it must be able to read
        command: NotRequired[list[str]]  # of an agent whose program is its own `command`
        program: NotRequired[str]  # the ID of the adapter that knows that program, if one does
        behind: NotRequired[Launch]  # and how that adapter would launch it

    class Launch(TypedDict):
        """How to start the agent. Values in `env` are not secret: they are stored in spec.json.

        `home` maps paths relative to HOME to texts (or JSON) that the agent finds there, read-only.
        """

        argv: list[str]
        env: dict[str, str]
        secret_env: dict[str, str]
        files: dict[str, object]
        stdin: NotRequired[str | None]
        program: NotRequired[str]  # the agent's own program, where argv begins with another one
        home: NotRequired[dict[str, object]]

    class Limits(TypedDict):
        """When the shim itself ends the run; None = no limit."""

        wall_s: float | None
        idle_s: float | None
        max_turns: int | None
        token_budget: int | None

    class Spec(TypedDict):
        """`spec.json`: everything needed to execute a run; written once, mode 0600, never changed."""

        v: int
        run: str
        agent: str
        runtime: str
        agent_version: str | None
        adapter: str | None  # path of the adapter file; None: plain text output
        task: str
        model: str | None
        argv: list[str]
        cwd: str
        env: dict[str, str]  # complete, but for secrets
        env_from: list[str]  # names whose values come from the handoff file
        handoff: str | None  # a 0600 JSON file {name: value}; the shim reads and unlinks it
        stdin: str | None  # text for standard input; None: /dev/null, or the terminal when interactive
        interactive: bool  # keys typed in the pane go to the agent (shell and `command:` agents)
        grant: dict[str, Any]  # {"mode", "level", "read_only"}
        limits: Limits
        reads: list[str]  # files in the run's folder for Session.end()
        previous: Usage | None  # tokens of earlier turns of the same conversation
        continues: str | None  # the run whose conversation this one goes on with
        socket: str  # the controller's socket
        heartbeat_s: float
        created: float
        contract: NotRequired[Contract | None]
        sandbox: NotRequired[Sandbox]
        native: NotRequired[Native | None]  # for a native agent: what its model loop is to do

    class Usage(TypedDict):
        """Tokens of a run; None = the agent doesn't say. `input` is without cached ones."""

        input: int | None
        output: int | None
        cache_read: int | None
        cache_write: int | None
        reasoning: int | None
        turns: int | None
        tool_calls: int | None

    class Cost(TypedDict):
        """US dollars and who says so."""

        usd: float | None
        source: Literal["agent", "unknown"]

    class Evidence(TypedDict):
        """Why a run is said to have ended as it did."""

        record: Mapping[str, Any] | None  # the event that decided (shortened), if one did
        exit: int | None
        signal: str | None  # such as "SIGKILL"

    class Result(TypedDict):
        """`result.json`; `pancode run --json` prints the first seven."""

        run_id: str
        status: Status
        reason: Reason
        evidence: Evidence
        result: str | None
        usage: Usage
        cost: Cost
        agent: str
        model: str | None
        agent_session: str | None
        started: float | None
        ended: float
        events: dict[str, int]
        unknown: dict[str, int]

    class Session(Protocol):
        """A sans-IO reader of one agent's stream."""

        def feed(self, record: Mapping[str, Any]) -> Iterable[AgentEvent]:
            """Turn one parsed JSON record of standard output into events."""

        def noise(self, line: str) -> Iterable[AgentEvent]:
            """Read a line that is not JSON (standard output) or any line of standard error."""

        def end(self, files: Mapping[str, Any]) -> Iterable[AgentEvent]:
            """After the exit: read the files that the launch named in `reads` (parsed JSON), flush."""


V = 1
STATUSES = ("done", "failed", "refused", "timeout", "budget", "cancelled", "lost")
REASONS = (
    "completed", "auth", "model-unknown", "rate-limit", "overload", "network", "stream-cut", "agent-error",
    "crashed", "contract", "stopped", "idle-timeout", "wall-timeout", "budget", "refused", "loop", "lost",
)  # fmt: skip
