"""The run that a step asks for: its text with the outputs of others in it, and its terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.domains.agents.api import SHELL, Agents
from pancode.domains.dispatch.flow.definition import Node
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


class Asks:
    """Puts requests together."""

    def __init__(self, folders: FlowFolders, agents: Agents) -> None:
        """Read outputs from `folders`; ask `agents` what an agent is."""
        self._folders = folders
        self._agents = agents

    def values(self, flow_id: str, state: State, node: Node, unit: Unit) -> Values:
        """Give what may be put into the texts of a unit."""
        inputs = {
            need: self._output(flow_id, need, state.units[need]) for need in node.needs if need in state.units
        }
        original = state.flow.original
        return Values(original=original, inputs=inputs, item=unit.item, index=unit.index)

    def _output(self, flow_id: str, node: str, units: tuple[Unit, ...]) -> Output:
        said = [unit.outcome.output for unit in units if unit.outcome]
        if len(units) == 1 and said:
            return said[0]
        whole = "\n".join(self._folders.kept(flow_id, unit.name) for unit in units)
        short = cut(whole, None)
        return short if short.length == len(short.text) else self._folders.keep(flow_id, f"{node}.all", whole)

    def work(self, unit: Unit, node: Node, values: Values) -> str:
        """Give the task of a unit; what the check said about an earlier attempt is told."""
        if self.is_shell(node.agent):
            return for_shell(node.task, values)
        text = for_agent(node.task, values, gives_input=node.gives_input)
        if not unit.hint:
            return text
        hint = Output(text=unit.hint, length=len(unit.hint))
        told = for_agent("", Values(inputs={f"check of attempt {unit.attempt}": hint}))
        return f"{text}\n\nAn earlier attempt was made, and its check failed: {node.verify}\n{told}"

    def is_shell(self, agent: str | None) -> bool:
        """Whether an agent runs its task as a shell command; PanError if there is no such agent."""
        return self._agents.get(agent).runtime == SHELL

    @staticmethod
    def key(flow_id: str, step: Post) -> str:
        """Give the request's key: the same step asked for twice starts one run."""
        return f"{flow_id}/{step.unit}/{step.attempt}" + ("/check" if step.role == "check" else "")

    def request(self, flow_id: str, step: Post, node: Node, text: str, terms: Terms) -> dict[str, Any]:
        """Give the arguments of `run` for one step, without what differs between work and check."""
        return {
            **terms.options,
            "task": text,
            "cwd": terms.cwd,
            "env": dict(terms.env),
            "group": flow_id,
            "node": node.name,
            "key": self.key(flow_id, step),
        }
