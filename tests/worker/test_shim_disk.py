"""A full disk: the agent is stopped rather than lied about, and the end is still written down."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.conftest import MakeShim


def test_a_full_disk_stops_the_agent_and_says_so(make_agent: MakeShim, small_disk: Path) -> None:
    line = '{"kind": "text", "text": "' + "x" * 5000 + '"}'
    endless = f"while :; do echo '{line}'; done"
    shim = make_agent(then=endless, folder=small_disk / "run").start()
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    message = shim.result()["evidence"]["record"]["message"]
    assert message == "the run can't be recorded: no space left on device"
    assert b"no space left on device" in shim.seen
    events = shim.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "ended"
    assert not shim.survivors()


def test_a_disk_full_to_the_brim_still_lets_the_run_end(make_agent: MakeShim, small_disk: Path) -> None:
    then = "echo up > up; exec sleep 1000"
    shim = make_agent({"kind": "turn"}, then=then, folder=small_disk / "run", heartbeat_s=0.1).start()
    shim.wait_file("up")
    (shim.folder / "reserve").unlink()
    with (small_disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    shim.wait_for("no space left on device")
    assert shim.end() == 12
    assert not shim.survivors()
    assert b"the result can't be written" in shim.seen
