"""What a run has cost: whose figures count, where they come from, and what nobody knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pancode.domains.scheduling.amounts import Amount, nano_of, usd_of
from pancode.domains.scheduling.rates import Rates, price

UNKNOWN = "unknown"
AGENT = "agent"
NO_MODEL = "no model"
"""The source of a command's cost, and of that of a run that never started: neither calls a model."""
_TOKENS = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True, slots=True)
class Charge:
    """What a run has cost. None: nobody knows, which is never 0.

    `source` says who priced it: the agent, the price list with its version, the user's table, or nobody.
    `meter` says who counted the tokens: the gateway, the agent, or nobody.
    """

    nano: int | None
    tokens: int | None
    turns: int | None
    source: str
    meter: str

    def amount(self, unknown: int = 0) -> Amount:
        """Give it as it counts against limits; `unknown` billionths stand for a cost that nobody knows."""
        return Amount(unknown if self.nano is None else self.nano, self.tokens or 0, self.turns or 0)

    def to_json(self) -> dict[str, Any]:
        """Give it as screens and receipts have it."""
        return {
            "usd": usd_of(self.nano),
            "nano": self.nano,
            "source": self.source,
            "tokens": self.tokens,
            "turns": self.turns,
            "counted_by": self.meter,
        }


FREE = Charge(0, 0, 0, NO_MODEL, "nobody")


def charge_of(
    told: Mapping[str, Any], told_usd: float | None, metered: Mapping[str, Any] | None, rates: Rates | None
) -> Charge:
    """Give what a run has cost, so far or in all.

    `told`: the agent's usage; `told_usd`: its own figure in dollars. `metered`: the gateway's usage with
    `usd`, `calls`, `usd_source`, and how many calls are `unpriced`; None where it saw nothing. Money: a row
    of the user's that overrides, the agent's own figure, what the gateway has priced call by call (the rates
    where it could not price all), the rates; then nobody knows.
    Tokens: the larger of both, as neither invents any.
    """
    seen = metered or {}
    spent = tokens_of(told)
    counted = tokens_of(seen)
    gateway = counted is not None and counted >= (spent or 0)
    usage = seen if gateway else told
    tokens = counted if gateway else spent
    turns = seen.get("calls") or told.get("turns")
    requests = turns if isinstance(turns, int) else 1
    meter = "gateway" if gateway else UNKNOWN if spent is None else AGENT
    nano, source = _money(usage, told_usd, seen, rates, requests)
    return Charge(nano, tokens, turns if isinstance(turns, int) else None, source, meter)


def _money(
    usage: Mapping[str, Any],
    told_usd: float | None,
    seen: Mapping[str, Any],
    rates: Rates | None,
    requests: int,
) -> tuple[int | None, str]:
    own = price(rates, usage, requests) if rates is not None else None
    if rates is not None and own is not None and rates.overrides:
        return own, rates.source
    if told_usd is not None and (told_usd > 0 or not tokens_of(usage)):
        return nano_of(told_usd), AGENT
    priced = seen.get("usd")
    if isinstance(priced, int | float):
        whole = nano_of(float(priced))
        if rates is not None and own is not None and seen.get("unpriced") and own > whole:
            return own, rates.source
        return whole, str(seen.get("usd_source") or "gateway")
    if rates is not None and own is not None:
        return own, rates.source
    return None, UNKNOWN


def tokens_of(usage: Mapping[str, Any]) -> int | None:
    """Add up tokens of every kind; None where nobody has told any.

    >>> tokens_of({"input": 5, "output": 2, "reasoning": 1, "cache_read": None}), tokens_of({})
    (7, None)
    """
    counts = [usage.get(key) for key in _TOKENS]
    known = [count for count in counts if isinstance(count, int) and not isinstance(count, bool)]
    return sum(known) if known else None


def differences(told: Mapping[str, Any], metered: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Compare what the agent says with what the gateway saw, figure by figure; None without a gateway."""
    if not metered or not metered.get("calls"):
        return None
    keys = (*_TOKENS, "reasoning")
    rows = {key: {"agent": told.get(key), "gateway": metered.get(key)} for key in keys}
    both = [row for row in rows.values() if row["agent"] is not None and row["gateway"] is not None]
    return {
        "figures": rows,
        "agree": all(row["agent"] == row["gateway"] for row in both) if both else None,
    }
