"""What `pancode bench` does, whatever the figures are."""

from __future__ import annotations

import os

import pytest

from pancode.bench import measures, native, walls
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


def test_native_agents_are_measured_alone_and_together() -> None:
    with bed() as made:
        made.pancode("up", "--detach")
        found = native.native(made, 1, (2,))
    crowd = found["crowds"]["2"]
    assert (found["ready_ms"]["n"], crowd["loops"], crowd["loop_pss_mb"]["n"]) == (1, 2, 2)
    assert 0 < found["ready_ms"]["p50"] < found["first_request_ms"]["p50"] + 100
    assert crowd["loop_pss_mb"]["max"] < found["host_pss_mb"] + 100
