"""What the inbox is made of: what could be got back, who loops, who asks, and how a question looks."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.actions import ActionClass
from pancode.core.grants import Grant, Level, Mode
from pancode.core.host import Asked, Refusal
from pancode.core.state import Finished, Run, Session, Stopping, Working, World
from pancode.domains.safety.commands.judgement import Part, Place
from pancode.domains.safety.evaluate import action_digest
from pancode.domains.safety.inbox_breaker import Breakers
from pancode.domains.safety.inbox_recovery import recoverable
from pancode.domains.safety.keyboard import pressed
from pancode.domains.safety.workers import is_worker
from pancode.domains.ui.popup import Card, Send, lines
from pancode.domains.ui.popup import pressed as pressed_in_popup
from pancode.domains.ui.question import question_lines

GRANT = Grant(Mode.BUILD, Level.FULL_AUTO)
RUN = Run(
    id="k3f", agent="codex", runtime="codex", task="t", model=None, grant=GRANT, queued=0.0,
    state=Working(1.0, 7),
)  # fmt: skip
PLACE = Place("/src/tree")
ASKED = Asked(agent="codex", task="t", cwd="/w", read_only=False, grant=GRANT)


def part(kind: ActionClass, *paths: str) -> Part:
    return Part("x", kind, "r", "w", paths=paths)


def test_paths_are_told_one_by_one_by_where_they_lie_and_what_they_are() -> None:
    told = part(ActionClass.BASH_DESTRUCTIVE, "/src/tree/dist", "/src/cache", "/src/tree/a.py")
    enclosed = recoverable([told], PLACE, sandbox="full")
    assert enclosed.split(" · ") == [
        "dist: a build makes it again",
        "/src/cache: outside of the work directory: the sandbox keeps it",
        "a.py: lost, but for what git has of it",
    ]
    assert "/src/cache: lost for good" in recoverable([told], PLACE, sandbox="none")
    known = recoverable([told], PLACE, sandbox="full", is_tracked=lambda path: path.endswith(".py"))
    assert "a.py: git has it as it was last committed" in known


def test_a_neighbour_whose_name_begins_alike_is_outside() -> None:
    told = part(ActionClass.FILE_DELETE, "/src/tree-2/dist")
    assert recoverable([told], PLACE, sandbox="none") == "/src/tree-2/dist: lost for good"


def test_what_is_not_known_is_not_promised() -> None:
    told = [part(ActionClass.BASH_DESTRUCTIVE), part(ActionClass.NOT_UNDERSTOOD)]
    said = recoverable(told, PLACE, sandbox="full")
    assert "nothing of that is certain" in said
    assert "nobody can say" in said


@pytest.mark.parametrize("kind", [kind for kind in ActionClass if kind is not ActionClass.FILE_READ])
def test_every_class_has_something_to_say_of_itself(kind: ActionClass) -> None:
    assert recoverable([part(kind, "/src/tree/a")], PLACE, sandbox="full")


class Stops:
    """Breakers, and the stops that they have posted."""

    def __init__(self) -> None:
        self.posted: list[ev.Event] = []
        self.now = 0.0
        self.breakers = Breakers(self.posted.append, lambda: self.now)

    def tool(self, ok: bool | None, *, name: str = "shell", command: str = "pytest") -> None:
        call: dict[str, Any] = {"id": "1", "name": name}
        self.breakers.on_tool(RUN, {"kind": "tool_started", **call, "args": {"command": command}})
        self.breakers.on_tool(RUN, {"kind": "tool_finished", **call, "ok": ok})


def test_the_same_call_that_fails_five_times_stops_the_run_once() -> None:
    stops = Stops()
    for _ in range(5):
        assert stops.posted == []
        stops.tool(ok=False)
    assert [type(event) for event in stops.posted] == [ev.StopAsked]
    stopping = replace(RUN, state=Stopping(2.0, "loop-breaker", "w", 7))
    stops.breakers.refused(stopping, "d", "no")
    stops.breakers.act(stopping)
    assert len(stops.posted) == 1


def test_a_call_that_fails_between_edits_is_work_and_no_loop() -> None:
    stops = Stops()
    for _ in range(20):
        stops.tool(ok=False)
        stops.tool(ok=True, name="edit", command="")
    for _ in range(4):
        stops.tool(ok=False)
    stops.tool(ok=True)
    for number in range(20):
        stops.tool(ok=False, command=f"pytest {number}")
        stops.tool(ok=None, command="unknown")
    assert stops.posted == []


def test_an_agent_that_fails_five_times_gets_a_pause_and_others_go_on() -> None:
    stops = Stops()
    failed = replace(RUN, state=Finished(2.0, "failed", "agent-error", {}))
    for _ in range(5):
        assert stops.breakers.gate.check(ASKED) is None
        stops.breakers.on_end(failed)
    refusal = stops.breakers.gate.check(ASKED)
    assert isinstance(refusal, Refusal)
    assert "another 10 min" in refusal.problem
    assert stops.breakers.gate.check(replace(ASKED, agent="claude")) is None
    stops.now = 601.0
    assert stops.breakers.gate.check(ASKED) is None


def test_commands_that_fail_and_runs_that_were_stopped_are_no_reason_for_a_pause() -> None:
    stops = Stops()
    for _ in range(9):
        stops.breakers.on_end(replace(RUN, runtime="shell", state=Finished(2.0, "failed", "agent-error", {})))
        stops.breakers.on_end(replace(RUN, state=Finished(2.0, "cancelled", "stopped", {})))
    assert stops.breakers.gate.check(ASKED) is None


def test_a_process_below_a_shim_is_a_worker_and_one_that_is_gone_counts_as_one() -> None:
    world = World(runs={"k3f": replace(RUN, shim_pid=os.getpid())})
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_worker(world, child.pid)
        assert not is_worker(World(), child.pid)
        assert not is_worker(World(runs={"k3f": RUN}), child.pid)
        child.kill()
    assert is_worker(World(), child.pid)
    assert is_worker(World(), None)


def test_only_the_step_to_full_auto_takes_two_presses() -> None:
    steps = {Level.SUGGEST: Level.AUTO_EDIT, Level.FULL_AUTO: Level.SUGGEST}
    for level, following in steps.items():
        assert pressed("s", Session(level=level), 9.0) == ev.LevelChosen(level=following, at=9.0)
    assert pressed("s", Session(), 9.0) == ev.RaiseAsked(at=9.0)
    for waited, raises in ((0.29, False), (0.3, True), (3.0, True), (3.1, False)):
        fact = pressed("s", Session(raise_asked=9.0), 9.0 + waited)
        assert isinstance(fact, ev.LevelChosen) is raises


QUESTION = {
    "id": "k3f.a1", "run_id": "k3f", "agent": "codex", "tool": "shell",
    "what": "rm -rf dist\n../cache\x1b[8m", "parts": [],
    "class": "bash_destructive", "why": "it deletes", "rule": "delete-outside", "source": "built-in",
    "recoverable": "dist: a build makes it again", "cwd": "/w", "deadline": 700.0,
}  # fmt: skip


def test_a_question_shows_all_of_the_command_and_hides_nothing() -> None:
    shown = [line for line, _ in question_lines(QUESTION, width=60, now=100.0)]
    assert shown[0] == "codex k3f.a1 wants to use shell"
    assert shown[1:3] == ["  rm -rf dist", "  ../cache\\x1b[8m"]
    assert any("rule delete-outside, built in" in line for line in shown)
    assert any("denied in 10:00 if nobody answers" in line for line in shown)
    assert max(map(len, shown)) <= 60


def test_a_long_command_says_that_it_goes_on_and_the_keys_stay() -> None:
    shown = lines(Card({**QUESTION, "what": "a\n" * 99}), 2, 100.0, (60, 12))
    assert len(shown) == 12
    assert "it goes on" in shown[9][0]
    assert "2 more wait" in shown[10][0]
    assert shown[11][0].startswith("[a]llow once")


@pytest.mark.parametrize("data", ["aa", "a\n", "yes", "\x1b[A", "z"])
def test_what_is_pasted_or_means_nothing_answers_nothing(data: str) -> None:
    card = Card(QUESTION)
    assert pressed_in_popup(card, data, quiet=9.0) == (card, None)


def test_each_key_of_the_popup_does_what_it_says() -> None:
    card = Card(QUESTION)
    orders = {key: pressed_in_popup(card, key, quiet=9.0)[1] for key in "aAds"}
    told = {key: order.args for key, order in orders.items() if isinstance(order, Send)}
    assert {key: (args.get("allow"), args.get("always")) for key, args in told.items() if key != "s"} == {
        "a": (True, False),
        "A": (True, True),
        "d": (False, False),
    }
    assert told["s"]["run"] == "k3f"
    typing, _ = pressed_in_popup(card, "D", quiet=9.0)
    for data in ("no", "t", "\x7f", "w"):
        typing, order = pressed_in_popup(typing, data, quiet=0.0)
        assert order is None
    _, order = pressed_in_popup(typing, "\n", quiet=0.0)
    assert isinstance(order, Send)
    assert (order.args["allow"], order.args["why"]) == (False, "now")
    typing, _ = pressed_in_popup(card, "D", quiet=9.0)
    _, order = pressed_in_popup(typing, "all at once\n", quiet=0.0)
    assert isinstance(order, Send)
    assert order.args["why"] == "all at once"
    assert pressed_in_popup(typing, "\x1b[A", quiet=9.0) == (typing, None)
    assert pressed_in_popup(card, "\x1b", quiet=9.0)[1] is True


def test_a_new_controller_counts_what_the_journals_tell() -> None:
    stops = Stops()
    action = {"tool": "shell", "command": "deploy"}
    asked = [
        record
        for number in range(4)
        for record in (
            {"seq": 2 * number + 1, "kind": "asked", "id": f"a{number}", "action": action},
            {"seq": 2 * number + 2, "kind": "answered", "id": f"a{number}", "allow": False, "by": "policy"},
        )
    ]
    unseen = {"seq": 9, "kind": "answered", "id": "a9", "allow": False, "by": "policy"}
    failed = [
        replace(RUN, id=f"f{at}", state=Finished(at, "failed", "agent-error", {})) for at in (1.0, 2.0, 3.0)
    ]
    stops.breakers.recall([*failed, replace(RUN, seq=8)], lambda _: [*asked, unseen])
    assert "the run is stopped" in stops.breakers.refused(RUN, action_digest(action), "no")
    assert stops.breakers.gate.check(ASKED) is None
    for at in (4.0, 5.0):
        stops.breakers.on_end(replace(RUN, state=Finished(at, "failed", "agent-error", {})))
    assert stops.breakers.gate.check(ASKED) is not None
