"""What is proposed for a task, as JSON: for the socket, and for `pancode plan`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pancode.domains.intelligence.features import features
from pancode.domains.intelligence.proposal import evidence, propose
from pancode.domains.intelligence.record import Outcome
from pancode.domains.intelligence.replay import default_arm


def proposed(
    task: str, outcomes: Sequence[Outcome], default_agent: str, allowed: Collection[str]
) -> dict[str, Any]:
    """Give the proposal with its evidence, the one that goes well most often first. Pure."""
    what = features(task)
    known = evidence(outcomes, what.kind)
    made = propose(known, default_arm(outcomes, default_agent), allowed)
    rows = sorted((one.to_json() for one in known.values()), key=lambda row: (-row["expected"], row["agent"]))
    return {
        "kind": what.kind,
        "size": what.size,
        "verdict": made.verdict,
        "agent": made.arm[0],
        "model": made.arm[1] or None,
        "default": {"agent": made.default[0], "model": made.default[1] or None},
        "why": made.why,
        "chance_better": None if made.chance is None else round(made.chance, 3),
        "evidence": rows,
    }
