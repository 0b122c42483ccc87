"""Which tools a model is shown at one step: by the run's grant, the session's mode and level, its agent."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pancode.core import tooltable
from pancode.core.grants import Grant, Level, Mode
from pancode.worker.tools.catalogue import TOOLS, Tool

ORCHESTRATOR = "orchestrator"
NOTHING = (Mode.PLAN, Level.SUGGEST)
"""What holds where nobody says: the strictest there is."""


def grant_of(spec: Mapping[str, Any]) -> Grant:
    """Read a run's own grant from its spec."""
    raw = spec["grant"]
    return Grant(Mode(raw["mode"]), Level(raw["level"]), read_only=bool(raw["read_only"]))


def session_now(path: str) -> tuple[Mode, Level]:
    """Read the session's mode and level of this moment; one that can't be read permits nothing."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return Mode(found["mode"]), Level(found["level"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING


def withheld(tool: Tool, given: Grant, now: Grant, named: Collection[str] | None) -> str | None:
    """Say why a tool is not for this worker now; None: it is.

    `given` is the run's own grant, by which its directory was mounted, `now` what is left of it; `named`
    are the tools that the agent's definition lists, None: all. Where the mounts can be written and the worker
    may not write any more, a shell could; on mounts that are read-only the policy judges its commands.

    >>> from pancode.worker.tools.catalogue import TOOLS
    >>> given = Grant(Mode.BUILD, Level.AUTO_EDIT)
    >>> withheld(TOOLS["bash"], given, given.within(Mode.REVIEW, Level.AUTO_EDIT), None)
    'in review mode at auto-edit this worker may only read'
    >>> withheld(TOOLS["bash"], given, given, ("read", "grep"))
    "the definition of this agent doesn't list it"
    """
    if named is not None and tool.name not in named:
        return "the definition of this agent doesn't list it"
    if now.may_write or not (tool.changes or (tool.runs and given.may_write)):
        return None
    if now.read_only:
        return "this agent may only read"
    return f"in {now.mode} mode at {now.level} this worker may only read"


def shown(given: Grant, now: Grant, named: Collection[str] | None, role: str = "worker") -> list[Tool]:
    """Give the tools of this step.

    The orchestrator sees those of its mode's table; what of them is withheld all the same is said when it is
    called.

    >>> given = Grant(Mode.BUILD, Level.AUTO_EDIT)
    >>> now = given.within(Mode.PLAN, Level.AUTO_EDIT)
    >>> [tool.name for tool in shown(given, now, None)]
    ['read', 'grep', 'find', 'ls']
    >>> [tool.name for tool in shown(given, now, None, "orchestrator")]
    ['read', 'grep', 'find', 'ls', 'bash']
    """
    if role == ORCHESTRATOR:
        names = tooltable.shown(now.mode, local=True)
        return [tool for tool in TOOLS.values() if tool.name in names]
    return [tool for tool in TOOLS.values() if withheld(tool, given, now, named) is None]
