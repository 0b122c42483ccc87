"""Run ids: short, easy to say, unique in a session; any unambiguous prefix names a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container

from pancode.core.errors import ExitCode, PanError

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""No 0 1 i l o: ids are read aloud and typed."""
SHORTEST = 3


class Either:
    """What is in any of several containers; none of them is gone through."""

    def __init__(self, *containers: Container[str]) -> None:
        """Ask `containers`, one after the other."""
        self._containers = containers

    def __contains__(self, name: object) -> bool:
        """Whether one of them has it."""
        return any(name in each for each in self._containers)


def new_id(taken: Container[str], pick: Callable[[str], str]) -> str:
    """Give an id that is not taken; `pick` chooses one character of a string.

    The first character is a letter, so that an id never looks like a number. Ids grow when crowded.
    """
    length = SHORTEST
    while True:
        for _ in range(20):
            name = pick(ALPHABET[8:]) + "".join(pick(ALPHABET) for _ in range(length - 1))
            if name not in taken:
                return name
        length += 1


def resolve(prefix: str, known: Collection[str]) -> str:
    """Give the one id that `prefix` means; raise PanError if there is none or more than one.

    >>> resolve("k", ["k3f", "m2a"])
    'k3f'
    """
    if prefix in known:
        return prefix
    found = sorted(name for name in known if prefix and name.startswith(prefix))
    if len(found) == 1:
        return found[0]
    if not found:
        raise PanError(f'there is no run "{prefix}"', remedy="pancode runs", code=ExitCode.NOT_FOUND)
    raise PanError(
        f'"{prefix}" could be {", ".join(found[:6])}', remedy="type more of it", code=ExitCode.NOT_FOUND
    )
