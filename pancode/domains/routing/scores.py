"""How workers are rated: five dimensions from 0 to 1, weighed by a policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pancode.domains.panconfigure.api import weights
from pancode.domains.providers.api import Facts

WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "default": {"availability": 0.30, "capacity": 0.10, "load": 0.15, "capability": 0.35, "cost": 0.10},
    "cost": {"availability": 0.20, "capacity": 0.10, "load": 0.10, "capability": 0.15, "cost": 0.45},
    "throughput": {"availability": 0.25, "capacity": 0.15, "load": 0.40, "capability": 0.10, "cost": 0.10},
}
"""The policies of PANCODE_SCORING_POLICY; docs/routing.md prints them."""
FULL_LOAD = 4
"""Live runs with which a worker's load is full."""
LONG, MIDDLE, SHORT = 100_000, 32_000, 16_000


@dataclass(frozen=True, slots=True)
class Dimension:
    """One part of a score: its value from 0 to 1 (more is better), and where it comes from."""

    name: str
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a worker is rated by. `reaches`: by what it comes to a model; `live`: runs of it that are live.

    `trouble`: why it would have to wait. `answered`: how many of how many last requests its provider has
    answered; None: nobody knows. `at_most`: so many may be live; None: no limit of its own.
    `facts_source`: who knows what its model can do; "": nobody.
    """

    installed: bool
    broken: bool = False
    reaches: str | None = None
    trouble: str | None = None
    answered: tuple[int, int] | None = None
    live: int = 0
    at_most: int | None = None
    facts: Facts = Facts()  # noqa: RUF009 -- frozen, so one for all
    facts_source: str = ""
    is_cli: bool = True
    local: bool | None = None


def policy(name: str) -> Mapping[str, float]:
    """Give the weights of a policy: one of the names, or weights that are written out."""
    return WEIGHTS[name] if name in WEIGHTS else weights(name)


def total(dimensions: list[Dimension], weigh: Mapping[str, float]) -> float:
    """Give the weighed mean.

    >>> total([Dimension("cost", 1.0, ""), Dimension("load", 0.5, "")], {"cost": 0.3, "load": 0.1})
    0.875
    """
    return round(
        sum(weigh.get(one.name, 0.0) * one.value for one in dimensions) / (sum(weigh.values()) or 1.0), 4
    )


def rate(now: Situation) -> list[Dimension]:
    """Give the dimensions of a worker, in the order of the policies."""
    return [_availability(now), _capacity(now), _load(now), _capability(now), _cost(now)]


def _availability(now: Situation) -> Dimension:
    if not now.installed:
        return Dimension("availability", 0.0, "not installed, or no model for it answers")
    if now.trouble is not None:
        return Dimension("availability", 0.25, now.trouble)
    if now.broken:
        return Dimension("availability", 0.25, "it doesn't say its version")
    if now.reaches is None:
        return Dimension("availability", 0.5, "installed, and no key or login was found")
    there = f"installed, with {now.reaches}"
    if now.answered is None or now.answered[0] == now.answered[1]:
        return Dimension("availability", 1.0, there)
    good, of = now.answered
    why = f"{there}, whose provider answered {good} of the last {of} requests"
    return Dimension("availability", round(0.5 + 0.5 * good / of, 4), why)


def _capacity(now: Situation) -> Dimension:
    if now.at_most is None:
        return Dimension("capacity", 1.0, "no limit of its own")
    free = max(0, now.at_most - now.live)
    return Dimension("capacity", round(free / now.at_most, 4), f"{free} of {now.at_most} places are free")


def _load(now: Situation) -> Dimension:
    runs = "1 live run" if now.live == 1 else f"{now.live} live runs"
    return Dimension("load", 1.0 - min(now.live / FULL_LOAD, 1.0), runs)


def _capability(now: Situation) -> Dimension:
    facts = now.facts
    if not now.facts_source:
        if now.is_cli:
            return Dimension("capability", 0.6, "an agent CLI whose model nobody knows")
        return Dimension("capability", 0.3, "nobody knows its model")
    value = 0.3 + _for_context(facts.context)
    value += (0.15 if facts.reasoning else 0.0) + (0.15 if facts.tools else 0.0)
    value += {"frontier": 0.1, "mid": 0.05}.get(facts.tier or "", 0.0)
    return Dimension("capability", round(min(value, 1.0), 4), now.facts_source)


def _for_context(context: int | None) -> float:
    steps = ((LONG, 0.25), (MIDDLE, 0.15), (SHORT, 0.10))
    return next((value for least, value in steps if (context or 0) >= least), 0.0)


def _cost(now: Situation) -> Dimension:
    if now.local is None:
        return Dimension("cost", 0.5, "unknown")
    return Dimension("cost", 1.0, "a machine of yours") if now.local else Dimension("cost", 0.3, "a vendor")
