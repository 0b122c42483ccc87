"""Replays a recorded ledger: what would have been proposed knowing only the past, and what it is worth. Pure.

A record tells only what became of the choice that was made. So a policy is judged by the steps at which it
agrees with that choice. Proposals and the default differ at some steps only; of those, some were done by
the one and some by the other, and these two samples, which share no run, are compared kind by kind. It is
no experiment: whoever chose then may have had a reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pancode.domains.intelligence.posterior import Beta
from pancode.domains.intelligence.proposal import Evidence, propose
from pancode.domains.intelligence.record import Arm, Outcome

_WIDTH = 1.645
"""Standard deviations to each side of an interval of 90 %."""


@dataclass(slots=True)
class Judged:
    """The steps at which a policy agrees with what was run."""

    steps: list[Outcome] = field(default_factory=list)

    @property
    def beta(self) -> Beta:
        """Give how often they went well."""
        return Beta(sum(step.went_well for step in self.steps), len(self.steps))

    def to_json(self) -> dict[str, Any]:
        """Give their figures."""
        low, high = self.beta.interval()
        usd = [step.usd for step in self.steps if step.usd is not None]
        seconds = [step.seconds for step in self.steps if step.seconds is not None]
        return {
            "steps": len(self.steps),
            "went_well": self.beta.well,
            "expected": round(self.beta.mean, 3),
            "interval": [round(low, 3), round(high, 3)],
            "usd_median": round(median(usd), 6) if usd else None,
            "seconds_median": round(median(seconds), 1) if seconds else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay has found. `proposed` and `default` are all steps at which each was what was run.

    Of the `differing` steps, at which something else than the default was proposed, `other` were done as
    proposed, and `usual` by the default.
    """

    steps: int
    verdicts: dict[str, int]
    proposed: Judged
    default: Judged
    differing: int
    other: Judged
    usual: Judged

    def to_json(self) -> dict[str, Any]:
        """Give it; `gain` is by how much more often it goes well as proposed, None where nobody can say."""
        return {
            "steps": self.steps,
            "verdicts": self.verdicts,
            "proposals": self.proposed.to_json(),
            "default": self.default.to_json(),
            "differing": {
                "steps": self.differing,
                "as_proposed": self.other.to_json(),
                "by_default": self.usual.to_json(),
                "gain": gain(self.other.steps, self.usual.steps),
            },
        }


def gain(other: Sequence[Outcome], usual: Sequence[Outcome]) -> dict[str, Any] | None:
    """Give the difference of the shares that went well, with its 90 % interval; None without both samples.

    Each kind counts by how many steps of it there are; kinds with only one of the two samples are left out.
    """
    parts = []
    for kind in sorted({step.kind for step in other} & {step.kind for step in usual}):
        one, two = ([step for step in steps if step.kind == kind] for steps in (other, usual))
        betas = [Beta(sum(step.went_well for step in steps), len(steps)) for steps in (one, two)]
        parts.append(
            (len(one) + len(two), betas[0].mean - betas[1].mean, sum(beta.variance for beta in betas))
        )
    if not parts:
        return None
    total = sum(count for count, _, _ in parts)
    middle = sum(count * difference for count, difference, _ in parts) / total
    spread = _WIDTH * math.sqrt(sum((count / total) ** 2 * variance for count, _, variance in parts))
    return {
        "difference": round(middle, 3),
        "interval": [round(middle - spread, 3), round(middle + spread, 3)],
        "steps": total,
    }


def replay(outcomes: Sequence[Outcome], default_agent: str) -> Replay:
    """Go through the outcomes in the order in which they ended; the default is the agent's latest model."""
    known: dict[str, dict[Arm, Evidence]] = {}
    verdicts: Counter[str] = Counter()
    proposed, default, other, usual = Judged(), Judged(), Judged(), Judged()
    latest, differing = "", 0
    for step in sorted(outcomes, key=lambda one: one.at):
        own = (default_agent, latest)
        made = propose(known.get(step.kind, {}), own)
        verdicts[made.verdict] += 1
        differs = made.arm != own
        differing += differs
        for policy, arm, apart in ((proposed, made.arm, other), (default, own, usual)):
            if step.arm == arm:
                policy.steps.append(step)
                apart.steps += [step] if differs else []
        known.setdefault(step.kind, {}).setdefault(step.arm, Evidence(step.arm)).add(step)
        latest = step.model if step.agent == default_agent else latest
    return Replay(
        steps=len(outcomes), verdicts=dict(verdicts), proposed=proposed, default=default,
        differing=differing, other=other, usual=usual,
    )  # fmt: skip


def default_arm(outcomes: Iterable[Outcome], agent: str) -> Arm:
    """Give the default agent with the model that it last ran with."""
    own = [one for one in outcomes if one.agent == agent]
    return agent, max(own, key=lambda one: one.at).model if own else ""
