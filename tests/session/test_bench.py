"""What `pancode bench` does, whatever the figures are."""

from __future__ import annotations

import os

import pytest

from pancode.bench import measures, walls
from pancode.bench.bed import bed
from pancode.engine import files


def test_a_worker_is_started_with_its_sandbox_and_without_and_both_are_ended() -> None:
    with bed() as made:
        made.pancode("up", "--detach")
        found = walls.sandbox(made, measures.a_spec(made), 1)
        ended = [
            each
            for name in ("enclosed-0", "bare-0")
            for each in files.read_journal(os.path.join(made.places.home, name, "events.jsonl"))
            if each["kind"] == "ended"
        ]
        home = made.places.home
    assert [each["reason"] for each in ended] == ["stopped", "stopped"]
    assert found["n"] == 1
    assert found["bare_p50"] > 0
    assert found["added"] == pytest.approx(
        found["enclosed_p50"] - found["bare_p50"], abs=0.2
    )  # Rounded, all three.
    assert not os.path.exists(home)
