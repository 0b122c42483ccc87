"""The order to pause against the order to end, without a worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pancode.worker.pause import Pause


def test_a_worker_that_is_asked_to_end_before_it_could_be_held_is_not_held_any_more() -> None:
    # Neither a watch nor a journal is there: touching the worker would raise.
    run: Any = SimpleNamespace(ending=False, is_up=False)
    pause = Pause(run)
    pause.order({"do": "pause", "by": "operator"}, 1.0)
    run.ending = run.is_up = True
    pause.tick(2.0)
    assert not pause.on
    assert pause.next_at() is None
