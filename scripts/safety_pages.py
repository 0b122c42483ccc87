"""The tables of docs/safety.md, made from the data that the code itself uses."""

from __future__ import annotations

from collections.abc import Iterable

from pancode.core.actions import DECISIONS, ActionClass
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.enclosure.governance import EXISTING, GOVERNANCE
from pancode.domains.safety.enclosure.network import lists
from pancode.domains.safety.guarantees import CANNOT, FULL, SITUATIONS, WEAKNESSES
from scripts.pages import table


def decisions() -> str:
    """Give the table of classes and levels."""
    rows = [
        (f"`{kind.value}`", kind.meaning, *(DECISIONS[kind][level].value for level in Level))
        for kind in ActionClass
    ]
    return table(("class", "an action that", *Level), rows)


def profiles() -> str:
    """Give what the sandbox lets a worker write and reach, by mode and level."""
    return table(
        ("mode", *Level), [(mode, *(_profile(Grant(mode, level)) for level in Level)) for mode in Mode]
    )


def _profile(grant: Grant) -> str:
    if not grant.mode.dispatches or grant.level is Level.SUGGEST:
        dispatch = "no workers; "
    else:
        dispatch = "" if grant.mode.mutates else "read-only agents; "
    writes = "work directory writable" if grant.may_write else "work directory read-only"
    hosts = "model"
    if lists(grant):
        hosts += ", registries, your hosts" if grant.may_write else ", your hosts"
    return f"{dispatch}{writes}; net: {hosts}"


def promises() -> str:
    """Give what a worker is kept to at the grade `full`."""
    return "\n".join(f"- it {sentence};" for sentence in FULL).removesuffix(";") + "."


def weaknesses() -> str:
    """Give every name that --accept-weaker takes, when it is needed, and what is lost by it."""
    rows = [(f"`{each.name}`", each.when, "; ".join(each.lost)) for each in WEAKNESSES.values()]
    return table(("name", "when", "what is lost"), rows)


def situations() -> str:
    """Give what is lost on which machine, and what follows."""
    return table(
        ("machine", "what is lost", "what follows"),
        [(each.when, each.lost, each.then) for each in SITUATIONS],
    )


def cannot() -> str:
    """Give what no grade promises."""
    return "\n".join(f"- {sentence};" for sentence in CANNOT).removesuffix(";") + "."


def governance() -> str:
    """Give the names that no worker may write."""
    return _names(GOVERNANCE)


def existing() -> str:
    """Give the names that no worker may write where they are there already."""
    return _names(EXISTING)


def _names(rows: Iterable[tuple[str, str]]) -> str:
    return table(("path", "what it is"), [(f"`{name}`", what) for name, what in rows])
