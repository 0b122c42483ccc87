"""Which results of earlier flows stand for a unit of this one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.flow.cache import Cache, Depends, key_of, without_files
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.ends import Ends
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.state import Outcome, State, Unit
from pancode.domains.dispatch.flow.template import Values
from pancode.domains.dispatch.flow.trees import Tree
from pancode.engine import files

LOOKED_AT = 200
"""Flows, the newest, among which the one before of the same file is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the files were when a flow began, as hashes: of the whole tree, and of each node's own files.

    `fresh`: nothing is reused, though what comes out is kept for the next one.
    """

    tree: str
    parts: Mapping[str, str]
    fresh: bool = False


def ground_of(flow: Flow, tree: Tree, source: str | None, inherited: str | None, *, fresh: bool) -> Ground:
    """Give a flow's ground; `inherited` is that of an earlier one, where no file has changed since."""
    parts = {node.name: tree.digest(node.files, source) for node in flow.nodes if node.files is not None}
    return Ground(tree=inherited or tree.digest(but=source), parts=parts, fresh=fresh)


def ground_from(told: object) -> Ground | None:
    """Read a ground back from flow.json; None if it has none."""
    if not isinstance(told, Mapping) or not isinstance(told.get("tree"), str):
        return None
    return Ground(tree=told["tree"], parts=dict(told.get("parts") or {}), fresh=bool(told.get("fresh")))


@dataclass(frozen=True, slots=True)
class Earlier:
    """A flow that another one goes on with, as it ended."""

    flow_id: str
    state: State


def earlier_of(folders: FlowFolders, resumes: str | None) -> Earlier | None:
    """Give the flow that another one goes on with; None if it goes on with none, or that can't be read."""
    loaded = None if resumes is None else folders.load(resumes)
    return None if resumes is None or loaded is None else Earlier(resumes, loaded[0])


class Reuse:
    """The cache as the engine uses it."""

    def __init__(self, folders: FlowFolders, agents: Agents, ends: Ends) -> None:
        """Keep results beside the flows' folders."""
        self._folders = folders
        self._agents = agents
        self._ends = ends
        self._cache = Cache(os.path.join(os.path.dirname(folders.top), "flow-cache"))

    def key(self, state: State, node: Node, values: Values, ground: Ground) -> str:
        """Give the content hash of a unit; PanError if its agent is not there."""
        agent = asdict(self._agents.get(node.agent))
        definition = {name: told for name, told in agent.items() if name not in ("source", "file", "line")}
        before = [
            (unit.outcome.key or str(unit.outcome.run))
            for need in node.needs
            for unit in state.units.get(need, ())
            if unit.outcome
        ]
        tree = ground.tree if node.files is None else ground.parts.get(node.name, "")
        depends = Depends(
            node=node, agent=definition, values=without_files(values), before=tuple(before), tree=tree
        )
        return key_of(depends)

    def find(self, flow_id: str, unit: str, key: str) -> Outcome | None:
        """Give an earlier result that still stands, with its words kept in this flow's folder too."""
        found = self._cache.find(key)
        if found is None:
            return None
        outcome, text = found
        if not self._ends.is_usable(outcome.run):
            return None
        return replace(outcome, usd=None, output=self._folders.keep(flow_id, unit, text))

    def done_before(self, flow_id: str, earlier: Earlier, state: State, unit: Unit) -> Outcome | None:
        """Give what the flow that is gone on with has done of a unit, if it and its past are the same."""
        node = state.flow.node(unit.node)
        needed = [each.outcome for need in node.needs for each in state.units.get(need, ())]
        if any(outcome is None or outcome.reused is None for outcome in needed):
            return None
        try:
            was, old = earlier.state.flow.node(node.name), earlier.state.unit(unit.name)
        except KeyError:
            return None
        end = old.outcome
        if was != node or old.item != unit.item or old.phase != "ended" or end is None or not end.is_done:
            return None
        if not self._ends.is_usable(end.run):
            return None
        output = self._folders.keep(flow_id, unit.name, self._folders.kept(earlier.flow_id, unit.name))
        return replace(end, usd=None, reused=end.reused or earlier.flow_id, output=output)

    def keep(self, flow_id: str, unit: str, outcome: Outcome) -> None:
        """Keep the result of a unit that ended done."""
        if outcome.key is not None and outcome.is_done and outcome.reused is None:
            self._cache.keep(outcome.key, flow_id, outcome, self._folders.kept(flow_id, unit))

    def inherited(self, about: Mapping[str, Any], now: str) -> str | None:
        """Give the ground of the newest flow of the same file, if no file has changed since it ended."""
        others = (self._folders.about(name) or {} for name in self._folders.newest(LOOKED_AT))
        keys = ("source", "cwd", "name")
        newest = next((other for other in others if all(other.get(key) == about[key] for key in keys)), None)
        if newest is None:
            return None
        after = files.read_json(self._folders.path(str(newest["id"]), "after.json")) or {}
        ground = ground_from(newest.get("ground"))
        return ground.tree if ground is not None and after.get("tree") == now else None
