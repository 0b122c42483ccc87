"""Whether the nodes of a flow fit together: what they name is there, and nothing waits for itself."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.domains.dispatch.flow import expression
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.steps import in_order
from pancode.domains.dispatch.flow.template import names_in


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong: at which key of which node ("": the whole flow), and what to do."""

    node: str
    key: str
    problem: str
    remedy: str


def misfits(flow: Flow) -> list[Misfit]:
    """Give everything that keeps the nodes from working together, in the order of the nodes."""
    names = [node.name for node in flow.nodes]
    found = [misfit for node in flow.nodes for misfit in _of_node(node, names)]
    if found:
        return found
    try:
        in_order(flow)
    except ValueError as error:
        first = str(error).split(" -> ")[0]
        remedy = "take one of these needs out"
        return [Misfit(first, "needs", f"nodes need each other in a circle: {error}", remedy)]
    return []


def checked(flow: Flow) -> Flow:
    """Give a flow that didn't come from a file of its own; PanError USAGE if its nodes don't fit together."""
    found = misfits(flow)
    if found:
        raise PanError(f"{flow.kind}: {found[0].problem}", remedy=found[0].remedy, code=ExitCode.USAGE)
    return flow


def _of_node(node: Node, names: list[str]) -> list[Misfit]:
    found = [
        Misfit(
            node.name, "needs", f'node "{node.name}" needs "{need}", which is not there', _near(need, names)
        )
        for need in node.needs
        if need not in names
    ]
    for key, named in _named(node).items():
        for other in sorted(named - set(node.needs)):
            known = other in names
            problem = f'node "{node.name}" looks at "{other}", which it doesn\'t need'
            remedy = (
                f"add it to its needs: [{', '.join([*node.needs, other])}]" if known else _near(other, names)
            )
            found.append(Misfit(node.name, key, problem, remedy))
    for key, text in (("task", node.task), ("verify", node.verify or "")):
        found += [_no_part(node, key, *each) for each in sorted(names_in(text)) if _is_odd(*each, names)]
        if "item" in node.needs and any(name == "item" for name, _ in names_in(text)):
            problem = f'"${{item.…}}" in node "{node.name}" may be the item of a foreach, or the node "item"'
            found.append(Misfit(node.name, key, problem, 'rename the node "item"'))
        elif node.foreach is None and {"ITEM", "INDEX", "item"} & {name for name, _ in names_in(text)}:
            problem = f'node "{node.name}" names $ITEM but has no foreach'
            found.append(Misfit(node.name, key, problem, "add `foreach:` with the items"))
    return found


def _is_odd(name: str, part: str, names: list[str]) -> bool:
    """Whether `${name.part}` means a node, and what no node has; other words in braces are the task's."""
    return name in names and name != "item" and part not in ("", "result")


def _no_part(node: Node, key: str, name: str, part: str) -> Misfit:
    problem = f'"${{{name}.{part}}}" in node "{node.name}": a text takes only the result of a node'
    return Misfit(node.name, key, problem, f'rename it to "${{{name}.result}}"')


def _named(node: Node) -> dict[str, set[str]]:
    """Give the nodes that each key of a node names, but for `needs`."""
    found: dict[str, set[str]] = {}
    for key, text in (("task", node.task), ("verify", node.verify or "")):
        found[key] = {name for name, part in names_in(text) if part == "result" and name != "item"}
    if node.when is not None:
        found["when"] = set(expression.read(node.when, expression.FIELDS).nodes)
    if node.foreach is not None and node.foreach.node is not None:
        found["foreach"] = {node.foreach.node}
    return found


def _near(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f'rename it to "{near[0]}"' if near else f"nodes here: {', '.join(words[:12])}"
