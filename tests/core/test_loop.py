"""The controller's loop: one fault doesn't take the rest along, and a second order is an order."""

from __future__ import annotations

from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderStop
from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Stopping
from pancode.engine.loop import Loop

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)


def queued(run: str) -> ev.RunQueued:
    return ev.RunQueued(run=run, at=1.0, agent="shell", task="t", model=None, grant=GRANT, runtime="shell")


def stop(run: str, *, force: bool) -> ev.StopAsked:
    return ev.StopAsked(run=run, at=2.0, by="operator", why="w", force=force)


def a_loop() -> Loop:
    loop = Loop(lambda _: None)
    loop.performs(OpenPane, lambda _: None)
    return loop


def test_a_run_that_is_stopping_already_can_still_be_killed() -> None:
    orders: list[OrderStop] = []
    loop = a_loop()
    loop.performs(OrderStop, orders.append)
    loop.post(queued("k3f"))
    loop.post(ev.StartCleared(run="k3f", at=1.5))
    loop.post(stop("k3f", force=False))
    loop.post(stop("k3f", force=True))
    assert isinstance(loop.world.runs["k3f"].state, Stopping)
    assert [order.force for order in orders] == [False, True]


@pytest.mark.parametrize("error", [PanError("the disk is full"), OSError(28, "no space"), ValueError("x")])
def test_a_fault_in_one_place_keeps_nothing_else_from_happening(error: Exception) -> None:
    def fail(_: object) -> None:
        raise error

    told: list[object] = []
    loop = a_loop()
    loop.performs(CloseBooks, fail)
    loop.on(ev.RunChanged, fail)
    loop.on(ev.RunChanged, told.append)
    loop.post(queued("k3f"))
    loop.post(ev.WorkerVanished(run="k3f", at=2.0, why="x"))
    loop.post(queued("m22"))
    assert told == [ev.RunChanged("k3f"), ev.RunChanged("k3f", ended=True), ev.RunChanged("m22")]


def test_text_is_told_to_those_who_want_each_record_and_is_no_news_of_the_run() -> None:
    told: list[object] = []
    loop = a_loop()
    loop.on(ev.RunChanged, told.append)
    loop.on(ev.WorkerSaid, told.append)
    loop.post(queued("k3f"))
    retrying = ev.WorkerSaid(run="k3f", at=2.0, seq=1, record={"kind": "retrying", "why": "529"})
    texts = [ev.WorkerSaid(run="k3f", at=3.0, seq=seq, record={"kind": "text"}) for seq in (2, 3)]
    for event in (retrying, *texts):
        loop.post(event)
    news = ev.RunChanged("k3f")
    assert told == [news, retrying, news, texts[0], news, texts[1]]


def test_who_wants_records_of_a_kind_is_told_those_alone() -> None:
    told: list[object] = []
    loop = a_loop()
    loop.on_record(("asked", "answered"), told.append)
    loop.post(queued("k3f"))
    kinds: list[Any] = ["text", "asked", ["asked"], "answered"]
    said = [
        ev.WorkerSaid(run="k3f", at=2.0, seq=seq, record={"kind": kind})
        for seq, kind in enumerate(kinds, start=1)
    ]
    for event in said:
        loop.post(event)
    assert told == [said[1], said[3]]


def test_a_fact_about_a_run_that_nobody_knows_does_not_stop_the_others() -> None:
    loop = a_loop()
    loop.post(ev.WorkerVanished(run="zzz", at=1.0, why="x"))
    loop.post(queued("k3f"))
    assert set(loop.world.runs) == {"k3f"}


def test_a_worker_without_a_pane_has_none_that_could_be_closed() -> None:
    # tmux takes an empty pane id for the current pane, which is the controller's own.
    loop = a_loop()
    loop.post(queued("k3f"))
    loop.post(ev.PaneOpened(run="k3f", at=1.0, pane="", window="", shim_pid=5))
    run = loop.world.runs["k3f"]
    assert (run.pane, run.window, run.shim_pid) == (None, None, 5)
