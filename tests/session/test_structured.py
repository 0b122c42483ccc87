"""An agent with a structured stream, from a user's adapter: usage, cost, say, retry, unknown records."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux

ADAPTER = '''
"""A small agent that plays what its task says, line by line."""

ID, NAME, BINARY, INSTALL = "player", "Player", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = ("1",), ("-c", "echo 1"), (), (), ()
CAN = frozenset({"resume"})
PROGRAM = """
import json, os, sys, time
for word in sys.argv[1].split(";"):
    verb, _, rest = word.strip().partition(" ")
    if verb == "gate":
        while not os.path.exists(rest):
            time.sleep(0.02)
    elif verb == "exit":
        sys.exit(int(rest))
    else:
        print(json.dumps({"type": verb, "value": rest}), flush=True)
"""


def launch(request):
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"]]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {}}


class Session:
    def __init__(self, previous=None):
        self.before = (previous or {}).get("input") or 0

    def feed(self, record):
        kind, value = record.get("type"), record.get("value", "")
        if kind == "say":
            yield {"kind": "text", "text": value}
        elif kind == "id":
            yield {"kind": "session", "id": value}
        elif kind == "tokens":
            used = {"input": int(value) - self.before, "output": 7}
            rest = {"cache_read": None, "cache_write": None, "reasoning": None}
            yield {"kind": "usage", "scope": "total", **used, **rest}
        elif kind == "usd":
            yield {"kind": "cost", "scope": "step", "usd": float(value)}
        elif kind == "overload":
            yield {"kind": "finished", "ok": False, "reason": "overload", "message": "too many", "http": 529}
        elif kind == "end":
            yield {"kind": "finished", "ok": True, "result": value}
        else:
            yield {"kind": "unknown", "type": str(kind)}

    def noise(self, line):
        return []

    def end(self, files):
        return []
'''
AGENTS = """
agents:
  steady:
    description: Plays what it is told
    runtime: player
  stubborn:
    description: Tries a second time
    runtime: player
    retry_on_failure: true
"""


@pytest.fixture
def playing(no_session: Session) -> Session:
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    return no_session


def test_usage_cost_and_result_are_the_agents_own_words(playing: Session) -> None:
    found = playing.json(
        "run", "--agent", "steady", "id c1; say hello; tokens 120; usd 0.25; usd 0.5; end all well"
    )
    assert (found["status"], found["result"]) == ("done", "all well")
    assert (found["usage"]["input"], found["usage"]["output"], found["usage"]["cache_read"]) == (120, 7, None)
    assert found["cost"] == {"usd": 0.75, "source": "agent"}
    told = playing.status()["budget"]
    assert (told["limit_usd"], told["spent_usd"], told["unknown_runs"]) == (None, 0.75, 0)


def test_exit_0_without_a_final_record_is_no_success(playing: Session) -> None:
    found = playing.json("run", "--agent", "steady", "say I was about to", code=1)
    assert (found["status"], found["reason"]) == ("failed", "stream-cut")


def test_a_final_record_without_exit_0_is_no_success(playing: Session) -> None:
    found = playing.json("run", "--agent", "steady", "end fine; exit 4", code=1)
    assert (found["status"], found["evidence"]["exit"]) == ("failed", 4)


def test_a_record_nobody_knows_is_kept_counted_and_shown(playing: Session) -> None:
    run = playing.json("run", "--agent", "steady", "novelty 1; novelty 2; end ok")["run_id"]
    assert playing.json("runs", "show", run)["unknown"] == {"novelty": 2}
    assert "2 x novelty" in playing.pancode("runs", "show", run)
    assert playing.pancode("logs", run, "--raw").count("novelty") == 2


def test_cost_moves_while_the_run_works(playing: Session) -> None:
    gate = Path(playing.places.project) / "gate"
    run = playing.detached("--agent", "steady", f"usd 0.1; gate {gate}; usd 0.2; end ok")
    wait_until(lambda: playing.row(run)["cost"]["usd"] == 0.1, "the first cost is shown")
    gate.touch()
    wait_until(lambda: playing.row(run)["state"] == "done", "it is done")
    assert playing.row(run)["cost"]["usd"] == pytest.approx(0.3)


def test_say_goes_on_with_the_conversation_and_its_tokens(playing: Session) -> None:
    first = playing.json("run", "--agent", "steady", "id c7; tokens 100; end one")
    second = playing.json("say", first["run_id"], "id c7; tokens 250; end two")
    # This agent counts over its whole conversation, as Codex does.
    assert (second["result"], second["usage"]["input"]) == ("two", 150)
    third = playing.json("say", second["run_id"], "id c7; tokens 300; end three")
    assert third["usage"]["input"] == 50
    assert playing.json("runs", "show", third["run_id"])["continues"] == second["run_id"]


def test_what_is_said_to_a_working_run_is_its_next_turn(playing: Session) -> None:
    gate = Path(playing.places.project) / "gate"
    run = playing.detached("--agent", "steady", f"id c9; gate {gate}; end one")
    playing.until_working(run)
    assert playing.json("say", run, "id c9; end two") == {"run_id": None, "after": run}
    gate.touch()
    wait_until(lambda: len(playing.json("runs")["runs"]) == 2, "the next turn is there")
    newest = playing.json("runs")["runs"][0]["run_id"]
    wait_until(lambda: playing.row(newest)["state"] == "done", "it is done")
    shown = playing.json("runs", "show", newest)
    assert (shown["continues"], shown["result"]) == (run, "two")


def test_a_passing_failure_is_tried_once_more_and_not_twice(playing: Session) -> None:
    playing.json("run", "--agent", "stubborn", "overload; exit 1", code=1)
    wait_until(lambda: len(playing.json("runs")["runs"]) == 2, "a second try")
    wait_until(lambda: playing.status()["totals"]["failed"] == 2, "it has failed too")
    assert playing.status()["totals"]["live"] == 0
    assert len(playing.json("runs")["runs"]) == 2


def test_a_broken_adapter_of_the_users_is_named_and_the_rest_goes_on(playing: Session) -> None:
    broken = Path(playing.places.home) / "adapters" / "broken.py"
    broken.write_text("ID = 'broken'\nthis is no Python\n")
    playing.pancode("agents")
    assert f"{broken}:2: this is not Python" in playing.last_error
    assert "steady" in playing.pancode("agents")
