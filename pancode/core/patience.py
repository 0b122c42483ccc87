"""Doing what can't be done at once: whatever is missing says when it will be there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pancode.core.errors import ExitCode, PanError

_T = TypeVar("_T")


class NotYetError(PanError):
    """What is needed is on its way: wait for `came`, then try again. Nothing has been done so far."""

    def __init__(self, problem: str, came: Callable[[], Awaitable[object]]) -> None:
        """`came` ends when it is there, or can't be had, which the next try then says."""
        super().__init__(problem, remedy="try again in a moment", code=ExitCode.CONFLICT)
        self.came = came


async def patiently(act: Callable[[], _T], tell: Callable[[str], object]) -> _T:
    """Give what `act` gives as soon as nothing is missing; `tell` hears what is waited for."""
    while True:
        try:
            return act()
        except NotYetError as error:
            came = error.came
            tell(error.problem)
        await came()
