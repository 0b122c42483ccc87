"""What one setting is made of: its names, how its text is read, who may set it, and when it takes effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = str | float | None
Effect = Literal["at once", "with the next run", "with the next up"]
Others = Literal["free", "tighten", "reach", "no"]
"""What a project, and whoever is not the operator, may do: set it, only make it stricter, choose among what
the operator's own settings reach, or nothing."""
Looser = Callable[[Value, Value], bool]
"""Whether the second value allows more than the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting. `read` makes a value out of a text, or raises ValueError with words for what fits."""

    name: str
    """Its dotted name in files and on the command line, such as models.worker."""
    field: str
    """Its field in `Settings`."""
    variable: str
    kind: str
    meaning: str
    read: Callable[[str], Value]
    default: str = "not set"
    """The default in words; what it is in truth, `Settings` says."""
    unit: str = ""
    effect: Effect = "with the next run"
    others: Others = "no"
    looser: Looser | None = None
    stock: Callable[[], Value] | None = None
    """What holds where nothing is set, if the machine decides that; for the comparison alone."""
    admin: bool = False
    """Whether a session takes it only in admin mode."""
    in_files: bool = True
    """Whether a file may set it; False for what says where the files are."""
    flag: str | None = None
    """The option that says it for one run or one `up`."""

    @property
    def is_hot(self) -> bool:
        """Whether a session that is up takes a change over."""
        return self.effect != "with the next up"

    @property
    def words(self) -> tuple[str, ...]:
        """Give the words that fit, where only these do."""
        found = getattr(self.read, "words", ())
        return found if isinstance(found, tuple) else ()

    def loosens(self, before: Value, after: Value) -> bool:
        """Whether a change from `before` to `after` allows more, as far as this setting allows anything."""
        if self.looser is None:
            return self.others == "no"
        stock = self.stock() if self.stock else None
        return self.looser(stock if before is None else before, stock if after is None else after)


def more(before: Value, after: Value) -> bool:
    """Whether a larger limit is meant; None is no limit at all.

    >>> more(2, 3), more(None, 3), more(3, None)
    (True, False, True)
    """
    if before is None or after is None:
        return before is not None and after is None
    return float(after) > float(before)


def less(before: Value, after: Value) -> bool:
    """Whether a smaller reserve is meant."""
    return more(after, before)


def later_of(words: tuple[str, ...]) -> Looser:
    """Give the comparison of words that stand from the strictest to the loosest.

    >>> later_of(("suggest", "auto-edit"))("auto-edit", "suggest")
    False
    """
    return lambda before, after: words.index(str(after)) > words.index(str(before))
