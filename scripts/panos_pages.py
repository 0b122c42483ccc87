"""The tables of docs/panos.md, made from the data that the code itself uses."""

from __future__ import annotations

from pancode.core.actions import DECISIONS, Decision
from pancode.core.grants import Level, Mode
from pancode.core.tooltable import ASKS_INSTEAD, TOOLS, shown
from pancode.domains.panos.scouting import DEPTHS, RETURNS
from pancode.domains.panos.wording import CALLS
from scripts.pages import table


def tools() -> str:
    """Give the mode table, and from which level on each tool's calls pass."""
    rows = [
        (f"`{tool.name}`", *("yes" if mode in tool.modes else "" for mode in Mode), _level(tool.name))
        for tool in TOOLS
    ]
    total = ("tools in all", *(str(len(shown(mode))) for mode in Mode), "")
    return table(("tool", *Mode, "its calls pass"), [*rows, total])


def _level(name: str) -> str:
    kind = next(tool.kind for tool in TOOLS if tool.name == name)
    if name in ASKS_INSTEAD:
        return "from auto-edit on; at suggest a person is asked"
    first = next(level for level in Level if DECISIONS[kind][level] is Decision.ALLOW)
    return "at every level" if first is Level.SUGGEST else f"from {first.value} on"


def calls() -> str:
    """Give what the tools of the session take."""
    rows = []
    for name, kind in CALLS.items():
        words = " ".join((kind.__doc__ or "").split())
        fields = ", ".join(f"`{field}`" for field in kind.model_fields)
        rows.append((f"`{name}`", fields or "-", words))
    return table(("tool", "takes", "does"), rows)


def scouts() -> str:
    """Give depths and reports of scouts."""
    depths = ", ".join(f"{name} {number}" for name, number in DEPTHS.items())
    reports = ", ".join(f"{name} {number}" for name, number in RETURNS.items())
    return f"Tool calls by depth: {depths}. Tokens of a report: {reports}."
