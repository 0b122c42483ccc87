"""Money, tokens and turns, counted together: amounts, limits, and how people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

from pancode.core.errors import ExitCode, PanError

NANO = 1_000_000_000
"""Billionths of a dollar in a dollar: money is counted in whole ones, so that sums are exact."""
Figure: TypeAlias = Literal["nano", "tokens", "turns"]
FIGURES: tuple[Figure, ...] = ("nano", "tokens", "turns")
_LARGEST = Decimal(10) ** 12
_PART = re.compile(r"(\$)?\s*(\d+(?:\.\d+)?|\.\d+)\s*([kKmM])?\s*([A-Za-z]*)")
_UNITS = {"usd": "nano", "dollar": "nano", "dollars": "nano", "tokens": "tokens", "token": "tokens"}
_UNITS |= {"tok": "tokens", "turns": "turns", "turn": "turns", "calls": "turns", "requests": "turns"}
_REMEDY = "such as 10usd, 200k tokens, 30 turns, or several: 0.50usd,100k"


@dataclass(frozen=True, slots=True)
class Amount:
    """What was, or may be, spent: `nano` in billionths of a dollar, tokens of every kind, model requests."""

    nano: int = 0
    tokens: int = 0
    turns: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Give both together."""
        return Amount(self.nano + other.nano, self.tokens + other.tokens, self.turns + other.turns)

    def peak(self, other: Amount) -> Amount:
        """Give the larger of each figure."""
        pairs = ((getattr(self, one), getattr(other, one)) for one in FIGURES)
        return Amount(*(max(pair) for pair in pairs))

    def less(self, other: Amount) -> Amount:
        """Give what is left of each figure; never less than nothing."""
        pairs = ((getattr(self, one), getattr(other, one)) for one in FIGURES)
        return Amount(*(max(0, mine - yours) for mine, yours in pairs))


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of each figure may be spent; None: as much as you like."""

    nano: int | None = None
    tokens: int | None = None
    turns: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return any(getattr(self, one) is not None for one in FIGURES)

    def beyond(self, amount: Amount) -> Figure | None:
        """Give the first figure of `amount` that is above its limit.

        >>> Limit(tokens=5).beyond(Amount(tokens=5)), Limit(tokens=5).beyond(Amount(tokens=6))
        (None, 'tokens')
        """
        return next((one for one in FIGURES if self._passed(one, amount, 1)), None)

    def used_up(self, amount: Amount) -> Figure | None:
        """Give the first figure of which nothing is left.

        >>> Limit(tokens=5).used_up(Amount(tokens=5)), Limit(tokens=5).used_up(Amount(tokens=4))
        ('tokens', None)
        """
        return next((one for one in FIGURES if self._passed(one, amount, 0)), None)

    def _passed(self, figure: Figure, amount: Amount, more: int) -> bool:
        limit = getattr(self, figure)
        return limit is not None and getattr(amount, figure) >= limit + more

    def cap(self, amount: Amount) -> Amount:
        """Give `amount`, each figure no larger than its limit."""
        capped = {one: getattr(self, one) for one in FIGURES}
        return Amount(
            *(
                getattr(amount, one) if most is None else min(most, getattr(amount, one))
                for one, most in capped.items()
            )
        )

    def raised(self, by: Amount) -> Limit:
        """Give the limit with `by` added to each figure that is limited."""
        return Limit(
            *(None if (most := getattr(self, one)) is None else most + getattr(by, one) for one in FIGURES)
        )

    def share(self, parts: int) -> Amount:
        """Give one of so many equal parts of the limit, rounded up."""
        return Amount(*(-(-(getattr(self, one) or 0) // parts) for one in FIGURES))

    def fullness(self, amount: Amount) -> float:
        """Give the share of the limit that is used, of the figure that is used most; 0.0 without limits."""
        shares = [
            getattr(amount, one) / most if most else 1.0
            for one in FIGURES
            if (most := getattr(self, one)) is not None
        ]
        return max(shares, default=0.0)


def nano_of(usd: float | Decimal) -> int:
    """Give dollars in whole billionths, rounded up: a fraction never makes anything cheaper.

    >>> nano_of(0.5), nano_of(Decimal("0.0000000001"))
    (500000000, 1)
    """
    exact = Decimal(repr(usd)) if isinstance(usd, float) else Decimal(usd)
    return int((exact * NANO).to_integral_value(ROUND_CEILING))


def usd_of(nano: int | None) -> float | None:
    """Give billionths as dollars."""
    return None if nano is None else nano / NANO


def parse_limit(text: str) -> Limit:
    """Read what a person writes as a limit; raise PanError USAGE for anything else.

    >>> parse_limit("0.50usd, 100k"), parse_limit("$3"), parse_limit("1.5M tokens 20 turns")
    (Limit(nano=500000000, tokens=100000, turns=None), Limit(nano=3000000000, tokens=None, turns=None), \
Limit(nano=None, tokens=1500000, turns=20))
    """
    found: dict[str, int] = {}
    rest = text.replace(",", " ").replace("+", " ").strip()
    while rest:
        match = _PART.match(rest)
        figure, count = _read(match) if match else (None, 0)
        if match is None or figure is None or figure in found:
            raise PanError(f'"{text}" is not a limit', remedy=_REMEDY, code=ExitCode.USAGE)
        found[figure] = count
        rest = rest[match.end() :].strip()
    if not found:
        raise PanError("a limit can't be empty", remedy=_REMEDY, code=ExitCode.USAGE)
    return Limit(found.get("nano"), found.get("tokens"), found.get("turns"))


def _read(match: re.Match[str]) -> tuple[str | None, int]:
    dollar, digits, suffix, unit = match.groups()
    try:
        number = Decimal(digits) * {"": 1, "k": 1000, "m": 1_000_000}[(suffix or "").lower()]
    except InvalidOperation:
        return None, 0
    figure = "nano" if dollar else _UNITS.get(unit.lower(), "tokens" if suffix and not unit else None)
    if number > _LARGEST or (dollar and unit.lower() not in ("", "usd")):
        return None, 0
    if figure == "nano":
        return figure, nano_of(number)
    return (figure, int(number)) if number == int(number) else (None, 0)


def limit_words(limit: Limit) -> str:
    """Give a limit as people write it.

    >>> limit_words(Limit(nano=500_000_000, tokens=100_000)), limit_words(Limit())
    ('$0.50, 100k tokens', 'no limit')
    """
    return (
        ", ".join(figure_words(one, most) for one in FIGURES if (most := getattr(limit, one)) is not None)
        or "no limit"
    )


def figure_words(figure: Figure, count: int) -> str:
    """Give one figure in words.

    >>> figure_words("nano", 1_270_000_000), figure_words("tokens", 1_500_000), figure_words("turns", 1)
    ('$1.27', '1.5M tokens', '1 turn')
    """
    if figure == "nano":
        return f"${count / NANO:.2f}" if count % (NANO // 100) == 0 else f"${count / NANO:.4g}"
    if figure == "turns":
        return f"{count} turn" + ("" if count == 1 else "s")
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.4g}{letter} tokens"
    return f"{count} tokens"


def limit_from_json(value: object) -> Limit:
    """Read a limit as files and requests have it: {"usd", "tokens", "turns"}; ValueError for anything else.

    >>> limit_from_json({"usd": 0.5}), limit_from_json(None)
    (Limit(nano=500000000, tokens=None, turns=None), Limit(nano=None, tokens=None, turns=None))
    """
    if value is None:
        return Limit()
    if not isinstance(value, Mapping) or not set(value) <= {"usd", "tokens", "turns"}:
        raise ValueError('a limit must be an object with "usd", "tokens" or "turns"')
    numbers = {key: number for key, number in value.items() if number is not None}
    for key, number in numbers.items():
        whole = isinstance(number, int) and not isinstance(number, bool)
        money = key == "usd" and isinstance(number, float) and number == number  # noqa: PLR0124 -- not NaN
        if not (whole or money) or not 0 <= number <= _LARGEST:
            raise ValueError(f'"{key}" must be a number, and not below 0')
    usd = numbers.get("usd")
    return Limit(None if usd is None else nano_of(usd), numbers.get("tokens"), numbers.get("turns"))


def to_json(value: Limit | Amount) -> dict[str, Any]:
    """Give a limit or an amount as files and screens have it: dollars, tokens, turns."""
    return {"usd": usd_of(value.nano), "tokens": value.tokens, "turns": value.turns}


assert [field.name for field in fields(Amount)] == list(FIGURES)  # noqa: S101 -- the order is relied on
