"""The line to the controller: everything arrives once it can, in order, and the agent never waits for it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Controller, MakeShim

OK = {"kind": "finished", "ok": True}
TURN = {"kind": "turn"}
GATED = 'read go < fifo; echo \'{"kind": "finished", "ok": true}\''


def hear_all(controller: Controller, first: int) -> list[int]:
    """Hear journal lines up to the last, and acknowledge it."""
    seqs: list[int] = []
    while True:
        line = controller.hear()
        seqs.append(line["seq"])
        if line["kind"] == "ended":
            controller.say(ack=line["seq"])
            assert seqs == list(range(first, line["seq"] + 1))
            return seqs


def test_the_journal_is_sent_as_it_stands(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(TURN, OK).start(pane=False)
    hello = controller.accept()
    assert hello == {"id": 0, "verb": "worker", "args": {"run": shim.run, "pid": shim.pid}}
    controller.say(ack=0)
    heard: list[dict[str, object]] = []
    while not heard or heard[-1]["kind"] != "ended":
        heard.append(controller.hear())
    controller.say(ack=heard[-1]["seq"])
    assert shim.end() == 0
    assert heard == shim.events()


def test_a_new_controller_gets_what_the_old_one_did_not_acknowledge(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    first = controllers()
    shim = make_agent(*[TURN] * 500, then=GATED)
    os.mkfifo(shim.folder.parent / "fifo")
    shim.start(pane=False)
    first.accept()
    first.say(ack=0)
    while first.hear()["seq"] < 100:
        pass
    first.close()
    shim.wait_event_count("turn", 500)
    second = controllers()
    second.accept()
    second.say(ack=37)
    assert second.hear()["seq"] == 38
    with (shim.folder.parent / "fifo").open("w") as fifo:
        fifo.write("go\n")
    hear_all(second, 39)
    assert shim.end() == 0


def test_nothing_is_sent_before_the_controller_says_what_it_has(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(TURN, OK).start(pane=False)
    controller.accept()
    assert shim.end() == 0
    assert controller.rest == b""
    assert controller.line is not None
    assert controller.line.recv(10) == b""


def test_an_end_is_reached_without_any_controller(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, OK, socket="/nowhere/" + "x" * 200).start(pane=False)
    assert shim.end() == 0
    ended = shim.events()[-1]
    assert ended["m"] - shim.events("exited")[0]["m"] < 20


def test_a_controller_that_talks_nonsense_is_left_and_tried_again(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(TURN, then="sleep 1000").start(pane=False)
    controller.accept()
    assert controller.line is not None
    controller.line.sendall(b"\xff{]\n")
    assert controller.line.recv(1) == b""
    controller.accept()
    controller.say(ack=10**9)
    controller.say(unknown="word")
    controller.say(do="dance")
    controller.say(do="stop")
    assert shim.end() == 8
    assert shim.events("stop_requested")[0]["by"] == "controller"


def test_a_controller_that_comes_late_is_found(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    shim = make_agent(TURN, then="exec sleep 1000").start(pane=False)
    shim.wait_event("turn")
    controller = controllers()
    controller.accept()
    controller.say(ack=0)
    assert controller.hear()["kind"] == "started"
    shim.signal(signal.SIGTERM)
    hear_all(controller, 2)
    assert shim.end() == 8


def test_a_controller_that_does_not_read_holds_nothing_up(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(*({"kind": "text", "text": "x" * 1000} for _ in range(3000)), OK).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    assert shim.end() == 0
    assert len(shim.events("text")) == 3000
