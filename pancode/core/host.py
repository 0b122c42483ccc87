"""What a domain's `extension.py` gets to register with: handlers, listeners, gates, services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pancode.core.effects import Effect
from pancode.core.events import Event as Fact
from pancode.core.events import WorkerSaid
from pancode.core.grants import Grant
from pancode.core.state import World

Service = TypeVar("Service")
Event = TypeVar("Event")

Args = Mapping[str, Any]
"""The `args` object of one socket request, as the client sent it; the handler parses it."""


class Caller(Protocol):
    """The client of one request, for handlers that stream before they answer."""

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event line; raise ConnectionError when the client has gone."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send one event line at once; nothing happens when the client has gone."""

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""

    @property
    def pid(self) -> int | None:
        """The process that has connected, by the kernel's word; None once nobody can say."""


Handler = Callable[[Args, Caller], Awaitable[Mapping[str, Any]]]
"""Answers one verb of the controller's socket; may raise PanError."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to start a run, as far as gates may look at it."""

    agent: str
    task: str
    cwd: str
    read_only: bool
    grant: Grant
    command: str | None = None
    """What a shell would be told to run: a shell agent's task, and the check of its outcome."""
    approved: bool = False
    """Whether the operator has said yes to what the level asks about."""
    role: str = "worker"
    """"orchestrator" for a turn of the operator's own conversation, "scout" for what it sends out to look."""
    written: str | None = None
    """The part of the task that a person wrote, where the rest is another run's output; None: all of it."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The operator's variables, for the paths that the task names with their help."""
    parent: str | None = None
    """The run whose worker asks for this one, and how deep that makes it."""
    depth: int = 0
    group: str | None = None
    node: str | None = None
    budget: Mapping[str, Any] | None = None
    """What this run alone may use: `usd`, `tokens`, `turns`."""
    runtime: str | None = None
    """From here on: what the launch plan says. None before there is one."""
    model: str | None = None
    provider: str | None = None
    endpoint: str | None = None
    found: Mapping[str, Refusal | Remark] = field(default_factory=dict)
    """What was found while the launch was planned, by the gate that speaks of it."""
    is_dry: bool = False
    """Whether nothing will be started: a gate then writes nothing down, and reserves nothing."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One admission check; gates are asked in `order`, and the first reason given refuses the run.

    `check` has no effects: a dry run asks it, too.
    """

    order: int
    name: str
    check: Callable[[Asked], Refusal | Remark | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run may not start, and what the operator can do about it."""

    gate: str
    problem: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that the operator should know, and that refuses nothing."""

    text: str


class Host(Protocol):
    """The controller, as a domain's extension sees it."""

    @property
    def world(self) -> World:
        """What is known at this moment."""

    def post(self, fact: Fact) -> None:
        """Put a fact into the inbox: it is reduced, its effects are performed, listeners are told."""

    def performs(self, kind: type[Effect], perform: Callable[[Any], None]) -> None:
        """Carry out effects of this type; exactly one domain performs each."""

    def serve(self, verb: str, handler: Handler) -> None:
        """Answer a verb of the socket; two handlers for one verb are an error."""

    async def ask(self, verb: str, args: Args) -> Mapping[str, Any]:
        """Answer a verb as the socket does for the operator; PanError as there. Its events go nowhere."""

    def on(self, kind: type[Event], listener: Callable[[Event], None]) -> None:
        """Call `listener` with each event of exactly this type, after the state has changed."""

    def on_record(self, kinds: Iterable[str], listener: Callable[[WorkerSaid], None]) -> None:
        """Call `listener` with each WorkerSaid whose record is of one of these kinds."""

    def gate(self, gate: Gate) -> None:
        """Add an admission check."""

    def provide(self, kind: type[Service], service: Service) -> None:
        """Offer a service to the domains that come later in the load order."""

    def need(self, kind: type[Service]) -> Service:
        """Get a service that an earlier domain (or the app) offers; KeyError is a missing `needs`."""

    def background(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a coroutine for as long as the controller lives; after a fault it begins again."""
