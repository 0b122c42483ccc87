"""Ranks the ways in which a task can be done, and says why; or what comes nearest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.domains.providers.api import RANK, Facts
from pancode.domains.routing.needs import Needs, lacks
from pancode.domains.routing.scores import Dimension, Situation, rate, total

SHOWN = 8
"""So many ways a run keeps of those that were compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to do a task: an agent, the runtime that it would have, and its model (None: its own choice).

    `usd` is what a run is expected to cost, None if nobody knows; `usd_source` whose figure that is.
    `tier` is the least that the agent asks for; `place` is its rank among equals.
    """

    agent: str
    runtime: str
    model: str | None
    now: Situation
    usd: float | None = None
    usd_source: str = ""
    took_ms: float | None = None
    tier: str = "any"
    picked: bool = False  # the model is one of many, and PanCode's choice
    by_itself: bool = True  # taken where nobody has said what is needed
    place: int = 0

    @property
    def name(self) -> str:
        """Name it for a sentence."""
        return f"{self.agent} on {self.runtime}" + (f" with {self.model}" if self.model else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate with its score; `lacking` is why it can't be taken (none: it can)."""

    one: Candidate
    score: float
    dimensions: list[Dimension]
    lacking: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Give it as a run keeps it."""
        return {
            "agent": self.one.agent,
            "runtime": self.one.runtime,
            "model": self.one.model,
            "score": self.score,
            "usd": self.one.usd,
            "lacking": self.lacking,
        }


def rank(
    candidates: Iterable[Candidate], needs: Needs, max_cost: float | None, weigh: Mapping[str, float]
) -> list[Ranked]:
    """Give all, the best first; those that can't be taken come last, the nearest miss before the others."""
    found = [_ranked(one, needs, max_cost, weigh) for one in candidates]
    return sorted(found, key=_merit)


def _ranked(one: Candidate, needs: Needs, max_cost: float | None, weigh: Mapping[str, float]) -> Ranked:
    dimensions = rate(one.now)
    lacking = [] if one.now.installed else ["it is not installed, or no model for it answers"]
    lacking += lacks(needs, one.now.facts, local=bool(one.now.local))
    if max_cost is not None and one.usd is None:
        lacking.append("nobody knows what it costs")
    elif max_cost is not None and one.usd is not None and one.usd > max_cost:
        lacking.append(f"it is expected to cost ${one.usd:.2f}")
    return Ranked(one=one, score=total(dimensions, weigh), dimensions=dimensions, lacking=lacking)


def _merit(ranked: Ranked) -> tuple[object, ...]:
    one = ranked.one
    far = 1e9
    return (
        len(ranked.lacking),
        not one.now.installed,
        one.now.trouble is not None,
        is_below(one.now.facts, one.tier),
        -ranked.score,
        far if one.usd is None else one.usd,
        far if one.took_ms is None else one.took_ms,
        one.place,
    )


def is_below(facts: Facts, tier: str) -> bool:
    """Whether a model is known to be below a tier.

    >>> is_below(Facts(tier="small"), "mid"), is_below(Facts(), "frontier"), is_below(Facts(), "any")
    (True, False, False)
    """
    return tier in RANK and facts.tier is not None and RANK[facts.tier] < RANK[tier]


def reason(ranked: list[Ranked], needs: Iterable[str], max_cost: float | None) -> str:
    """Say why the first was taken."""
    first, one = ranked[0], ranked[0].one
    usable = [each for each in ranked if not each.lacking]
    asked = [f"needs {', '.join(needs)}"] if needs else []
    asked += [] if max_cost is None else [f"at most ${max_cost:g}"]
    said = f"{one.name}: rated {first.score:.2f}, the best of {len(usable)}"
    said += f" that fit ({'; '.join(asked)})" if asked else " that can do it"
    if one.usd is not None:
        said += f"; expected to cost ${one.usd:.2f} by {one.usd_source}"
    if len(usable) > 1:
        other = usable[1]
        said += f"; next {other.one.name}, {other.score:.2f}{_difference(first, other)}"
    return said


def _difference(first: Ranked, other: Ranked) -> str:
    """Say in what the next one is worse most."""
    pairs = zip(first.dimensions, other.dimensions, strict=True)
    worst = max(pairs, key=lambda pair: pair[0].value - pair[1].value)
    return f" ({worst[1].name}: {worst[1].source})" if worst[0].value > worst[1].value else ""


def record(ranked: list[Ranked], needs: Iterable[str], max_cost: float | None, policy: str) -> dict[str, Any]:
    """Give what a run keeps of the choice."""
    words = tuple(needs)
    return {
        "why": reason(ranked, words, max_cost),
        "needs": list(words),
        "max_cost": max_cost,
        "policy": policy,
        "compared": [one.to_json() for one in ranked[:SHOWN]],
        "of": len(ranked),
    }
