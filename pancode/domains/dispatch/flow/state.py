"""How far a flow has come, and what can happen to it; only `reduce` makes one state from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, assert_never

from pancode.core.effects import RETRYABLE
from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.template import Output

Role = Literal["work", "check"]
Phase = Literal["waiting", "working", "worked", "checking", "ended"]

AGAIN = frozenset({"failed", "timeout", "lost"})
"""Ends after which a unit with `retry` is tried again; a refusal or a stop is somebody's will."""
WORST = ("failed", "lost", "timeout", "budget", "refused", "cancelled")
"""Of several bad ends of a node, the one that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one unit ended. `usd` None: nobody told. `reused`: whose result this is; `key`: its hash."""

    status: str
    reason: str
    run: str | None = None
    check: str | None = None
    output: Output = field(default_factory=Output)
    said: str = ""
    seconds: float | None = None
    usd: float | None = None
    reused: str | None = None
    key: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the work was done, and its check passed if there is one."""
        return self.status == "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One piece of work: a node, or one item of its `foreach`. `attempt` counts from 1 once it was posted.

    `hint` is what the check said about the attempt before. `usd` adds up all attempts.
    """

    node: str
    index: int | None = None
    item: str | None = None
    attempt: int = 0
    phase: Phase = "waiting"
    run: str | None = None
    check: str | None = None
    is_stopping: bool = False
    hint: str = ""
    work: Outcome | None = None
    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        """Give the unit's name: `build`, or `build.2` for the third item of a `foreach`."""
        return self.node if self.index is None else f"{self.node}.{self.index}"

    @property
    def active(self) -> str | None:
        """Give the run that is under way for it."""
        return {"working": self.run, "checking": self.check}.get(self.phase)


@dataclass(frozen=True, slots=True)
class Opened:
    """A node's turn has come: one unit, or one for each item."""

    node: str
    items: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Passed:
    """A node is not run: `status` is `skipped`, or `failed` where its own terms can't be computed."""

    node: str
    status: Literal["skipped", "failed", "cancelled"]
    why: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A run was started for a unit."""

    unit: str
    role: Role
    attempt: int
    run: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A unit's run has ended, or couldn't be started (then `outcome.run` is None), or was not needed."""

    unit: str
    role: Role
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Halting:
    """A unit's run was asked to stop: the flow doesn't need it any more."""

    unit: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the flow to end."""

    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing follows; `at` is when."""

    status: str
    at: float


Event: TypeAlias = Opened | Passed | Posted | Ended | Halting | StopAsked | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A flow at one moment. `units`: node -> its units, once it is open; `passed`: nodes that are not run."""

    flow: Flow
    units: Mapping[str, tuple[Unit, ...]] = field(default_factory=dict)
    passed: Mapping[str, Passed] = field(default_factory=dict)
    stop: StopAsked | None = None
    closed: Closed | None = None

    def unit(self, name: str) -> Unit:
        """Give a unit by its name; KeyError if it is not open."""
        for units in self.units.values():
            for unit in units:
                if unit.name == name:
                    return unit
        raise KeyError(name)

    def all_units(self) -> list[Unit]:
        """Give every unit that is open, in the order of the nodes."""
        return [unit for node in self.flow.nodes for unit in self.units.get(node.name, ())]


def reduce(state: State, event: Event) -> State:
    """Give the state after `event`; nothing follows Closed, and what comes twice changes nothing."""
    if state.closed is not None:
        return state
    match event:
        case Opened(node=node, items=items):
            return state if node in state.units else _opened(state, node, items)
        case Passed():
            return replace(state, passed={**state.passed, event.node: event})
        case Posted():
            return _with(state, _posted(state.unit(event.unit), event))
        case Ended():
            return _with(state, _ended(state, state.unit(event.unit), event))
        case Halting(unit=name):
            return _with(state, replace(state.unit(name), is_stopping=True))
        case StopAsked():
            return state if state.stop else replace(state, stop=event)
        case Closed():
            return replace(state, closed=event)
        case _:
            assert_never(event)


def _opened(state: State, node: str, items: tuple[str, ...] | None) -> State:
    units: tuple[Unit, ...] = (Unit(node=node),)
    if items is not None:
        units = tuple(Unit(node=node, index=index, item=item) for index, item in enumerate(items))
    return replace(state, units={**state.units, node: units})


def _posted(unit: Unit, event: Posted) -> Unit:
    if event.role == "check":
        return replace(unit, phase="checking", check=event.run)
    return replace(unit, phase="working", attempt=event.attempt, run=event.run, check=None)


def _ended(state: State, unit: Unit, event: Ended) -> Unit:
    outcome = event.outcome
    if unit.phase == "ended":
        return unit
    if event.role == "work":
        if outcome.is_done and state.flow.node(unit.node).verify and outcome.reused is None:
            return replace(unit, phase="worked", run=outcome.run, work=outcome)
        return _settled(state, unit, outcome)
    return _settled(state, unit, _checked(unit, outcome))


def _checked(unit: Unit, check: Outcome) -> Outcome:
    """Give the work's outcome in the light of its check."""
    work = unit.work or check
    spent = replace(work, check=check.run, key=check.key or work.key, usd=added(work.usd, check.usd))
    if check.is_done:
        return spent
    # A check that was stopped or refused says nothing about the work.
    status = "failed" if check.status in AGAIN else check.status
    return replace(spent, status=status, reason=f"check {check.reason}", said=check.output.text or check.said)


def _settled(state: State, unit: Unit, outcome: Outcome) -> Unit:
    node = state.flow.node(unit.node)
    tries = node.retry + 1 + (node.tries_hiccups_again and outcome.reason in RETRYABLE)
    before = unit.outcome.usd if unit.outcome else None
    outcome = replace(outcome, usd=added(outcome.usd, before))
    again = outcome.status in AGAIN and unit.attempt < tries and unit.attempt > 0
    if again and not unit.is_stopping and state.stop is None:
        hint = outcome.said if outcome.check else ""
        return replace(unit, phase="waiting", outcome=outcome, hint=hint, work=None, run=None, check=None)
    return replace(unit, phase="ended", outcome=outcome, run=outcome.run, check=outcome.check)


def added(one: float | None, other: float | None) -> float | None:
    """Add two figures without ever turning an unknown into 0.

    >>> added(None, None), added(None, 1.0), added(1.0, 2.0)
    (None, 1.0, 3.0)
    """
    return None if one is None and other is None else (one or 0.0) + (other or 0.0)


def _with(state: State, unit: Unit) -> State:
    units = tuple(unit if each.index == unit.index else each for each in state.units[unit.node])
    return replace(state, units={**state.units, unit.node: units})


def status_of(state: State, node: str) -> str | None:
    """Give how a node ended: `done`, `skipped`, the worst end of its units, or None while it hasn't."""
    if node in state.passed:
        return state.passed[node].status
    units = state.units.get(node)
    if units is None or any(unit.phase != "ended" for unit in units):
        return None
    ends = {unit.outcome.status for unit in units if unit.outcome} - {"done"}
    return next((status for status in WORST if status in ends), "failed" if ends else "done")


def winner_of(state: State) -> Unit | None:
    """Give the unit that won a race: the first one that ended done."""
    if not state.flow.first:
        return None
    done = (unit for unit in state.all_units() if unit.phase == "ended" and unit.outcome)
    return next((unit for unit in done if unit.outcome and unit.outcome.is_done), None)
