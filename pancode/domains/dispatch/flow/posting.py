"""Starts the runs of a flow: work, and checks of work."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.agents.api import COMMAND, SHELL, Agents
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.state import State, Unit
from pancode.domains.dispatch.flow.steps import Post
from pancode.domains.dispatch.flow.template import Output, Values, cut, for_agent, for_shell


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every run of a flow. `options` are arguments of `run`, such as endpoint and safety."""

    cwd: str
    options: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


class Posting:
    """Puts requests together, and posts them."""

    def __init__(self, folders: FlowFolders, agents: Agents, dispatcher: Dispatcher) -> None:
        """Read outputs from `folders`; ask `agents` what an agent is."""
        self._folders = folders
        self._agents = agents
        self._dispatcher = dispatcher

    def as_agents_wish(self, flow: Flow) -> Flow:
        """Give the flow with what its agents want for all of their runs."""
        return replace(flow, nodes=tuple(self._as_agent_wishes(node) for node in flow.nodes))

    def _as_agent_wishes(self, node: Node) -> Node:
        if node.merge:
            return node
        with contextlib.suppress(PanError):
            return replace(node, tries_hiccups_again=self._agents.get(node.agent).retry_on_failure)
        return node

    def values(self, flow_id: str, state: State, node: Node, unit: Unit) -> Values:
        """Give what may be put into the texts of a unit."""
        inputs = {
            need: self._output(flow_id, need, state.units[need]) for need in node.needs if need in state.units
        }
        return Values(original=state.flow.original, inputs=inputs, item=unit.item, index=unit.index)

    def _output(self, flow_id: str, node: str, units: tuple[Unit, ...]) -> Output:
        said = [unit.outcome.output for unit in units if unit.outcome]
        if len(units) == 1 and said:
            return said[0]
        whole = "\n".join(self._folders.kept(flow_id, unit.name) for unit in units)
        short = cut(whole, None)
        return short if short.length == len(short.text) else self._folders.keep(flow_id, f"{node}.all", whole)

    def dry(self, node: Node, original: str, terms: Terms) -> list[Any]:
        """Give the requests that a node would make, with its texts as far as they are known by now."""
        from pancode.domains.dispatch.requests import RunRequest, parse

        unit, values = Unit(node=node.name), Values(original=original)
        own = [self._work(node, unit, values)]
        own += [{**self._check(node, unit, values)}] if node.verify else []
        common = {**terms.options, "cwd": terms.cwd, "env": dict(terms.env), "node": node.name}
        return [parse(RunRequest, {**common, **each}) for each in own]

    def post(self, flow_id: str, step: Post, state: State, terms: Terms) -> str:
        """Start the run of a step, and give its id; a second time the same step gives the same run.

        PanError says why it can't be started.
        """
        from pancode.domains.dispatch.requests import RunRequest, parse

        unit = state.unit(step.unit)
        node = state.flow.node(unit.node)
        values = self.values(flow_id, state, node, unit)
        own = self._check(node, unit, values) if step.role == "check" else self._work(node, unit, values)
        asked = {
            **terms.options,
            "cwd": terms.cwd,
            "env": dict(terms.env),
            "group": flow_id,
            "node": node.name,
            "written": node.task,
            "key": f"{flow_id}/{step.unit}/{step.attempt}" + ("/check" if step.role == "check" else ""),
        }
        return self._dispatcher.run(parse(RunRequest, {**asked, **own}), is_retry=True)

    def work(self, node: Node, unit: Unit, values: Values) -> str:
        """Give the task of a unit; what the check said about an earlier attempt is told."""
        if self._agents.get(node.agent).runtime == SHELL:
            return for_shell(node.task, values)
        text = for_agent(node.task, values, gives_input=node.gives_input)
        if not unit.hint:
            return text
        hint = cut(unit.hint, None)
        told = for_agent("", Values(inputs={f"check of attempt {unit.attempt}": hint}))
        return f"{text}\n\nAn earlier attempt was made, and its check failed: {node.verify}\n{told}"

    def _work(self, node: Node, unit: Unit, values: Values) -> dict[str, Any]:
        # The endpoint is for those that call a model; a command would be refused with one.
        program = {"endpoint": None} if self._agents.get(node.agent).runtime in (SHELL, COMMAND) else {}
        return {
            **node.terms,
            **program,
            "task": self.work(node, unit, values),
            "written": for_agent(node.task, Values(original=values.original), gives_input=False),
            "agent": node.agent,
            "model": node.model,
            "isolate": node.isolate,
        }

    def _check(self, node: Node, unit: Unit, values: Values) -> dict[str, Any]:
        """A check is a command, run where the work was done, within the same times."""
        task = for_shell(node.verify or "", values)
        return {
            **{name: node.terms[name] for name in ("timeout", "idle") if name in node.terms},
            "task": task,
            "written": node.verify,
            "agent": SHELL,
            "beside": unit.run,
            "endpoint": None,
        }
