"""What a flow does next, decided from its state alone; the same state always gives the same steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pancode.domains.dispatch.flow import expression
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.expression import FIELDS, ConditionError, Value
from pancode.domains.dispatch.flow.state import (
    Opened,
    Outcome,
    Passed,
    Role,
    State,
    Unit,
    added,
    status_of,
    winner_of,
)
from pancode.domains.dispatch.flow.template import Output, cut


@dataclass(frozen=True, slots=True)
class ReadItems:
    """Read the items of a node's `foreach` out of another node's output."""

    node: str
    source: str


@dataclass(frozen=True, slots=True)
class Post:
    """Start the run of a unit: its work, or the check of its work."""

    unit: str
    role: Role
    attempt: int


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop the run of a unit that isn't needed any more."""

    unit: str
    run: str
    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """Everything has ended."""

    status: Literal["done", "failed", "cancelled"]


Step: TypeAlias = Opened | Passed | ReadItems | Post | Halt | Close


def next_steps(state: State) -> list[Step]:
    """Give what is to be done now; empty while there is only waiting."""
    if state.closed is not None:
        return []
    if state.stop is not None:
        return _winding_down(state, state.stop.why, "cancelled")
    if (winner := winner_of(state)) is not None:
        return _winding_down(state, f"{winner.name} has won", "done")
    steps = [step for node in state.flow.nodes if (step := _opening(state, node)) is not None]
    steps += _posts(state)
    if not steps and all(status_of(state, node.name) for node in state.flow.nodes):
        return [Close(_status(state))]
    return steps


def _status(state: State) -> Literal["done", "failed"]:
    """A flow is done if no node ended badly; a race only if somebody won it."""
    if state.flow.first:
        return "failed"
    ends = {status_of(state, node.name) for node in state.flow.nodes}
    return "done" if ends <= {"done", "skipped"} else "failed"


def _winding_down(state: State, why: str, status: Literal["done", "cancelled"]) -> list[Step]:
    """Stop what is under way, and pass over what hasn't begun."""
    active = [unit for unit in state.all_units() if unit.active]
    halts: list[Step] = [
        Halt(unit.name, unit.active, why) for unit in active if unit.active and not unit.is_stopping
    ]
    closed = [node.name for node in state.flow.nodes if node.name not in {**state.units, **state.passed}]
    passed: list[Step] = [Passed(node, "cancelled", why) for node in closed]
    if halts or passed:
        return [*halts, *passed]
    return [] if active else [Close(status)]


def _opening(state: State, node: Node) -> Step | None:
    """Give what opens a node, or passes over it, once all that it needs has ended."""
    if node.name in state.units or node.name in state.passed:
        return None
    ends = {need: status_of(state, need) for need in node.needs}
    if None in ends.values():
        return None
    if node.when is not None:
        try:
            if not expression.read(node.when, FIELDS).holds(results(state, node)):
                return Passed(node.name, "skipped", f"not ({node.when})")
        except ConditionError as error:
            return Passed(node.name, "failed", f"when: {error}")
    elif bad := next((need for need, end in ends.items() if end != "done"), None):
        return Passed(node.name, "skipped", f'needs "{bad}", which ended {ends[bad]}')
    if node.foreach is None:
        return Opened(node.name, None)
    if node.foreach.node is None:
        return Opened(node.name, node.foreach.items)
    return ReadItems(node.name, node.foreach.node)


def _posts(state: State) -> list[Step]:
    """Give the runs to start now: checks at once, work as far as the flow's own limit allows."""
    units = state.all_units()
    steps: list[Step] = [Post(unit.name, "check", unit.attempt) for unit in units if unit.phase == "worked"]
    busy = sum(unit.phase in ("working", "worked", "checking") for unit in units)
    room = len(units) if state.flow.concurrency is None else max(0, state.flow.concurrency - busy)
    waiting = [unit for unit in units if unit.phase == "waiting"]
    return [*steps, *(Post(unit.name, "work", unit.attempt + 1) for unit in waiting[:room])]


def _output(units: tuple[Unit, ...]) -> Output:
    said = [unit.outcome.output for unit in units if unit.outcome]
    if len(units) == 1 and said:
        return said[0]
    return cut("\n".join(each.text for each in said), None)


def results(state: State, node: Node) -> Mapping[str, Mapping[str, Value]]:
    """Give what a node's `when` may look at: the results of the nodes that it needs."""
    return {need: _fields(state, need) for need in node.needs}


def _fields(state: State, node: str) -> dict[str, Value]:
    ends: list[Outcome] = [unit.outcome for unit in state.units.get(node, ()) if unit.outcome]
    usd: float | None = None
    seconds: float | None = None
    for end in ends:
        usd, seconds = added(usd, end.usd), added(seconds, end.seconds)
    passed = state.passed.get(node)
    reasons = [passed.why] if passed else [end.reason for end in ends if not end.is_done]
    return {
        "status": status_of(state, node),
        "reason": reasons[0] if reasons else "completed",
        "result": _output(state.units[node]).text if node in state.units else "",
        "count": float(len(ends)),
        "done": float(sum(end.is_done for end in ends)),
        "failed": float(sum(not end.is_done for end in ends)),
        "seconds": seconds,
        "usd": usd,
    }


def in_order(flow: Flow) -> list[Node]:
    """Give the nodes so that each comes after all that it needs; ValueError names a circle.

    >>> nodes = Node(name="b", needs=("a",)), Node(name="a")
    >>> [node.name for node in in_order(Flow(kind="flow", name="f", nodes=nodes))]
    ['a', 'b']
    """
    from graphlib import CycleError, TopologicalSorter

    sorter = TopologicalSorter({node.name: node.needs for node in flow.nodes})
    try:
        names = list(sorter.static_order())
    except CycleError as error:
        raise ValueError(" -> ".join(reversed(error.args[1]))) from None
    places = {name: place for place, name in enumerate(names)}
    return sorted(flow.nodes, key=lambda node: places[node.name])
