"""The order of the admission gates: one table, from which docs/dispatch.md is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pancode.core.host import Asked, Gate, Refusal, Remark


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate stands, and what it refuses in plain words."""

    order: int
    refuses: str


LAUNCH = 650
"""From this order on, gates see how the run would be launched: its model, its provider, its estimate."""
PLACES = {
    "mode": Place(
        100, "any run in a mode that starts no workers: plan; the orchestrator and its scouts are none"
    ),
    "level": Place(
        150, "any run at the level suggest, but a turn of the orchestrator, whose own tools are gated"
    ),
    "grant": Place(
        160, "a run that would get more than the session, or than the worker that asks for it, has"
    ),
    "read-only": Place(200, "an agent that may write, in a mode that changes nothing: review and admin"),
    "draining": Place(300, "any run while the session shuts down"),
    "depth": Place(350, "a run that a worker asks for, nested deeper than `PANCODE_DISPATCH_MAX_DEPTH`"),
    "task": Place(400, "an empty task"),
    "directory": Place(500, "a directory that is not there"),
    "paths": Place(
        550, "a task that names a path outside of the project; a file that is missing is remarked"
    ),
    "agent": Place(600, "an agent that is not defined, or whose definition has a mistake"),
    "rules": Place(620, "a shell command that the rules block, or that the level asks about without `--yes`"),
    "model": Place(
        LAUNCH,
        "a model that can't be resolved, or a worker's beyond your reach; needs that nothing here can meet",
    ),
    "launch": Place(660, "a launch that can't be planned: the program is missing, the endpoint has no key …"),
    "tier": Place(
        670, "a model below its agent's `tier`, with `PANCODE_STRICT_TIERS=1`; else that is remarked"
    ),
    "loop": Place(700, "an agent that has failed again and again, until its pause is over"),
    "budget": Place(800, "a run for which no money, tokens or turns are left"),
    "grade": Place(900, "a sandbox that can't keep a promise, unless `--accept-weaker` names it"),
}
"""Every gate that ships, by name."""


def placed(name: str, check: Callable[[Asked], Refusal | Remark | None]) -> Gate:
    """Give the gate of this name, at its place in the order."""
    return Gate(PLACES[name].order, name, check)
