"""What one setting is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Value = str | float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its field in `Settings`, its variable, how it is read, its default and its meaning."""

    field: str
    variable: str
    kind: str
    unit: str
    default: str
    meaning: str
    read: Callable[[str], Value]
