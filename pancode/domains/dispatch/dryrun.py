"""What a dry run tells: each gate with its verdict, and what the run would get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pancode.core.host import Refusal
from pancode.domains.dispatch.admission import Verdict
from pancode.domains.dispatch.applying import Case
from pancode.domains.scheduling.api import Prospect


def told(case: Case, forecast: Callable[[Prospect], str | None]) -> dict[str, Any]:
    """Give the object that `pancode run --dry-run --json` prints; `forecast` is the queue's."""
    asked, grant = case.asked, case.asked.grant
    prospect = Prospect(
        agent=asked.agent, provider=asked.provider, priority=case.request.priority,
        after=case.request.after, parent=asked.parent,
    )  # fmt: skip
    refusal = case.refusal
    return {
        "admitted": refusal is None,
        "refused_by": None if refusal is None else refusal.gate,
        "gates": [_verdict(one) for one in case.verdicts],
        "run": {
            "agent": asked.agent or None,
            "runtime": asked.runtime if case.draft else None,
            "model": asked.model,
            "provider": asked.provider,
            "endpoint": asked.endpoint,
            "cwd": case.order.cwd if case.draft is None else case.draft.order.cwd,
            "mode": grant.mode.value,
            "safety": grant.level.value,
            "read_only": grant.read_only,
            "isolated": case.draft is not None and case.draft.isolation is not None,
            "depth": asked.depth,
            "parent": asked.parent,
            "limits": None if case.draft is None else case.draft.plan.limits,
            "sandbox": None if case.sandbox is None else case.sandbox["grade"],
        },
        "routing": case.routing,
        "waits": forecast(prospect) if refusal is None else None,
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    said = one.said
    if said is None:
        return {"order": one.order, "gate": one.gate, "verdict": "passes", "problem": None, "remedy": None}
    if isinstance(said, Refusal):
        words = {"problem": said.problem, "remedy": said.remedy}
        return {"order": one.order, "gate": one.gate, "verdict": "refuses", **words}
    return {"order": one.order, "gate": one.gate, "verdict": "remarks", "problem": said.text, "remedy": None}
