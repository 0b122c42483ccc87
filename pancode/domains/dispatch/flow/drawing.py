"""A flow as a drawing of lines and letters, before anything of it has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the drawing: the rails and the name of a node, and what is said beside it."""

    drawn: str
    node: Mapping[str, Any]


def drawing(nodes: Sequence[Mapping[str, Any]]) -> list[Line]:
    r"""Draw the graph as a tree: each node hangs on the last one that it needs, the others are named.

    `nodes` come in an order in which each stands after what it needs: `node` and `needs`.

    >>> made = drawing([{"node": "plan", "needs": []}, {"node": "build", "needs": ["plan"]},
    ...     {"node": "docs", "needs": ["plan"]}, {"node": "merge", "needs": ["docs", "build"]}])
    >>> print("\n".join(line.drawn for line in made))
    plan
    ├─ build
    └─ docs
       └─ merge  (and after build)
    """
    places = {str(node["node"]): place for place, node in enumerate(nodes)}
    below: dict[str | None, list[Mapping[str, Any]]] = {}
    for node in nodes:
        needs = sorted(node["needs"], key=lambda need: places.get(need, 0))
        below.setdefault(needs[-1] if needs else None, []).append(node)
    lines: list[Line] = []
    for node in below.get(None, []):
        _draw(node, "", "", below, lines)
    return lines


def _draw(
    node: Mapping[str, Any], head: str, rails: str, below: Mapping[str | None, list[Mapping[str, Any]]],
    lines: list[Line],
) -> None:  # fmt: skip
    others = [need for need in node["needs"] if not any(node is each for each in below.get(need, []))]
    also = f"  (and after {', '.join(others)})" if others else ""
    lines.append(Line(f"{head}{node['node']}{also}", node))
    children = below.get(str(node["node"]), [])
    for place, child in enumerate(children):
        last = place == len(children) - 1
        _draw(child, f"{rails}{'└─ ' if last else '├─ '}", f"{rails}{'   ' if last else '│  '}", below, lines)
