"""Native agents in a real session: real shim, sandbox, controller and tmux; the test plays the model."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from pancode.scripted.server import serve_in_thread
from tests.native.conftest import Bed
from tests.native.model import Fails, Says, call
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux


LOOK = """
import glob
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
    try:
        print(open(path, errors="replace").read())
    except OSError:
        pass
print("marked")
"""


class Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self, answer: Says | Fails) -> None:
        self.answer = answer
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> Says | Fails:
        self.reached.set()
        self.open.wait(60)
        return self.answer


def reached(gate: Gate) -> None:
    assert gate.reached.wait(60)


def held(bed: Bed, run: str, question: str) -> None:
    wait_until(lambda: any(each["id"] == question for each in bed.events(run, "asking")), question)


def test_a_run_uses_its_tools_and_says_what_they_gave(bed: Bed) -> None:
    bed.path("look.py").write_text(LOOK)
    look = call("bash", command="python3 look.py")
    play = bed.model.play(
        "alpha",
        Says("I write.", (call("write", path="alpha.txt", content="one\r\ntwo\n"), look)),
        Says(calls=(call("read", path="alpha.txt"), call("ls"), call("grep", pattern="tw"))),
        Says("All is well."),
    )
    run = bed.start("do alpha")
    result = bed.result(run)
    assert (result["status"], result["result"]) == ("done", "All is well.")
    assert bed.path("alpha.txt").read_bytes() == b"one\r\ntwo\n"
    assert result["usage"]["turns"] == 3
    assert result["model"] == "m-of-the-server"
    assert result["usage"]["tool_calls"] == 5
    assert result["usage"]["input"] == 300
    written, seen, read, listed, found = play.results()
    assert "alpha.txt" in written
    assert "marked" in seen
    assert "two" in read
    assert "alpha.txt" in listed
    assert "two" in found
    spec = json.loads((bed.path("/") / bed.session.places.runs / run / "spec.json").read_text())
    assert spec["sandbox"]["network"]["forwards"] == []
    for secret in ("sk-test", f"pan-{run}-", "PANCODE_NATIVE_KEY"):
        assert secret not in seen
    assert bed.model.keys == {"Bearer sk-test-of-the-model-0123456789"}
    assert play.requests[0]["messages"][0]["role"] == "system"


def test_a_conversation_goes_on(bed: Bed) -> None:
    play = bed.model.play("bravo", Says(calls=(call("ls"),)), Says("First."), Says("Second."))
    first = bed.start("do bravo")
    assert bed.result(first)["status"] == "done"
    second = bed.session.json("say", first, "and now again", "--detach")["run_id"]
    assert bed.result(second)["result"] == "Second."
    texts = [each.get("content") for each in play.requests[-1]["messages"] if each["role"] != "system"]
    assert texts[0] == "do bravo"
    assert texts[-2:] == ["First. ", "and now again"] or texts[-1] == "and now again"


def test_a_loop_that_was_killed_goes_on_from_its_last_step(bed: Bed) -> None:
    gate = Gate(Says("Gone on."))
    count = call("bash", command="echo once >> charlie.txt")
    play = bed.model.play("charlie", Says(calls=(count,)), gate, Says("Gone on."))
    run = bed.start("do charlie")
    reached(gate)
    (loop,) = bed.loops()
    os.kill(loop, signal.SIGKILL)
    result = bed.result(run)
    gate.open.set()
    assert (result["status"], result["result"]) == ("done", "Gone on.")
    assert bed.path("charlie.txt").read_text() == "once\n"
    assert len(bed.events(run, "loop_lost")) == 1
    assert [each["role"] for each in play.requests[-1]["messages"]][-2:] == ["assistant", "tool"]


def test_a_call_that_was_under_way_is_not_made_again(bed: Bed) -> None:
    waits = "while [ ! -e delta.go ]; do sleep 0.05; done"
    slow = call("bash", command=f"echo begun >> delta.txt; echo seen at once; {waits}")
    play = bed.model.play("delta", Says(calls=(call("ls"), slow)), Says("Seen."))
    run = bed.start("do delta")
    wait_until(bed.path("delta.txt").exists, "the call to begin")
    cast = Path(bed.session.places.runs) / run / "terminal.cast"
    wait_until(lambda: "seen at once" in cast.read_text(), "what the command prints, while it runs")
    assert not bed.events(run, "output")
    (loop,) = bed.loops()
    os.kill(loop, signal.SIGKILL)
    assert bed.result(run)["status"] == "done"
    assert bed.path("delta.txt").read_text() == "begun\n"
    listed, lost = play.results()
    assert "delta.txt" in listed or listed
    assert "cut off in the middle" in lost


def test_the_host_comes_back_and_its_runs_go_on(bed: Bed) -> None:
    gate = Gate(Says("After all."))
    bed.model.play("echo", gate, Says("After all."))
    run = bed.start("do echo")
    reached(gate)
    host = bed.host()
    os.kill(host, signal.SIGKILL)
    result = bed.result(run)
    gate.open.set()
    assert (result["status"], result["result"]) == ("done", "After all.")
    assert bed.host() != host


def test_one_that_hangs_is_ended_and_touches_no_other(bed: Bed) -> None:
    gate, other = Gate(Says("Never.")), Gate(Says("Unharmed."))
    bed.model.play("foxtrot", gate)
    hung = bed.start("do foxtrot", "--idle", "8")
    reached(gate)
    (loop,) = bed.loops()
    os.kill(loop, signal.SIGSTOP)
    bed.model.play("golf", other)
    well = bed.start("do golf")
    reached(other)
    gate.open.set()
    assert bed.result(hung)["status"] == "timeout"
    wait_until(lambda: not is_running(loop), "the hung loop's end")
    other.open.set()
    assert bed.result(well)["result"] == "Unharmed."


def test_a_stopped_run_leaves_no_loop(bed: Bed) -> None:
    gate = Gate(Says("Never."))
    bed.model.play("hotel", gate)
    run = bed.start("do hotel")
    reached(gate)
    (loop,) = bed.loops()
    bed.session.pancode("stop", run, code=None)
    assert bed.result(run)["status"] == "cancelled"
    wait_until(lambda: not is_running(loop), "the loop's end")
    gate.open.set()


def test_a_mode_that_changes_in_the_middle_of_a_turn_takes_tools_away_and_gives_them_back(bed: Bed) -> None:
    write = call("write", path="india.txt", content="written")
    first, second = Gate(Says(calls=(write,))), Gate(Says(calls=(write,)))
    play = bed.model.play("india", first, second, Says("Done."))
    run = bed.start("do india")
    reached(first)
    assert {"write", "edit", "bash"} <= set(play.tools(0))
    bed.session.pancode("mode", "plan")
    first.open.set()
    reached(second)
    assert not bed.path("india.txt").exists()
    assert "plan mode" in play.results()[0]
    assert play.tools(1) == ["read", "grep", "find", "ls", "share"]
    bed.session.pancode("mode", "build")
    second.open.set()
    assert bed.result(run)["status"] == "done"
    assert bed.path("india.txt").read_text() == "written"
    assert "write" in play.tools(2)
    assert len(bed.events(run, "refused")) == 1


def test_hidden_and_unknown_tools_and_broken_arguments_are_told_and_never_run(bed: Bed) -> None:
    play = bed.model.play(
        "juliett",
        Says(calls=(call("bash", command="touch juliett.txt"), ("launch_missiles", "{}"))),
        Says(calls=(("read", '{"path": "x'), ("read", '{"lines": 3}'), ("read", "[]"))),
        Says("I give up."),
    )
    run = bed.start("do juliett", agent="looker")
    assert bed.result(run)["result"] == "I give up."
    assert play.tools(0) == ["read", "ls"]
    hidden, unknown, broken, wrong, no_object = play.results()
    assert "not available" in hidden
    assert "there is no tool" in unknown
    assert "not JSON" in broken
    assert "lines" in wrong
    assert "object" in no_object
    assert not bed.path("juliett.txt").exists()
    assert json.loads(play.requests[-1]["messages"][5]["tool_calls"][0]["function"]["arguments"])


def test_what_another_try_can_not_help_is_the_end(bed: Bed) -> None:
    bed.model.play("lima", Fails(401, body='{"error": {"message": "wrong key"}}'))
    result = bed.result(bed.start("do lima"))
    assert (result["status"], result["reason"]) == ("failed", "auth")
    assert "wrong key" in result["evidence"]["record"]["message"]


def test_the_most_turns_are_kept_and_a_model_that_turns_in_circles_is_ended(bed: Bed) -> None:
    bed.model.play("mike", Says(calls=(call("ls"),)))
    brief = bed.result(bed.start("do mike", agent="brief"))
    assert (brief["status"], brief["usage"]["turns"]) == ("budget", 2)
    bed.model.play("november", Says(calls=(call("ls", path="/nowhere"),)))
    circle = bed.result(bed.start("do november"))
    assert circle["reason"] == "loop"


def test_an_agent_without_a_runtime_is_native_where_no_cli_is_installed(bed: Bed) -> None:
    bed.session.environment["PATH"] = "/usr/bin:/bin"
    bed.model.play("oscar", Says("Me."))
    run = bed.start("do oscar", agent="anybody")
    assert bed.result(run)["result"] == "Me."


def test_an_action_waits_for_the_operator_and_heeds_what_has_changed_meanwhile(bed: Bed) -> None:
    bed.session.pancode("safety", "full-auto")
    fetch = call("bash", command="curl -s https://nowhere.invalid; echo asked > romeo.txt")
    play = bed.model.play(
        "romeo", Says(calls=(fetch,)), Says(calls=(fetch,)), Says(calls=(fetch,)), Says("End.")
    )
    run = bed.start("do romeo")
    held(bed, run, "a1")
    bed.session.pancode("deny", run, "--because", "not today")
    held(bed, run, "a2")
    bed.session.pancode("approve", run)
    held(bed, run, "a3")
    assert bed.path("romeo.txt").exists()
    bed.session.pancode("mode", "review")
    bed.session.pancode("approve", run, code=None)
    assert bed.result(run)["status"] == "done"
    bed.session.pancode("mode", "build")
    bed.session.pancode("safety", "auto-edit")
    denied, allowed, too_late = play.results()
    assert "not today" in denied
    assert "Refused" not in allowed
    assert "Refused" in too_late


def test_a_paused_run_asks_its_model_nothing(bed: Bed) -> None:
    gate = Gate(Says(calls=(call("ls"),)))
    play = bed.model.play("papa", gate, Says("Rested."))
    run = bed.start("do papa")
    reached(gate)
    bed.session.pancode("pause", run)
    bed.until(run, "paused")
    gate.open.set()
    bed.until(run, "usage")
    assert len(play.requests) == 1
    assert not bed.events(run, "tool_started")
    bed.session.pancode("resume", run)
    assert bed.result(run)["result"] == "Rested."


def test_a_run_outlives_its_controller(bed: Bed) -> None:
    gate = Gate(Says(calls=(call("bash", command="echo still > quebec.txt"),)))
    bed.model.play("quebec", gate, Says("Adopted."))
    run = bed.start("do quebec")
    reached(gate)
    os.kill(int(bed.session.status()["controller"]["pid"]), signal.SIGKILL)
    gate.open.set()
    wait_until(bed.path("quebec.txt").exists, "the call")
    assert bed.result(run)["result"] == "Adopted."


def test_a_busy_server_and_a_cut_stream_are_tried_again(bed: Bed) -> None:
    bed.model.play(
        "kilo",
        Fails(429, retry_after="0"),
        Says("half an ans", cut=True),
        Fails(503, retry_after="0"),
        Says("Whole."),
    )
    run = bed.start("do kilo")
    assert bed.result(run)["result"] == "Whole."
    tries = bed.events(run, "retrying")
    assert [each["http"] for each in tries] == [429, None, 503]
    assert [each["wait_s"] for each in tries] == [0.0, 1.0, 0.0]
    assert "broke off" in tries[1]["why"]


def test_a_provider_of_the_operators_is_spoken_to_in_its_own_api(bed: Bed) -> None:
    script = {"turns": [{"shell": "echo claude > sierra.txt"}, {"text": "Spoken."}]}
    with serve_in_thread(script) as scripted:
        entry = f"providers:\n  anthropic:\n    url: {scripted.url}\n    key_env: MODEL_KEY\n"
        (Path(bed.session.places.home) / "panproviders.yaml").write_text(entry)
        run = bed.start("do sierra", "--model", "anthropic/claude-sonnet-4-5")
        assert bed.result(run)["result"] == "Spoken."
        assert {each.path.partition("?")[0] for each in scripted.requests} == {"/v1/messages"}
    assert bed.path("sierra.txt").read_text() == "claude\n"
