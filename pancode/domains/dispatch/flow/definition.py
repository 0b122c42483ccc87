"""What a flow is made of: plain, frozen, and the same for batch, chain, flow and race."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Kind = Literal["batch", "chain", "flow", "race"]
Reading = Literal["lines", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreach:
    """What a node is repeated for: the items given, or the output of `node` read as lines or as JSON."""

    items: tuple[str, ...] = ()
    node: str | None = None
    reading: Reading = "lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the graph; None means "not set". `terms` go to `run` as they are: time-outs and such.

    `retry` counts further attempts after a failed one; `tries_hiccups_again` adds one after a failure of the
    model's service, as its agent wishes. `gives_input` False keeps the outputs of `needs`
    out of the task unless the task names them. `files` are the patterns of the files that its result
    depends on; None means the whole tree. With `merge` there is no task: the changes of those nodes are
    merged.
    """

    name: str
    task: str = ""
    agent: str | None = None
    model: str | None = None
    needs: tuple[str, ...] = ()
    when: str | None = None
    foreach: Foreach | None = None
    retry: int = 0
    tries_hiccups_again: bool = False
    verify: str | None = None
    isolate: bool | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    gives_input: bool = True
    files: tuple[str, ...] | None = None
    merge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A whole graph. `first`: the first node that ends done wins, and the others are stopped.

    `caches`: results of earlier flows are taken where nothing that they depend on has changed.
    """

    kind: Kind
    name: str
    about: str = ""
    original: str = ""
    nodes: tuple[Node, ...]
    concurrency: int | None = None
    first: bool = False
    caches: bool = False

    def node(self, name: str) -> Node:
        """Give the node of that name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


def to_json(flow: Flow) -> dict[str, Any]:
    """Give the flow as flow.json keeps it."""
    return asdict(flow)


def from_json(told: Mapping[str, Any]) -> Flow:
    """Read a flow back; keys of a newer PanCode are passed over. KeyError or TypeError if it is none.

    >>> flow = Flow(kind="batch", name="b", nodes=(Node(name="a", foreach=Foreach(items=("x",))),))
    >>> from_json(to_json(flow)) == flow
    True
    """
    nodes = tuple(_node(each) for each in told["nodes"])
    return Flow(**{**_known(Flow, told), "nodes": nodes})


def _node(told: Mapping[str, Any]) -> Node:
    known = _known(Node, told)
    for key in ("needs", "files", "merge"):
        if known.get(key) is not None:
            known[key] = tuple(known[key])
    if known.get("foreach") is not None:
        foreach = _known(Foreach, known["foreach"])
        known["foreach"] = Foreach(**{**foreach, "items": tuple(foreach.get("items", ()))})
    return Node(**known)


def _known(kind: type[Any], told: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: told[each.name] for each in fields(kind) if each.name in told}
