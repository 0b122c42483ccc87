"""What tokens cost: the rates of one model, and the price of a number of tokens. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pancode.domains.scheduling.amounts import nano_of

USER = "user's table"
"""Whose rates they are when the user has written them down."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars for one token; `tiers`: (tokens of a request's input above which, the rate for all of it)."""

    usd: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, request: int) -> Decimal:
        """Give the rate within a request with so many tokens of input."""
        rate = self.usd
        for start, usd in self.tiers:
            if request > start:
                rate = usd
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a model's tokens cost, and who says so; output holds reasoning, input leaves out cached tokens.

    None for the cache: its tokens cost what input costs. `overrides`: the agent's own figure doesn't count.
    """

    source: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    overrides: bool = False


def price(rates: Rates, usage: Mapping[str, Any], requests: int = 1) -> int | None:
    """Give what tokens cost, in billionths of a dollar, rounded up; None where input or output is not known.

    `usage` as in result.json. `requests`: how many model requests it adds up; which tier of a rate holds is
    judged by their average.
    """
    counts = {key: usage.get(key) for key in ("input", "output", "cache_read", "cache_write")}
    if not all(isinstance(counts[key], int) for key in ("input", "output")):
        return None
    numbers = {key: count if isinstance(count, int) else 0 for key, count in counts.items()}
    asked = numbers["input"] + numbers["cache_read"] + numbers["cache_write"]
    average = asked // max(1, requests)
    by_kind = {
        "input": rates.input,
        "output": rates.output,
        "cache_read": rates.cache_read or rates.input,
        "cache_write": rates.cache_write or rates.input,
    }
    return nano_of(sum((by_kind[key].at(average) * numbers[key] for key in by_kind), Decimal(0)))


def told_rates(rates: Rates, request: int) -> dict[str, Any]:
    """Give the rates within a request with so many tokens of input, in dollars a token."""
    return {
        "source": rates.source,
        "input": float(rates.input.at(request)),
        "output": float(rates.output.at(request)),
        "cache_read": float((rates.cache_read or rates.input).at(request)),
        "cache_write": float((rates.cache_write or rates.input).at(request)),
    }


def rates_from_json(value: object) -> Rates | None:
    """Read the rates that `pancode.engine.pricelist` has found; None for what is none."""
    if not isinstance(value, Mapping):
        return None
    try:
        rates = {key: _rate(value.get(key)) for key in ("input", "output", "cache_read", "cache_write")}
    except (InvalidOperation, TypeError, ValueError):
        return None
    if rates["input"] is None or rates["output"] is None:
        return None
    return Rates(
        source=str(value.get("source")), input=rates["input"], output=rates["output"],
        cache_read=rates["cache_read"], cache_write=rates["cache_write"],
    )  # fmt: skip


def _rate(value: Any) -> Rate | None:  # noqa: ANN401 -- whatever a JSON file holds
    """Read {"usd": "0.000003", "tiers": [[200000, "0.000006"]]}."""
    if value is None:
        return None
    tiers = sorted((int(start), Decimal(str(usd))) for start, usd in value.get("tiers") or ())
    return Rate(Decimal(str(value["usd"])), tuple(tiers))
