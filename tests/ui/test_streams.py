"""What subscribers hear of the status, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from pancode.core.events import RunChanged
from pancode.domains.observability.api import Snapshot
from pancode.domains.observability.streams import UNSEEN, Streams
from pancode.engine import clock


class FakeSnapshot:
    def status(self) -> dict[str, Any]:
        return {}

    def session(self) -> dict[str, Any]:
        return {}

    def row(self, run_id: str) -> dict[str, Any]:
        return {"run_id": run_id}


class FakeCaller:
    """Hangs up once it has heard of `most` workers."""

    pid = None

    def __init__(self, most: int) -> None:
        self.heard: list[str] = []
        self._most = most

    @property
    def gone(self) -> bool:
        return len(self.heard) >= self._most

    async def send(self, event: Mapping[str, Any]) -> None:
        self.heard += [event["worker"]["run_id"]] if event["topic"] == "worker" else []

    def tell(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)


@pytest.mark.parametrize(
    ("args", "attached", "pauses"), [({"pane": True}, 0, UNSEEN), ({"pane": True}, 1, 1), ({}, 0, 1)]
)
def test_a_pane_that_nobody_looks_at_hears_more_seldom(
    monkeypatch: pytest.MonkeyPatch, args: dict[str, Any], attached: int, pauses: int
) -> None:
    passed = []

    async def pause(seconds: float) -> None:
        passed.append(seconds)
        await asyncio.sleep(0)

    async def main() -> list[str]:
        monkeypatch.setattr(clock, "pause", pause)
        streams = Streams(cast(Snapshot, FakeSnapshot()), lambda _: None, lambda: attached > 0)
        caller = FakeCaller(most=1)
        task = asyncio.create_task(streams.subscribe(args, caller))
        await asyncio.sleep(0)
        streams.on_run(RunChanged("k3f"))
        await task
        return caller.heard

    assert asyncio.run(main()) == ["k3f"]
    assert len(passed) == pauses
