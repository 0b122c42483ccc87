"""The sandbox and contract in `spec.json`: decided by the controller, executed by the shim: types only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, NotRequired, TypedDict

    Kind = Literal["bwrap", "landlock", "none"]

    class Forward(TypedDict):
        """A port on the sandbox's loopback whose connections are passed on raw, to the host's loopback."""

        port: int  # inside, on 127.0.0.1
        host: str  # outside, "127.0.0.1" or "::1"
        to: int  # port outside; as a rule the same

    class Network(TypedDict):
        """What goes out of the sandbox; everything else meets a network namespace with nothing in it."""

        forwards: list[Forward]
        hosts: list[str]  # "api.example.com:443" or "*.example.com:443": reached by CONNECT only
        near: NotRequired[list[str]]  # of these, the ones of the operator's own: private addresses will do
        upstream: NotRequired[str | None]  # "host:port" of the operator's own proxy
        proxy_port: int | None  # inside, on 127.0.0.1; None: no proxy
        hook_port: int | None  # inside, on 127.0.0.1; None: the agent has no hook

    class Login(TypedDict):
        """One credential file of an agent: copied into the worker's home, and back if it was refreshed."""

        source: str  # the operator's file
        path: str  # absolute, in the worker's home as the host sees it
        format: Literal["json", "text"]

    class Resources(TypedDict):
        """Limits of the worker's whole tree; None = no limit."""

        memory_bytes: int | None
        processes: int | None
        cpu_cores: float | None
        file_bytes: int | None
        cpu_s: int | None

    class Grade(TypedDict):
        """What is kept of the promises for this run; shown wherever the run is."""

        sandbox: Literal["full", "fs-only", "none"]
        net: str  # "off" | "model" | "list" | "open"
        unix: Literal["denied", "hidden-only", "open"]
        limits: Literal["systemd", "cgroup", "rlimit", "none"]
        hook: Literal["asked", "none"]
        landlock: bool
        root: bool  # whether the operator is root
        login: list[str]  # credential files that this worker can read; its own tools can read them too
        accepted: list[str]  # names given to --accept-weaker for this run; shown red
        lost: list[str]  # sentences: what this grade doesn't keep

    class Sandbox(TypedDict):
        """How the shim encloses the agent.

        `options` are bwrap's, complete but for descriptors and the command: the shim passes them by
        `--args FD`, adds `--setenv` for each variable, and starts bwrap itself with an empty environment.
        `readable` and `writable` are what Landlock grants: the whole wall where there is no bwrap, the
        second wall where `landlock` says so. `masks` are directories to be made where nothing is, so that
        something can be mounted there, and taken away again by the last worker that uses them. `stubs` are
        files to be made the same way: path -> text (None: a socket, which nothing can be read from).
        """

        kind: Kind
        program: str | None  # bwrap's path
        options: list[str]
        readable: list[str]
        writable: list[str]
        landlock: bool
        unix: bool  # whether AF_UNIX sockets may be made
        filter: str  # bwrap's filter for system calls, in hexadecimal; "" without bwrap
        worktree: str  # the directory whose lock keeps masks and stubs in place
        masks: list[str]
        stubs: dict[str, str | None]
        home: str | None  # the worker's private home, as the host sees it
        network: Network
        logins: list[Login]
        resources: Resources
        grade: Grade
        ask_s: float  # seconds until a question that nobody answered is denied
        policy: str  # hash of all of the above and the rules, as in the audit log

    class Hook(TypedDict):
        """A shell command that reads the agent's hook input, and says yes or no in the agent's own words."""

        command: str
        timeout_s: int  # what the agent's own time-out for the hook is to be
        port: NotRequired[int]  # what the command asks, on the 127.0.0.1 inside

    class Action(TypedDict):
        """What an agent is about to do; its adapter's `hook_asks(payload)` reads it from the hook's input."""

        tool: str  # shell read write edit grep find ls web, or the agent's own name
        command: NotRequired[str]  # shell
        paths: NotRequired[list[str]]  # read, write, edit, …
        url: NotRequired[str]  # web
        cwd: NotRequired[str]

    class Answer(TypedDict):
        """What the hook's process gives the agent: `hook_says(allow, why)` of its adapter makes it."""

        out: str  # standard output
        err: str  # standard error
        exit: int

    class Native(TypedDict):
        """What the model loop of a native agent has to know; everything but the key, which isn't stored."""

        host: str  # the native host's socket
        wire: str  # how the model is spoken to: "openai-chat" or "anthropic"
        url: str
        model: str
        key_env: str  # of the variable in the handoff file that holds the key, or the gateway's token
        system: str | None  # what the model is told before the task
        tools: list[str] | None  # the agent's own list; None: all that the grant permits
        effort: str | None
        role: str  # "worker", "scout" or "orchestrator"
        remote: bool  # the controller has tools for it, too
        history: str | None  # path of the conversation that it goes on with
        window: NotRequired[int | None]  # tokens that the model can hold, None: nobody knows
        now: str  # path of the file with the session's mode and level of the moment

    class Contract(TypedDict):
        """What the outcome is to meet; `judge` is the command that holds a result against the last two."""

        files: list[str]  # plain files below the run's directory
        command: str | None
        patterns: list[str]
        schema: Mapping[str, Any] | None
        judge: list[str]
