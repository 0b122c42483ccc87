"""How properties are tested: the same examples in every run, so that a run fails for what was changed."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow,)  # of the machine, not of the property

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW
)
# To look for examples nobody thought of: scripts/test --hypothesis-profile=searching
settings.register_profile("searching", deadline=None, max_examples=2000, suppress_health_check=_SLOW)
settings.load_profile("steady")
