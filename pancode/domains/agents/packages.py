"""Python packages that some runtimes need, in PanCode's own environment."""

from __future__ import annotations


def version(distribution: str) -> str | None:
    """Give the version of an installed distribution; None if it is not there.

    >>> version("no-such-distribution") is None
    True
    """
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
