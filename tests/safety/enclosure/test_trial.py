"""A trial of the sandbox that is killed is made again; one that says why it failed is not."""

from __future__ import annotations

import pytest

from pancode.domains.safety.enclosure import trial
from pancode.domains.safety.enclosure.asks import Machine
from pancode.domains.safety.enclosure.trial import TRIALS, WORDLESS, Attempt

GOOD = Attempt({"write-outside": "no"}, frozenset(), "none", "")
KILLED = Attempt(None, frozenset(), "none", WORDLESS)
FAILED = Attempt(None, frozenset(), "none", "bwrap: no permission")


@pytest.mark.parametrize(
    ("made", "found", "left"),
    [
        ([GOOD, KILLED], GOOD, 1),
        ([KILLED, GOOD], GOOD, 0),
        ([FAILED, GOOD], FAILED, 1),
        ([KILLED] * (TRIALS + 1), KILLED, 1),
    ],
)
def test_only_a_trial_that_was_killed_is_made_again(
    monkeypatch: pytest.MonkeyPatch, made: list[Attempt], found: Attempt, left: int
) -> None:
    coming = list(made)
    monkeypatch.setattr(trial, "_attempt", lambda *_: coming.pop(0))
    machine = Machine(sandbox="full", bwrap=None, bwrap_version=None, landlock_abi=0, root=True, hidden=())
    assert trial.attempt(machine, "/nowhere", {}) == found
    assert len(coming) == left
