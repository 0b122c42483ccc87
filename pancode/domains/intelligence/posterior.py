"""How often something goes well, as far as counts tell: Beta distributions with whole parameters. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

_STEPS = 50
"""Halvings of an interval; then it is exact to the last digit that is printed."""


@dataclass(frozen=True, slots=True)
class Beta:
    """What is known after `well` of `runs` went well, where nothing was known before."""

    well: int
    runs: int

    @property
    def mean(self) -> float:
        """Give the expected share.

        >>> Beta(0, 0).mean, Beta(9, 10).mean
        (0.5, 0.8333333333333334)
        """
        return (self.well + 1) / (self.runs + 2)

    @property
    def variance(self) -> float:
        """Give how far the share may be from the expected one, squared."""
        return self.mean * (1 - self.mean) / (self.runs + 3)

    def interval(self, share: float = 0.9) -> tuple[float, float]:
        """Give the bounds between which the true share lies with this probability.

        >>> [round(bound, 2) for bound in Beta(9, 10).interval()]
        [0.64, 0.97]
        """
        tail = (1 - share) / 2
        return self._quantile(tail), self._quantile(1 - tail)

    def _quantile(self, wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if _below(middle, self.well + 1, self.runs + 2) < wanted:
                low = middle
            else:
                high = middle
        return (low + high) / 2


def chance_better(one: Beta, other: Beta) -> float:
    """Give the probability that `one` has the higher true share.

    >>> round(chance_better(Beta(9, 10), Beta(9, 10)), 3), round(chance_better(Beta(19, 20), Beta(10, 20)), 4)
    (0.5, 0.9993)
    """
    return _chance(one.well + 1, one.runs - one.well + 1, other.well + 1, other.runs - other.well + 1)


@lru_cache(maxsize=4096)
def _chance(a1: int, b1: int, a2: int, b2: int) -> float:
    """Sum the closed form for whole parameters."""
    base = _log_beta(a2, b2)
    total = 0.0
    for i in range(a1):
        total += math.exp(_log_beta(a2 + i, b1 + b2) - math.log(b1 + i) - _log_beta(1 + i, b1) - base)
    return min(1.0, max(0.0, total))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _below(x: float, a: int, total: int) -> float:
    """Give the probability of a share below x for Beta(a, total - a): a tail of the binomial."""
    n = total - 1
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    logs = (math.log(x), math.log1p(-x))
    top = math.lgamma(n + 1)
    return math.fsum(
        math.exp(top - math.lgamma(j + 1) - math.lgamma(n - j + 1) + j * logs[0] + (n - j) * logs[1])
        for j in range(a, n + 1)
    )
