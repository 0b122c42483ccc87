"""A record with some fields changed, an order of magnitude sooner than by `dataclasses.replace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace as evolve  # By which the type checker knows each field.

    __all__ = ["evolve"]
else:
    Record = TypeVar("Record")

    def evolve(record: Record, /, **changes: object) -> Record:
        """Give a copy of a frozen record, one without slots or a `__post_init__`, with `changes` in it."""
        copy = object.__new__(type(record))
        object.__setattr__(copy, "__dict__", record.__dict__ | changes)
        return copy
