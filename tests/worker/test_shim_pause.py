"""A paused worker is still, all of it; its clocks stand; it goes on, or ends, as it is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pancode.worker.limits import Watch
from pancode.worker.pause import Freezer
from tests.worker.conftest import until
from tests.worker.enclosing import needs_bwrap, profile
from tests.worker.test_shim_ends import ASLEEP, FAMILY, MEMBERS, OK, TURN, signals_sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Controller, MakeShim, Shim

COUNT = "i=0; while :; do i=$((i+1)); echo $i > count; sleep 0.01; done"


def states(shim: Shim) -> dict[int, str]:
    """Give the state of every process below the shim's."""
    from pancode.worker import tree

    return {each.pid: each.state for each in tree.below(shim.pid) if _is_agents(shim, each.pid)}


def _is_agents(shim: Shim, pid: int) -> bool:
    """Whether it is not the shim itself, below the program that gives it its terminal."""
    try:
        return os.fsencode(shim.folder) not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def are_still(shim: Shim) -> bool:
    """Whether nothing of the agent's runs: all is stopped, about to be once the kernel lets go, or over."""
    return set(states(shim).values()) <= {"T", "t", "D", "Z"}


def joined(controller: Controller) -> Controller:
    controller.accept()
    controller.say(ack=0)
    return controller


def pause(shim: Shim, controller: Controller) -> dict[str, Any]:
    controller.say(do="pause", by="operator", why="lunch")
    return shim.wait_event("paused")


@pytest.mark.parametrize("agent", ["structured", "command"])
def test_the_whole_family_is_stopped_and_goes_on(
    make_agent: MakeShim, make_shim: MakeShim, controllers: Callable[[], Controller], agent: str
) -> None:
    controller = controllers()
    then = FAMILY + "read go < fifo; exit 0"
    changes: dict[str, Any] = {"heartbeat_s": 0.05}
    if agent == "structured":
        shim = make_agent(OK, then=then, **changes)
    else:
        shim = make_shim("sh", "-c", then, **changes)
    os.mkfifo(shim.folder.parent / "fifo")
    shim.start()
    joined(controller)
    shim.wait_family(MEMBERS)
    record = pause(shim, controller)
    assert (record["by"], record["why"], record["running"]) == ("operator", "lunch", [])
    assert record["procs"] >= MEMBERS
    assert are_still(shim)
    until(lambda: "paused" in [beat["state"] for beat in shim.events("heartbeat")], "a beat that says so")
    shim.wait_for("paused by operator")
    controller.say(do="resume", by="operator")
    assert shim.wait_event("resumed")["paused_s"] > 0
    until(lambda: "T" not in states(shim).values(), "the family to go on")
    with (shim.folder.parent / "fifo").open("w") as fifo:
        fifo.write("go\n")
    assert shim.end() == 0
    assert not shim.survivors()


def test_what_forks_without_end_is_stopped_too(
    make_shim: MakeShim, controllers: Callable[[], Controller]
) -> None:
    storm = "f() { while :; do (sleep 0.02 & sleep 0.01); done; }; f & f & f & echo up > up; f"
    controller = controllers()
    shim = make_shim("sh", "-c", storm).start(pane=False)
    joined(controller)
    shim.wait_file("up")
    for _ in range(3):
        seen = len(shim.events("paused"))
        controller.say(do="pause", by="operator", why="")
        shim.wait_event_count("paused", seen + 1)
        assert shim.events("paused")[-1]["running"] == []
        assert are_still(shim)
        controller.say(do="resume", by="operator")
        shim.wait_event_count("resumed", seen + 1)
    controller.say(do="stop", by="operator", why="", force=True)
    assert shim.end() == 8
    assert not shim.survivors()


def test_what_has_stopped_by_itself_stays_so(
    make_shim: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_shim("sh", "-c", "sh -c 'echo $$ > own; kill -STOP $$' & read go < fifo").start(pane=False)
    os.mkfifo(shim.folder.parent / "fifo")
    joined(controller)
    shim.wait_file("own")
    own = int(until((shim.folder.parent / "own").read_text, "its pid"))
    until(lambda: states(shim).get(own) == "T", "it to stop itself")
    pause(shim, controller)
    controller.say(do="resume", by="operator")
    shim.wait_event("resumed")
    until(lambda: set(states(shim).values()) != {"T"}, "the others to go on")
    assert states(shim)[own] == "T"


@pytest.mark.parametrize("force", [False, True])
def test_a_paused_worker_can_be_stopped(
    make_agent: MakeShim, controllers: Callable[[], Controller], force: bool
) -> None:
    controller = controllers()
    then = "trap 'echo tidy > tidied; exit 0' INT; sleep 1007 & echo up > up; while :; do sleep 0.02; done"
    shim = make_agent(TURN, then=then).start(pane=False)
    joined(controller)
    shim.wait_file("up")
    pause(shim, controller)
    controller.say(do="stop", by="operator", why="enough", force=force)
    assert shim.end() == 8
    assert not shim.survivors()
    assert shim.verdict() == ("cancelled", "stopped")
    assert signals_sent(shim)[0] == ("SIGKILL" if force else "SIGINT")
    assert (shim.folder.parent / "tidied").exists() is not force


@pytest.mark.parametrize("how", ["ctrl-c", "closed pane", "terminated shim"])
def test_a_paused_worker_ends_with_its_pane(
    make_shim: MakeShim, controllers: Callable[[], Controller], how: str
) -> None:
    controller = controllers()
    shim = make_shim("sh", "-c", FAMILY + ASLEEP).start()
    joined(controller)
    shim.wait_family(MEMBERS)
    pause(shim, controller)
    if how == "ctrl-c":
        shim.type(b"\x03")
    elif how == "closed pane":
        shim.hang_up()
    else:
        from pancode.worker import tree

        os.kill(
            next((each.pid for each in tree.below(shim.pid) if not _is_agents(shim, each.pid)), shim.pid), 15
        )
    assert shim.end() == 8
    assert not shim.survivors()


def test_a_pause_that_comes_early_takes_effect_once_the_agent_runs(
    make_shim: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_shim("sh", "-c", COUNT).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    assert pause(shim, controller)["running"] == []
    assert [event["kind"] for event in shim.events()][:3] == ["started", "exec", "paused"]
    controller.say(do="pause", by="operator", why="again")
    controller.say(do="resume", by="operator")
    shim.wait_event("resumed")
    shim.wait_file("count")
    controller.say(do="stop", by="operator", why="", force=True)
    assert shim.end() == 8
    assert len(shim.events("paused")) == 1


def test_one_that_is_being_stopped_is_not_paused(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent(TURN, then="trap '' INT; echo up > up; while :; do sleep 1008; done").start(pane=False)
    joined(controller)
    shim.wait_file("up")
    controller.say(do="stop", by="operator", why="", force=False)
    controller.say(do="pause", by="operator", why="")
    assert shim.end() == 8
    assert not shim.events("paused")


def test_it_stays_paused_without_a_controller(
    make_shim: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_shim("sh", "-c", COUNT, heartbeat_s=0.05).start(pane=False)
    joined(controller)
    shim.wait_file("count")
    pause(shim, controller)
    controller.close()
    before = len(shim.events("heartbeat"))
    shim.wait_event_count("heartbeat", before + 3)
    assert are_still(shim)
    again = joined(controllers())
    again.say(do="resume", by="operator")
    shim.wait_event("resumed")
    again.say(do="stop", by="operator", why="", force=True)
    assert shim.end() == 8


@needs_bwrap
def test_what_is_inside_a_sandbox_is_stopped(
    make_shim: MakeShim, controllers: Callable[[], Controller], tmp_path: Path
) -> None:
    controller = controllers()
    shim = make_shim("sh", "-c", FAMILY + ASLEEP, sandbox=profile(tmp_path)).start(pane=False)
    joined(controller)
    shim.wait_family(MEMBERS)
    assert pause(shim, controller)["running"] == []
    assert len(states(shim)) > MEMBERS
    assert are_still(shim)
    controller.say(do="resume", by="operator")
    shim.wait_event("resumed")
    controller.say(do="stop", by="operator", why="", force=False)
    assert shim.end() == 8
    assert not shim.survivors()


def test_clocks_stand_still() -> None:
    """Two seconds of work count as two, whatever lies between them."""
    tally: Any = type("Tally", (), {"turns_seen": 0, "spent": 0, "retrying": False})()
    watch = Watch({"wall_s": 10.0, "idle_s": 5.0, "max_turns": None, "token_budget": None}, 100.0)
    watch.hold(103.0)
    assert watch.next_at() is None
    assert not watch.wants_sample(500.0)
    assert watch.reached(tally, 500.0) is None
    watch.go_on(1000.0)
    assert watch.reached(tally, 1001.5) is None
    assert watch.reached(tally, 1002.5) == ("idle-timeout", "no output and no work for 5 s")
    watch.alive(1002.5)
    assert watch.reached(tally, 1006.5) is None
    assert watch.reached(tally, 1007.0) == ("wall-timeout", "the run took longer than 10 s")
    watch.go_on(2000.0)
    assert watch.reached(tally, 1007.0) is not None


def test_a_group_of_the_new_layout_is_frozen_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "cgroup.freeze").write_text("0")
    (tmp_path / "cgroup.procs").write_text("12\n13\n")
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    freezer = Freezer(str(tmp_path / "cgroup.freeze"))
    assert freezer.press() == (2, [12, 13])
    assert (tmp_path / "cgroup.freeze").read_text() == "1"
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert freezer.press() == (2, [])
    freezer.release()
    assert (tmp_path / "cgroup.freeze").read_text() == "0"
