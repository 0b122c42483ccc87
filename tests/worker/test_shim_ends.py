"""However a run ends, nothing of it is left, and what happened is written down."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Controller, MakeShim, Shim

OK = {"kind": "finished", "ok": True}
TURN = {"kind": "turn"}
DEAF = "(trap '' HUP INT TERM; setsid sh -c 'while :; do sleep 1005; done') & "
FAMILY = (
    # In the background; in a session of its own; forked twice; deaf to all but SIGKILL.
    "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004 & wait' &) ; " + DEAF
)
MEMBERS = 6
ASLEEP = "wait"


def signals_sent(shim: Shim) -> list[str]:
    return [event["signal"] for event in shim.events("signalled")]


def test_what_a_normal_end_leaves_behind_is_ended(make_agent: MakeShim) -> None:
    shim = make_agent(OK, then=FAMILY + "read go < fifo; exit 0")
    os.mkfifo(shim.folder.parent / "fifo")
    shim.start(pane=False)
    shim.wait_family(MEMBERS)
    with (shim.folder.parent / "fifo").open("w") as fifo:
        fifo.write("go\n")
    assert shim.end() == 0
    assert not shim.survivors()
    assert signals_sent(shim)[:2] == ["SIGTERM", "SIGKILL"]
    assert shim.events("reaped")[0]["left"] == []
    assert len(shim.events("reaped")[0]["pids"]) >= MEMBERS - 1
    assert shim.verdict() == ("done", "completed")


@pytest.mark.parametrize("agent", ["structured", "command"])
def test_an_order_to_stop_ends_the_whole_family(
    make_agent: MakeShim, make_shim: MakeShim, controllers: Callable[[], Controller], agent: str
) -> None:
    controller = controllers()
    then = FAMILY + ASLEEP
    shim = make_agent(TURN, then=then) if agent == "structured" else make_shim("sh", "-c", then)
    shim.start()
    controller.accept()
    controller.say(ack=0)
    shim.wait_family(MEMBERS)
    controller.say(do="stop", by="operator", why="enough", force=False)
    assert shim.end() == 8
    assert not shim.survivors()
    assert shim.verdict() == ("cancelled", "stopped")
    asked = shim.events("stop_requested")[0]
    assert (asked["by"], asked["why"], asked["force"]) == ("operator", "enough", False)
    assert shim.result()["evidence"]["record"] == {
        "kind": "stop_requested",
        "by": "operator",
        "why": "enough",
        "force": False,
    }
    assert signals_sent(shim)[0] == "SIGINT"


def test_the_ladder_goes_from_asking_to_killing(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    deaf = "trap '' INT TERM; echo deaf > deaf; while :; do sleep 1006; done"
    shim = make_agent(TURN, then=deaf).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    shim.wait_file("deaf")
    controller.say(do="stop", by="operator", why="", force=False)
    assert shim.end() == 8
    assert signals_sent(shim)[:3] == ["SIGINT", "SIGTERM", "SIGKILL"]
    times = [event["m"] for event in shim.events("signalled")]
    assert min(times[1] - times[0], times[2] - times[1]) > 1.9  # of 2, as clocks go
    assert shim.result()["evidence"]["signal"] == "SIGKILL"


def test_an_order_by_force_kills_at_once(make_agent: MakeShim, controllers: Callable[[], Controller]) -> None:
    controller = controllers()
    shim = make_agent(TURN, then="trap '' INT TERM; " + FAMILY + ASLEEP).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    shim.wait_family(MEMBERS)
    controller.say(do="stop", by="operator", why="over", force=True)
    assert shim.end() == 8
    assert set(signals_sent(shim)) == {"SIGKILL"}
    assert not shim.survivors()


def test_one_ctrl_c_asks_an_agent_to_stop(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, then="trap 'exit 0' INT; echo up > up; while :; do sleep 0.05; done").start()
    shim.wait_file("up")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")
    assert shim.result()["evidence"]["exit"] == 0
    assert b"stopping: ^C in the pane; ^C kills it at once" in shim.seen
    assert signals_sent(shim) == ["SIGINT"]


def test_a_second_ctrl_c_kills(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, then="trap '' INT TERM; " + FAMILY + "echo up > up; " + ASLEEP).start()
    shim.wait_family(MEMBERS)
    shim.wait_file("up")
    shim.type(b"\x03")
    shim.wait_for("stopping")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert signals_sent(shim)[:2] == ["SIGINT", "SIGKILL"]
    assert [event["force"] for event in shim.events("stop_requested")] == [False, True]
    assert not shim.survivors()


def test_ctrl_c_reaches_a_command_as_a_key(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "echo up; exec sleep 1000").start()
    shim.wait_for("up")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")
    assert shim.result()["evidence"]["signal"] == "SIGINT"
    assert not shim.events("signalled")


@pytest.mark.parametrize("agent", ["structured", "command"])
def test_a_closed_pane_ends_the_run_and_its_result_is_written(
    make_agent: MakeShim, make_shim: MakeShim, agent: str
) -> None:
    then = "echo up > up; " + FAMILY + "while :; do echo noise; sleep 0.02; done"
    shim = make_agent(TURN, then=then) if agent == "structured" else make_shim("sh", "-c", then)
    shim.start()
    shim.wait_family(MEMBERS)
    shim.hang_up()
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")
    assert shim.events("stop_requested")[0]["by"] == "terminal"
    assert not shim.survivors()


def test_sigterm_to_the_shim_is_a_stop(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, then=FAMILY + ASLEEP).start(pane=False)
    shim.wait_family(MEMBERS)
    shim.signal(signal.SIGTERM)
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")
    assert shim.events("stop_requested")[0]["by"] == "signal"
    assert not shim.survivors()


def test_the_agent_dies_with_a_killed_shim(make_agent: MakeShim) -> None:
    from pathlib import Path

    shim = make_agent(TURN, then="trap '' HUP; exec sleep 1000").start(pane=False)
    agent = shim.wait_event("exec")["pid"]
    shim.wait_event("turn")
    pidfd = os.pidfd_open(agent)
    shim.signal(signal.SIGKILL)
    shim.end()
    import select

    assert select.select([pidfd], [], [], 60)[0], Path(f"/proc/{agent}/stat").read_text()
    os.close(pidfd)
    assert not (shim.folder / "result.json").exists()


def test_what_was_finished_before_the_stop_counts(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(OK, then="trap 'exit 0' INT; echo up > up; while :; do sleep 0.05; done").start(
        pane=False
    )
    controller.accept()
    controller.say(ack=0)
    shim.wait_file("up")
    controller.say(do="stop", by="operator", why="", force=False)
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")


def test_success_that_comes_after_the_stop_does_not_count(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    late = 'trap \'cat ok; exit 0\' INT; echo \'{"kind": "finished", "ok": true}\' > ok; echo up > up; '
    shim = make_agent(TURN, then=late + "while :; do sleep 0.05; done").start(pane=False)
    controller.accept()
    controller.say(ack=0)
    shim.wait_file("up")
    controller.say(do="stop", by="operator", why="", force=False)
    assert shim.end() == 8
    assert shim.events("finished")
    assert shim.verdict() == ("cancelled", "stopped")


def test_a_model_call_under_way_is_a_sign_of_life(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, then="sleep 1000", limits={"idle_s": 0.2}, heartbeat_s=0.1)
    calls = shim.folder / "calls.jsonl"
    calls.write_text('{"kind": "call_started", "call": "c1"}\nnonsense\n')
    shim.start(pane=False)
    shim.wait_event_count("heartbeat", 8)
    assert not shim.events("stop_requested")
    with calls.open("a") as file:
        file.write('{"kind": "call_ended", "call": "c1"}\n')
    assert shim.end() == 6
    assert shim.verdict() == ("timeout", "idle-timeout")


@pytest.mark.parametrize(
    ("limits", "events", "then", "verdict", "status"),
    [
        ({"wall_s": 0.3}, [TURN], "sleep 1000", ("timeout", "wall-timeout"), 6),
        ({"idle_s": 0.3}, [TURN], "sleep 1000", ("timeout", "idle-timeout"), 6),
        ({"max_turns": 2}, [TURN] * 3, "sleep 1000", ("budget", "budget"), 7),
        (
            {"token_budget": 99},
            [{"kind": "usage", "scope": "step", "input": 60, "output": 40}],
            "sleep 1000",
            ("budget", "budget"),
            7,
        ),
        (
            {"max_turns": 2, "wall_s": 60, "idle_s": 60, "token_budget": 9},
            [TURN] * 2 + [OK],
            "",
            ("done", "completed"),
            0,
        ),
    ],
)
def test_limits_end_a_run(
    make_agent: MakeShim,
    limits: dict[str, Any],
    events: list[Any],
    then: str,
    verdict: tuple[str, str],
    status: int,
) -> None:
    shim = make_agent(*events, then=then, limits=limits).start(pane=False)
    assert shim.end() == status
    assert shim.verdict() == verdict
    if status:
        assert shim.events("stop_requested")[0]["by"] == "limit"
    assert not shim.survivors()


def test_work_without_words_is_not_idleness(make_agent: MakeShim) -> None:
    busy = "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end: pass\n"
    then = f'{sys.executable} -I -S -c \'{busy}\'; echo \'{{"kind": "finished", "ok": true}}\''
    shim = make_agent(TURN, then=then, limits={"idle_s": 0.8}).start(pane=False)
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")


def test_heartbeats_say_what_is_true(make_agent: MakeShim) -> None:
    shim = make_agent(
        TURN,
        {"kind": "tool_started", "id": "1", "name": "shell", "args": {}},
        then="sleep 1000 & wait",
        heartbeat_s=0.1,
    ).start(pane=False)
    shim.wait_event("heartbeat")
    shim.wait_event_count("heartbeat", 3)
    shim.signal(signal.SIGTERM)
    shim.end()
    beat = shim.events("heartbeat")[2]
    assert (beat["state"], beat["procs"], beat["tool"]) == ("working", 2, "shell")
    assert beat["cpu_s"] >= 0
    assert beat["last_event_age_s"] >= 0


def test_heartbeats_tell_quiet_from_retrying(make_agent: MakeShim) -> None:
    waiting = {"kind": "retrying", "attempt": 1, "of": 10, "wait_s": 60, "http": 529, "why": "overloaded"}
    for event, state in ((waiting, "retrying"), (TURN, "quiet")):
        shim = make_agent(event, then="exec sleep 1000", heartbeat_s=0.1).start(pane=False)
        shim.wait_event_count("heartbeat", 3)
        shim.signal(signal.SIGTERM)
        shim.end()
        assert state in [beat["state"] for beat in shim.events("heartbeat")]
