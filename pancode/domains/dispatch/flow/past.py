"""What a flow finds in its past: the items of a `foreach` in an output, and results of earlier flows."""

from __future__ import annotations

from typing import Protocol

from pancode.core.errors import PanError
from pancode.domains.dispatch.flow import outputs
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.posting import Posting
from pancode.domains.dispatch.flow.reuse import Earlier, Ground, Reuse
from pancode.domains.dispatch.flow.state import Opened, Outcome, Passed, State, Unit
from pancode.domains.dispatch.flow.steps import Post, ReadItems


class Played(Protocol):
    """A flow that has come as far as `state`, really or in thought."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def state(self) -> State:
        """How far it is."""

    @property
    def ground(self) -> Ground | None:
        """What the files were when it began; None where results are not kept."""

    @property
    def earlier(self) -> Earlier | None:
        """The flow that it goes on with."""


class Past:
    """Looks back for a flow; starts nothing."""

    def __init__(self, folders: FlowFolders, posting: Posting, reuse: Reuse) -> None:
        """Look through `reuse`, and at outputs in `folders`."""
        self._folders = folders
        self._posting = posting
        self._reuse = reuse

    def items(self, flow: Played, step: ReadItems) -> Opened | Passed:
        """Open a node with the items that another one has put out, or say why there are none."""
        foreach = flow.state.flow.node(step.node).foreach
        text = "\n".join(
            self._folders.kept(flow.id, unit.name) for unit in flow.state.units.get(step.source, ())
        )
        try:
            return Opened(step.node, outputs.items_of(text, foreach.reading if foreach else "lines"))
        except PanError as error:
            return Passed(step.node, "failed", f'foreach of "{step.source}": {error.problem}')

    def reused(self, flow: Played, step: Post) -> Outcome | None:
        """Give an earlier result for a unit's first attempt, if there is one that still stands."""
        if step.role == "check" or step.attempt > 1:
            return None
        unit = flow.state.unit(step.unit)
        if flow.ground is not None and not flow.ground.fresh:
            return self._reuse.find(flow.id, step.unit, self.key(flow, unit))
        if flow.ground is None and flow.earlier is not None:
            return self._reuse.done_before(flow.id, flow.earlier, flow.state, unit)
        return None

    def key(self, flow: Played, unit: Unit) -> str:
        """Give the hash of all that a unit's result depends on; PanError if its agent is not there."""
        node = flow.state.flow.node(unit.node)
        values = self._posting.values(flow.id, flow.state, node, unit)
        return self._reuse.key(flow.state, node, values, flow.ground or Ground(tree="", parts={}))
