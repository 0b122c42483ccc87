"""Decides whether a run gets its own clone."""

from __future__ import annotations


def isolates(
    asked: bool | None, *, may_write: bool, is_agent: bool, in_repository: bool, others_write: bool
) -> bool:
    """Whether a run is isolated: as it was asked for, else where it would share a tree with other writers.

    A command of the shell agent is what its author wrote, so it is isolated only when that is asked for.

    >>> common = {"may_write": True, "is_agent": True, "in_repository": True}
    >>> isolates(None, **common, others_write=True), isolates(None, **common, others_write=False)
    (True, False)
    >>> isolates(False, **common, others_write=True), isolates(True, **common, others_write=False)
    (False, True)
    """
    if asked is not None:
        return asked
    return may_write and is_agent and in_repository and others_write
