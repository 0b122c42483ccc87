"""What a flow would find done already: it is played in thought, as far as earlier results reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pancode.core.errors import PanError
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.ends import Ends
from pancode.domains.dispatch.flow.grounding import Grounding, about_of
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.merging import Merging
from pancode.domains.dispatch.flow.past import Past
from pancode.domains.dispatch.flow.posting import Posting
from pancode.domains.dispatch.flow.reuse import Earlier, Ground, Reuse, earlier_of
from pancode.domains.dispatch.flow.state import Ended, Event, Opened, Outcome, Passed, State, reduce
from pancode.domains.dispatch.flow.steps import Post, ReadItems, Step, next_steps
from pancode.domains.dispatch.flow.template import Output, cut
from pancode.domains.dispatch.flow.trees import Trees
from pancode.domains.dispatch.outside import Outside

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart

NAMELESS = "f-ahead"
"""Stands for the id that the flow would get."""


class Imagined(FlowFolders):
    """Folders in which nothing is written: what they keep is kept in memory."""

    def __init__(self, top: str) -> None:
        """Read earlier flows below `top`."""
        super().__init__(top)
        self._kept: dict[tuple[str, str], str] = {}

    def keep(self, flow_id: str, unit: str, text: str) -> Output:
        """Keep what a unit would say."""
        self._kept[flow_id, unit] = text
        return cut(text, self.path(flow_id, "out", f"{unit}.txt"))

    def kept(self, flow_id: str, unit: str) -> str:
        """Give what a unit has said, or would say."""
        found = self._kept.get((flow_id, unit))
        return super().kept(flow_id, unit) if found is None else found


@dataclass(slots=True)
class Thought:
    """A flow that is only thought of."""

    state: State
    ground: Ground | None
    earlier: Earlier | None
    env: Mapping[str, str]
    id: str = NAMELESS

    def apply(self, event: Event) -> None:
        """Let an event count."""
        self.state = reduce(self.state, event)


class Ahead:
    """Plays flows in thought; starts and writes nothing."""

    def __init__(self, dispatcher: Dispatcher, agents: Agents, outside: Outside) -> None:
        """Look at what the session has kept."""
        self._dispatcher = dispatcher
        self._agents = agents
        self._outside = outside
        self._merging = Merging(dispatcher)

    async def play(self, flow: Flow, request: FlowStart) -> State:
        """Give how far a flow would come without a run; whatever waits then would be run."""
        folders = Imagined.of(self._outside.places.state)
        posting = Posting(folders, self._agents, self._dispatcher)
        reuse = Reuse(folders, self._agents, Ends(self._dispatcher, folders, self._outside.world))
        grounding = Grounding(folders, reuse, Trees(self._dispatcher.isolation))
        # How many run at once doesn't change what is run.
        flow = replace(posting.as_agents_wish(flow), concurrency=None)
        ground = await grounding.begin(flow, request, about_of(flow, request))
        earlier = None if request.fresh else earlier_of(folders, request.resumes)
        thought = Thought(State(flow=flow), ground, earlier, request.env)
        past = Past(folders, posting, reuse)
        open_: set[str] = set()
        while steps := [step for step in next_steps(thought.state) if _goes_on(step, open_)]:
            for step in steps:
                await self._perform(thought, past, step, open_)
        return thought.state

    async def _perform(self, thought: Thought, past: Past, step: Step, open_: set[str]) -> None:
        match step:
            case Opened() | Passed():
                thought.apply(step)
            case ReadItems():
                thought.apply(past.items(thought, step))
            case Post():
                found = self._found(thought, past, step)
                if found is None:
                    open_.add(step.unit)
                else:
                    thought.apply(Ended(step.unit, "work", found))
            case _:
                pass  # What stops a run, or ends the flow, comes later.

    def _found(self, thought: Thought, past: Past, step: Post) -> Outcome | None:
        node = thought.state.flow.node(thought.state.unit(step.unit).node)
        if node.merge:
            return self._merging.done_before(thought.state, node)
        try:
            return past.reused(thought, step)
        except PanError:  # Its agent is not there, which the gates will say.
            return None


def _goes_on(step: Step, open_: set[str]) -> bool:
    """Whether the flow comes further by a step without a run."""
    return step.unit not in open_ if isinstance(step, Post) else isinstance(step, Opened | Passed | ReadItems)
