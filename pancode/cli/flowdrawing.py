"""`pancode flow FILE --dry-run`: the graph, and beside each node its cost and the gates' word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from pancode.cli.say_how import money


def draw(found: Mapping[str, Any]) -> None:
    """Print the drawing of a flow that hasn't begun."""
    from pancode.domains.dispatch.flow.drawing import drawing

    nodes = found["nodes"]
    click.echo(f"{found['kind']} {found['name']}: {len(nodes)} nodes, {price(found['cost'])}\n")
    lines = drawing(nodes)
    width = max((len(line.drawn) for line in lines), default=0)
    agents = max((len(_who(line.node)) for line in lines), default=0)
    for line in lines:
        told = [_who(line.node).ljust(agents), *_terms(line.node)]
        click.echo(f"  {line.drawn.ljust(width)}  {'  '.join(told)}".rstrip())
        if line.node["routing"]:
            click.echo(f"  {' ' * width}  → {_first(line.node['routing']['why'])}")
        for gate in line.node["gates"]:
            if gate["verdict"] != "passes":
                mark = "✗" if gate["verdict"] == "refuses" else "!"
                click.echo(f"  {' ' * width}  {mark} {gate['gate']}: {_first(gate['problem'])}")
    refused = sum(not node["admitted"] for node in nodes)
    gates = (
        f"the gates refuse {refused} of {len(nodes)} nodes" if refused else "the gates let every node pass"
    )
    click.echo(f"\n{gates}; nothing was started")


def price(cost: Mapping[str, Any]) -> str:
    """Say what a flow, or a node, may cost.

    >>> price({"low": 0.1, "high": 2, "unknown": 1}), price({"low": None, "high": None, "unknown": 2})
    ('$0.10 – $2.00 and 1 unknown', 'cost unknown')
    """
    if cost["low"] is None:
        return "cost unknown"
    words = money({"usd": cost["low"]})
    if cost["high"] != cost["low"]:
        words = f"{words} – {money({'usd': cost['high']})}"
    return words + (f" and {cost['unknown']} unknown" if cost.get("unknown") else "")


def _who(node: Mapping[str, Any]) -> str:
    if node["merge"]:
        return f"merges {', '.join(node['merge'])}"
    return str(node["agent"] or "default")


def _terms(node: Mapping[str, Any]) -> list[str]:
    told = []
    if node["foreach"]:
        told.append(f"for each of {node['foreach']}")
    elif node["times"] not in (0, 1):
        told.append(f"x {node['times']}")
    told += ["isolated"] if node["isolate"] else []
    told += [f"when {node['when']}"] if node["when"] else []
    told += [f"verify: {_first(node['verify'])}"] if node["verify"] else []
    told += [f"retry {node['retry']}"] if node["retry"] else []
    if node["passed"] is not None:
        return [*told, f"{node['passed']['status']}: {_first(node['passed']['why'])}"]
    if node["kept"]:
        units = f"{node['kept']} of {node['kept'] + node['times']} " if node["times"] else ""
        source = "merged already" if node["merge"] else f"{units}kept from {node['kept_from']}"
        told.append(source)
    if not node["merge"] and node["times"] != 0:
        cost = node["cost"]
        runs = f" ({cost['runs']} runs)" if cost and cost["runs"] else ""
        told.append("cost unknown" if cost is None else f"{price(cost)}{runs}")
    return told


def _first(text: object) -> str:
    return (str(text).strip().splitlines() or [""])[0][:100]
