"""Plays a flow without a controller: every run that is posted ends as the player says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.outputs import items_of
from pancode.domains.dispatch.flow.state import (
    Closed,
    Ended,
    Event,
    Halting,
    Opened,
    Outcome,
    Passed,
    Posted,
    State,
    reduce,
)
from pancode.domains.dispatch.flow.steps import Close, Halt, Post, ReadItems, next_steps
from pancode.domains.dispatch.flow.template import Output

Say = Callable[[Post], str | tuple[str, str]]
"""Says how a run ends: its status, or its status and its output."""


@dataclass
class Player:
    """Performs steps; runs stay under way until `end` is called."""

    flow: Flow
    say: Say = lambda _: "done"
    state: State = field(init=False)
    events: list[Event] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    under_way: dict[str, Post] = field(default_factory=dict)
    halted: list[str] = field(default_factory=list)
    reason: str | None = None

    def __post_init__(self) -> None:
        self.state = State(flow=self.flow)

    def apply(self, event: Event) -> None:
        self.events.append(event)
        self.state = reduce(self.state, event)

    def advance(self) -> None:
        """Perform everything that can be done without the end of a run."""
        while steps := next_steps(self.state):
            assert next_steps(self.state) == steps
            for step in steps:
                match step:
                    case Opened() | Passed():
                        self.apply(step)
                    case ReadItems(node=node, source=source):
                        text = "\n".join(
                            unit.outcome.output.text for unit in self.state.units[source] if unit.outcome
                        )
                        foreach = self.flow.node(node).foreach
                        assert foreach is not None
                        self.apply(Opened(node, items_of(text, foreach.reading)))
                    case Post():
                        run = f"{step.unit}/{step.attempt}/{step.role}"
                        assert run not in self.under_way
                        self.posts.append(step)
                        self.under_way[run] = step
                        self.apply(Posted(step.unit, step.role, step.attempt, run))
                    case Halt():
                        self.halted.append(step.run)
                        self.apply(Halting(step.unit))
                    case Close():
                        self.apply(Closed(step.status, 1.0))

    def end(self, run: str, status: str | None = None) -> None:
        """End one run; a halted one is cancelled."""
        step = self.under_way.pop(run)
        said = ("cancelled" if run in self.halted else self.say(step)) if status is None else status
        status, text = said if isinstance(said, tuple) else (said, f"{step.unit} said")
        outcome = Outcome(
            status=status, reason=self.reason or status, run=run, output=Output(text=text, length=len(text))
        )
        self.apply(Ended(step.unit, step.role, outcome))

    def play(self) -> str:
        """Play to the end, runs ending in the order in which they began; give the flow's status."""
        self.advance()
        while self.under_way:
            self.end(next(iter(self.under_way)))
            self.advance()
        assert self.state.closed is not None
        return self.state.closed.status
