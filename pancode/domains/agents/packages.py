"""Python packages that some runtimes need, in PanCode's own environment."""

from __future__ import annotations

import sys
from functools import lru_cache

from pancode.engine import files


def version(distribution: str) -> str | None:
    """Give the version of an installed distribution; None if it is not there.

    >>> version("no-such-distribution") is None
    True
    """
    # Looking it up takes a millisecond, and a run that is asked for waits for it.
    return _version(distribution, tuple(files.stamp(place) for place in sys.path))


@lru_cache(maxsize=32)
def _version(distribution: str, _places: tuple[object, ...]) -> str | None:
    """Look it up, once for as long as the directories of packages stay as they are."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def remedy(extra: str) -> str:
    """Give the command that brings what an extra of PanCode's is made of.

    >>> remedy("claude")
    "pip install 'pancode[claude]'"
    """
    return f"pip install 'pancode[{extra}]'"
