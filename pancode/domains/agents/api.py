"""The agents that can be run, the programs behind them, and everything dispatch needs to start one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from pancode.core.errors import PanError
from pancode.core.grants import Grant
from pancode.domains.prompts.api import Compiled

if TYPE_CHECKING:
    from pancode.worker.profile import Hook
    from pancode.worker.protocol import Limits, Usage

Source = Literal["built-in", "user", "project"]
RuntimeStatus = Literal["available", "missing", "broken", "unchecked"]
Speed = Literal["fast", "balanced", "thorough"]

Role = Literal["worker", "scout", "orchestrator"]
ORCHESTRATOR = "panos"
"""The agent that the operator talks to; its tools act in the controller, behind the gates of the verbs."""
SCOUT = "pan-scout"
"""The agent of the orchestrator's scouts."""
AUTO = "auto"
"""The runtime of an agent that takes the best rated of the installed ones able to honour its fields."""
SHELL = "shell"
"""The runtime that runs the task as a shell command."""
ACP = "acp"
"""The runtime whose program is the agent's own `command:`, which speaks the Agent Client Protocol."""
NATIVE = "native"
"""The runtime of PanCode's own agents; `auto` takes it where no CLI is installed, but a model is known."""
COMMAND = "command"
"""The runtime of an agent with a `command:` of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A definition: one entry of panagents.yaml, or a built-in one. None means "not set"."""

    name: str
    source: Source
    file: str | None = None
    line: int | None = None
    description: str = ""
    model: str | None = None  # as written: ${NAME} is expanded when a run is planned
    tools: tuple[str, ...] | None = None
    readonly: bool = False
    system_prompt: str = ""
    skills: tuple[str, ...] = ()
    runtime: str = AUTO  # "auto", "shell", "command" or the ID of an adapter
    runtime_args: tuple[str, ...] = ()
    speed: Speed = "balanced"
    token_budget: int | None = None
    max_turns: int | None = None
    retry_on_failure: bool = False
    tags: tuple[str, ...] = ()
    tier: Literal["frontier", "mid", "any"] = "any"
    command: tuple[str, ...] | None = None
    endpoint: str | None = None
    endpoint_key_env: str | None = None
    env: tuple[str, ...] = ()
    timeout_s: float | None = None
    idle_timeout_s: float | None = None
    concurrency: int | None = None
    on_stale: str = "notify"
    on_dead: str = "notify"

    @property
    def role(self) -> Role:
        """What its runs are for: `panos` directs, scouts look, all others work."""
        if self.name == ORCHESTRATOR:
            return "orchestrator"
        return "scout" if self.name in ("scout", SCOUT) else "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInfo:
    """A program that can run agents. `version` is None while it is not known; `note` explains the status."""

    id: str
    name: str
    tier: Literal["cli", "sdk", "native"]
    status: RuntimeStatus
    version: str | None = None
    path: str | None = None
    tested: bool | None = None
    tested_with: tuple[str, ...] = ()
    note: str | None = None
    install: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A runtime that can honour an agent's keys.

    `reaches`: by what it comes to a model, such as a variable or a login; None: nothing was found.
    `vendor` is the provider of its own models; None: it has many, or PanCode chooses.
    """

    runtime: str
    tier: Literal["cli", "sdk", "native"]
    status: RuntimeStatus
    reaches: str | None
    vendor: str | None
    chooses_model: bool = False  # PanCode names its model, as `provider/model`
    by_itself: bool = True  # taken where nobody has said what is needed


class UnknownModelError(PanError):
    """A model that can't be resolved."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a file of the user's: the entry is left out, the rest of the file is used."""

    file: str
    line: int | None
    problem: str
    remedy: str | None = None

    def __str__(self) -> str:
        """Give the text that is printed for a person: `file:line: problem`, then what to do."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.problem}" + (f"\n  try: {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNeeds:
    """What a program needs of the machine when it runs enclosed; paths are relative to HOME."""

    logins: tuple[tuple[str, str], ...] = ()  # credential file, format "json" or "text": copied in and back
    config: tuple[str, ...] = ()  # files and folders with its settings: visible, never writable
    state: tuple[str, ...] = ()  # folders that it must be able to write: they are the worker's own
    cache: tuple[str, ...] = ()  # patterns of folders shared by all workers, read-only
    hosts: tuple[str, ...] = ()  # "host:port" of its vendor's model and login, for runs without an endpoint
    binary: str | None = None  # the program as it was found in PATH; absolute
    shows: tuple[str, ...] = ()  # what of PanCode's own state it must be able to read; absolute
    out: bool = False  # it writes into `<run_dir>/out`, for its adapter to read at the end


@dataclass(frozen=True, slots=True)
class Gatepost:
    """The session's gateway as one run gets it: its address, and the token that stands for the real key."""

    url: str  # "http://127.0.0.1:PORT"
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Meter:
    """Who counts a run's model calls, and why not the gateway.

    "end": the agent says it, most of them only when the run ends. "none": nobody knows of any.
    """

    by: Literal["gateway", "end", "none"]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where the gateway sends a run's calls."""

    url: str  # "https://host:port"
    key: str = field(repr=False)
    token: str = field(repr=False)
    bearer: bool = False  # the key goes into `Authorization`, whatever header the agent uses
    proxy: str | None = field(default=None, repr=False)
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAsk:
    """What is asked of `Agents.plan`. Times in seconds; paths absolute."""

    agent: str | None  # None: the default one, as for `Agents.get`
    task: str
    cwd: str
    run_id: str
    run_dir: str
    grant: Grant
    environment: Mapping[str, str]  # the operator's: PATH, keys, PANCODE_* all come from here
    model: str | None = None
    endpoint: str | None = None
    timeout_s: float | None = None
    idle_s: float | None = None  # 0: no limit, whatever the agent says
    session: str | None = None  # the agent's own conversation id, to go on with
    fork: bool = False  # with `session`: in a thread of its own, which begins where that one stands
    runtime: str | None = None  # which of the agent's; with `session`: that on which it began
    previous: Usage | None = None
    sandboxed: bool = False  # PanCode's own sandbox will be round it
    hook: Hook | None = None  # how the agent is to ask before each of its tool calls
    board: str | None = None  # with `hook`: the command for the session's task board
    gateway: Gatepost | None = None  # None: there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to start one run; the fields of its spec.json that the agents domain knows.

    `env` is complete but for `secrets`, whose values must never be stored with the run. `files` maps
    paths relative to `<run_dir>/files` to their text, to be written 0600 before the start; `home` does
    the same for paths relative to the worker's private home, where the worker may only read them.
    `hooked` tells whether the agent asks before each tool call, by the ask's `hook`.
    """

    agent: str
    runtime: str
    agent_version: str | None
    adapter: str | None
    model: str | None
    argv: tuple[str, ...]
    env: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str]
    stdin: str | None
    interactive: bool
    reads: tuple[str, ...]
    limits: Limits
    heartbeat_s: float
    read_only: bool
    retry_on_failure: bool
    previous: Usage | None
    watch: Mapping[str, str] = field(default_factory=dict)  # "stale", "dead" -> what is done about it
    endpoint: str | None = None  # where its model calls go, if not to its vendor
    meter: Meter = field(default_factory=lambda: Meter("none", "it is no agent that PanCode knows"))
    upstream: Upstream | None = None  # where the gateway sends them, if it is the gateway that they go to
    needs: AgentNeeds = field(default_factory=AgentNeeds)
    home: Mapping[str, str] = field(default_factory=dict)
    hooked: bool = False
    provider: str | None = None  # who answers its model calls; None: it makes none
    native: Mapping[str, object] | None = None  # what the model loop of a native agent has to know
    prompt: Compiled | None = None  # the system prompt that it gets; None: it takes none


class Agents(Protocol):
    """The agents domain's service; every method is quick and none starts a program."""

    def get(self, name: str | None) -> Agent:
        """Give the agent of that name (None: the controller's PANCODE_DEFAULT_AGENT).

        PanError NOT_FOUND lists what there is; PanError CONFIG quotes the mistake that took it away.
        """

    def all(self) -> Sequence[Agent]:
        """Give every usable agent, sorted by name."""

    def mistakes(self) -> Sequence[Mistake]:
        """Give what is wrong in the panagents.yaml files and the user's adapters, in the files' order."""

    def runtimes(self) -> Sequence[RuntimeInfo]:
        """Give every runtime as last seen; "unchecked" before the first discovery has ended."""

    def forks(self, runtime: str) -> bool:
        """Whether the runtime can begin a branch where a conversation of its own stands."""

    def resolve(self, agent: Agent) -> str | None:
        """Give the runtime that the agent would run on, or None when no installed one can honour it."""

    def choices(self, agent: Agent, environment: Mapping[str, str]) -> Sequence[Choice]:
        """Give the runtimes that could run the agent, in the order of preference, installed or not."""

    def model_of(self, agent: Agent, environment: Mapping[str, str]) -> str | None:
        """Give the model that the agent names, its variables put in; PanError CONFIG for one not set."""

    def too_far(
        self, agent: str, runtime: str, model: str, environment: Mapping[str, str], who: str
    ) -> str | None:
        """Say why `who`, a worker, may not choose the model; None: the operator has named whoever gets it.

        The sentence begins with `who`, and names what would let it.
        """

    def reload(self) -> None:
        """Read panagents.yaml and the adapters again."""

    async def discover(self) -> None:
        """Look for the CLIs and ask the new ones for their version; may be cancelled at any time."""

    def plan(self, ask: LaunchAsk) -> Plan:
        """Turn an ask into a plan; PanError when the agent, its runtime, model or endpoint can't do it."""

    def native_wanted(self) -> bool:
        """Whether a native agent can be used without more ado: there is a model, or an agent that names it.

        May run the command that prints a key: not in an event loop.
        """

    def gateway_wanted(self) -> bool:
        """Whether model calls go through the session's gateway, where it can stand in for their server."""

    def keep_prompt(self, plan: Plan) -> None:
        """Keep what an admitted run is told, so that it can be shown by its hash."""
