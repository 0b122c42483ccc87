"""How tests are shared out; the same examples in every run, so that a run fails for what was changed."""

from __future__ import annotations

import dataclasses
import os

import pytest
from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow,)  # of the machine, not of the property

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW
)
# To look for examples nobody thought of: scripts/test --hypothesis-profile=searching
settings.register_profile("searching", deadline=None, max_examples=2000, suppress_health_check=_SLOW)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the groups of tests that share a process, as xdist does where pytest lets it.

    xdist reads a test's group from the end of its id, and writes it into a field that pytest 9.2 has no more.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        group = _group(item)
        if group is not None and "@" not in item.nodeid:
            own = item.id
            said = f"[{own.params}]" if own.params is not None else ""
            names = (*own.names[:-1], f"{own.names[-1]}{said}@{group}")
            item._id = dataclasses.replace(own, names=names, params=None)


def _group(item: pytest.Item) -> str | None:
    """Give the group that a test names, or its module if that has something which its tests share."""
    named = item.get_closest_marker("xdist_group")
    if named is not None:
        return str(named.args[0])
    fixtures = getattr(item, "_fixtureinfo", None)
    if not isinstance(item, pytest.Function) or fixtures is None:
        return None
    is_shared = any(each[-1].scope == "module" for each in fixtures.name2fixturedefs.values())
    return f"{item.path.parent.name}-{item.path.stem}" if is_shared else None
