"""Proposes who should do a task, from what earlier ones of its kind came to, if that is enough. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from pancode.domains.intelligence.posterior import Beta, chance_better
from pancode.domains.intelligence.record import Arm, Outcome

Verdict = Literal["too-little-data", "default", "better", "cheaper"]
ENOUGH = 8
"""Runs of a kind below which nothing is proposed."""
DOUBT = 0.1
"""The most probability of a mistake, shared among all who are compared with the default."""
CHEAPER = 0.7
"""Who costs at most this share of the default, and does as well, is proposed for it."""
MOST_WORSE = 0.05
"""Chance of going well that may be given up for the lower cost, by the expected shares."""


@dataclass(slots=True)
class Evidence:
    """What one agent with one model has done of a kind."""

    arm: Arm
    well: int = 0
    runs: int = 0
    usd: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take in one run."""
        self.runs += 1
        self.well += outcome.went_well
        self.usd += [] if outcome.usd is None else [outcome.usd]
        self.seconds += [] if outcome.seconds is None else [outcome.seconds]

    @property
    def beta(self) -> Beta:
        """Give how often it goes well."""
        return Beta(self.well, self.runs)

    @property
    def cost(self) -> float | None:
        """Give the median of the costs that are known; None below ENOUGH of them."""
        return median(self.usd) if len(self.usd) >= ENOUGH else None

    def to_json(self) -> dict[str, Any]:
        """Give it with its uncertainty."""
        low, high = self.beta.interval()
        return {
            "agent": self.arm[0],
            "model": self.arm[1] or None,
            "runs": self.runs,
            "went_well": self.well,
            "expected": round(self.beta.mean, 3),
            "interval": [round(low, 3), round(high, 3)],
            "usd_median": round(median(self.usd), 6) if self.usd else None,
            "usd_known": len(self.usd),
            "seconds_median": round(median(self.seconds), 1) if self.seconds else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed: `arm` is who, the default if nothing better is known; `chance` that it is better."""

    verdict: Verdict
    arm: Arm
    default: Arm
    why: str
    chance: float | None = None


def evidence(outcomes: Iterable[Outcome], kind: str) -> dict[Arm, Evidence]:
    """Give what each agent and model has done of a kind."""
    found: dict[Arm, Evidence] = {}
    for outcome in outcomes:
        if outcome.kind == kind:
            found.setdefault(outcome.arm, Evidence(outcome.arm)).add(outcome)
    return found


def propose(known: Mapping[Arm, Evidence], default: Arm, allowed: Collection[str] | None = None) -> Proposal:
    """Propose one of the agents `allowed` (None: all); the default unless the record is clear enough.

    With several rivals each must be the surer, so that one of many is not taken by luck.
    """
    usable = [one for arm, one in known.items() if allowed is None or arm[0] in allowed]
    rivals = [one for one in usable if one.runs >= ENOUGH and one.arm != default]
    own = known.get(default, Evidence(default))
    if own.runs < ENOUGH or not rivals:
        return Proposal(verdict="too-little-data", arm=default, default=default, why=_lacking(own, rivals))
    needed = 1 - DOUBT / len(rivals)
    best = max(rivals, key=lambda one: (one.beta.mean, one.runs))
    chance = chance_better(best.beta, own.beta)
    if chance >= needed:
        why = f"it goes well more often, with a probability of {chance:.0%}"
        return Proposal(verdict="better", arm=best.arm, default=default, why=why, chance=chance)
    cheap = _cheaper(own, rivals)
    if cheap is not None:
        chance = chance_better(cheap.beta, own.beta)
        why = f"it does as well as far as the record tells, for {_share(cheap, own):.0%} of the cost"
        return Proposal(verdict="cheaper", arm=cheap.arm, default=default, why=why, chance=chance)
    why = "nobody is known to do this better or as well for clearly less"
    return Proposal(verdict="default", arm=default, default=default, why=why, chance=chance)


def _cheaper(own: Evidence, rivals: Iterable[Evidence]) -> Evidence | None:
    """Give the cheapest who costs clearly less and isn't expected to do worse; None: there is none."""
    if own.cost is None:
        return None
    found = [
        one
        for one in rivals
        if one.cost is not None
        and one.cost <= CHEAPER * own.cost
        and one.beta.mean >= own.beta.mean - MOST_WORSE
    ]
    return min(found, key=lambda one: (one.cost or 0.0, one.arm), default=None)


def _share(cheap: Evidence, own: Evidence) -> float:
    return (cheap.cost or 0.0) / own.cost if own.cost else 0.0


def _lacking(own: Evidence, rivals: Iterable[Evidence]) -> str:
    name = own.arm[0]
    if own.runs < ENOUGH:
        return f"{name} has done {own.runs} of this kind, and {ENOUGH} are needed to compare with"
    return f"nobody but {name} has done {ENOUGH} of this kind" if not list(rivals) else ""
