"""A flow's merge nodes: the changes of other nodes' runs go into the operator's tree, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

from pancode.core.errors import PanError
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow.definition import Node
from pancode.domains.dispatch.flow.state import Outcome, State
from pancode.domains.dispatch.flow.template import Output
from pancode.domains.isolation.api import UNMERGED, Changes, Fate, read

SETTLED = frozenset({Fate.NONE, Fate.MERGED})


class Merging:
    """Merges runs; what was merged already stays as it is, so that a merge may be asked for again."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Merge through the isolation that `dispatcher` works with."""
        self._isolation = dispatcher.isolation
        self._folders = dispatcher.folders

    def done_before(self, state: State, node: Node) -> Outcome | None:
        """Give what `merge` would say if it had nothing left to do; None if it had. Nothing is changed."""
        lines: list[str] = []
        for run in runs_to_merge(state, node):
            left = read(self._folders.path(run))
            if left is None or left.fate not in SETTLED:
                return None
            lines.append(f"{run}: {left.words}")
        return _done(state, node, lines)

    async def merge(self, state: State, node: Node, env: Mapping[str, str], *, yes: bool) -> Outcome:
        """Merge what the units of `node.merge` have left; stop at the first that can't be merged as it is."""
        lines: list[str] = []
        for run in runs_to_merge(state, node):
            try:
                left = await self._isolation.collected(run)
                if left is None:
                    lines.append(f"{run}: nothing to merge, it worked in place")
                    continue
                if (why := _held(left, yes=yes)) is not None:
                    return _failed("review", why, lines)
                merged = await self._isolation.merge(run, env)
            except PanError as error:
                return _failed("not-merged", str(error), lines)
            if merged.conflicts:
                paths = ", ".join(merged.conflicts[:8])
                why = f"run {run} conflicts in {paths}; pancode diff {run} shows its changes, which are kept"
                return _failed("conflict", why, lines)
            lines.append(f"{run}: {merged.words}")
        return _done(state, node, lines)


def runs_to_merge(state: State, node: Node) -> list[str]:
    """Give the runs of the units that a merge node takes, in their order."""
    units = (unit for name in node.merge for unit in state.units.get(name, ()))
    done = (unit.outcome for unit in units if unit.outcome and unit.outcome.is_done)
    return [outcome.run for outcome in done if outcome.run is not None]


def _held(left: Changes, *, yes: bool) -> str | None:
    """Say why a person should look first: a change to what others execute later."""
    if yes or not left.review or left.fate not in UNMERGED:
        return None
    paths = ", ".join(left.review[:8])
    return f"run {left.run} changes what others execute later: {paths}; pancode merge {left.run}, or --yes"


def _done(state: State, node: Node, lines: list[str]) -> Outcome:
    text = "\n".join(lines)
    # What comes after depends on which runs were merged, and each run's changes never change.
    key = "merge " + " ".join(runs_to_merge(state, node))
    return Outcome(status="done", reason="completed", output=Output(text=text, length=len(text)), key=key)


def _failed(reason: str, why: str, lines: list[str]) -> Outcome:
    text = "\n".join(lines)
    return Outcome(status="failed", reason=reason, said=why, output=Output(text=text, length=len(text)))
