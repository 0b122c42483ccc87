"""Budgets and the ledger in a real session: what stops a run, what is charged, what outlives a controller."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pancode.cli.client import Link
from tests.session.conftest import Session
from tests.session.test_structured import ADAPTER, AGENTS
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@pytest.fixture
def paying(no_session: Session) -> Session:
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    return no_session


def limit_of(session: Session, scope: str) -> dict[str, dict[str, float]]:
    told = session.json("budget")["limits"]
    return next(one for one in told if one["scope"] == scope)


def test_every_ending_is_charged_and_what_nobody_knows_is_counted_apart(paying: Session) -> None:
    paying.json("run", "--agent", "steady", "usd 0.25; tokens 100; end ok")
    paying.json("run", "--agent", "steady", "usd 0.5; tokens 10; exit 3", code=1)
    paying.json("run", "--agent", "steady", "--model", "player-9", "tokens 5; end ok")
    paying.json("run", "--agent", "shell", "true")
    gate = Path(paying.places.project) / "gate"
    run = paying.detached("--agent", "steady", f"usd 0.125; gate {gate}")
    wait_until(lambda: paying.row(run)["cost"]["usd"] == 0.125, "the agent has told its cost")
    paying.pancode("stop", run)
    found = paying.json("cost", "--by", "run")
    assert found["total"]["usd"] == pytest.approx(0.875)
    assert (found["total"]["runs"], found["total"]["unknown_runs"]) == (5, 1)
    assert {name: one["runs"] for name, one in found["total"]["sources"].items()} == {
        "agent": 3, "unknown": 1, "no model": 1,
    }  # fmt: skip
    by_model = {row["model"]: row["usd"] for row in paying.json("cost", "--by", "model")["rows"]}
    assert by_model["player-9"] is None
    told = paying.status()["budget"]
    assert (told["spent_usd"], told["unknown_runs"]) == (0.875, 1)
    assert "1 unknown" in paying.pancode("cost")
    paying.pancode("down")
    assert paying.json("cost")["total"] == found["total"]


def test_a_run_is_stopped_where_the_sessions_budget_ends(paying: Session) -> None:
    paying.pancode("budget", "set", "estimate", "0.01usd", "10 tokens")
    paying.pancode("budget", "set", "at-limit", "stop")
    paying.pancode("budget", "set", "session", "1usd,", "1000 tokens")
    gate = Path(paying.places.project) / "gate"
    run = paying.detached("--agent", "steady", f"usd 0.4; usd 0.7; gate {gate}")
    wait_until(lambda: paying.row(run)["state"] == "budget", "the budget stops it")
    shown = paying.json("runs", "show", run)
    assert (shown["status"], shown["reason"]) == ("budget", "budget")
    assert "the session's budget of $1.00 is used up" in shown["evidence"]["record"]["why"]
    assert limit_of(paying, "session")["spent"]["usd"] == pytest.approx(1.1)
    assert paying.status()["budget"]["limit_usd"] == 1.0
    assert "110 % of the session's budget is used" in paying.status()["budget"]["warning"]
    # Nothing more is admitted, until it is raised.
    paying.pancode("run", "--agent", "steady", "end ok", code=5)
    assert "the session's budget of $1.00 is used up" in paying.last_error
    paying.pancode("budget", "set", "session", "2usd")
    paying.pancode("run", "--agent", "steady", "usd 0.1; end ok")


def test_a_run_waits_while_what_it_may_cost_is_promised_to_others(paying: Session) -> None:
    paying.pancode("budget", "set", "session", "0.08usd")
    paying.pancode("budget", "set", "estimate", "0.05usd")
    gate = Path(paying.places.project) / "gate"
    first = paying.detached("--agent", "steady", f"gate {gate}; usd 0.01; end ok")
    paying.until_working(first)
    second = paying.detached("--agent", "steady", "--no-isolate", "usd 0.01; end ok")
    assert paying.row(second)["state"] == "queued"
    assert "some of it is promised to others" in paying.row(second)["waits"]
    gate.touch()
    wait_until(lambda: paying.row(second)["state"] == "done", "it has its turn")
    # Now a third one can't cost what it is expected to, whatever the others do.
    paying.pancode("budget", "set", "session", "0.06usd")
    paying.pancode("run", "--agent", "steady", "end ok", code=5)
    assert "the session's budget of $0.06 has $0.04 left" in paying.last_error


def test_at_a_limit_a_run_stands_still_until_a_person_has_spoken(paying: Session) -> None:
    gate = Path(paying.places.project) / "gate"
    task = f"usd 0.5; gate {gate}; usd 0.25; end ok"
    run, other = (
        paying.detached("--agent", "steady", "--no-isolate", "--budget", "0.40usd", task) for _ in range(2)
    )
    wait_until(lambda: {paying.row(one)["state"] for one in (run, other)} == {"paused"}, "both stand still")
    gate.touch()
    asked = {question["run_id"]: question for question in paying.json("approvals")["questions"]}
    assert asked[run]["what"] == "$0.20 more than the run's budget, for this run alone"
    assert "the run's budget of $0.40 is used up" in asked[run]["why"]
    assert paying.row(run)["cost"]["usd"] == 0.5
    before = paying.status()["controller"]["pid"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: len(paying.json("approvals")["questions"]) == 2, "the next controller asks again")
    again = {question["run_id"]: question["id"] for question in paying.json("approvals")["questions"]}
    assert again == {one: question["id"] for one, question in asked.items()}
    paying.pancode("approve", run)
    paying.pancode("deny", other, "--because", "too dear")
    wait_until(lambda: paying.row(run)["state"] not in ("paused", "working"), "it goes on")
    wait_until(lambda: paying.row(other)["state"] == "budget", "it ends")
    assert "too dear" in str(paying.json("runs", "show", other)["evidence"])
    shown = paying.json("runs", "show", run)
    # The last 25 cents bring it beyond what was given: it has finished by then.
    assert shown["status"] == "done"


def test_tokens_and_the_budget_of_each_run_count_too(paying: Session) -> None:
    paying.pancode("budget", "set", "run", "100 tokens")
    paying.pancode("budget", "set", "at-limit", "stop")
    gate = Path(paying.places.project) / "gate"
    run = paying.detached("--agent", "steady", f"tokens 50; tokens 99; gate {gate}")
    wait_until(lambda: paying.row(run)["state"] == "budget", "the budget stops it")
    paying.pancode("budget", "set", "unknown", "allow")
    own = paying.detached(
        "--agent", "steady", "--budget", "10k tokens, 1usd", f"tokens 5000; usd 3; gate {gate}"
    )
    wait_until(lambda: paying.row(own)["state"] == "budget", "its own budget stops it")
    assert "the run's budget of $1.00 is used up" in str(paying.json("runs", "show", own)["evidence"])
    paying.pancode("budget", "unset", "run")
    assert paying.json("run", "--agent", "steady", "tokens 500; end ok")["status"] == "done"


def test_the_ledger_outlives_the_controller_and_can_be_made_anew(paying: Session) -> None:
    paying.pancode("budget", "set", "session", "5usd")
    paying.json("run", "--agent", "steady", "usd 0.25; end ok")
    gate = Path(paying.places.project) / "gate"
    run = paying.detached("--agent", "steady", f"usd 0.5; gate {gate}; usd 0.5; end ok")
    wait_until(lambda: paying.row(run)["cost"]["usd"] == 0.5, "the agent has told its cost")
    before = paying.status()["controller"]["pid"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: paying.status()["controller"]["pid"] != before, "another controller")
    assert paying.status()["budget"]["spent_usd"] == 0.75
    assert limit_of(paying, "session")["spent"]["usd"] == 0.75
    gate.touch()
    wait_until(lambda: paying.row(run)["state"] == "done", "the run ends")
    assert paying.json("cost")["total"]["usd"] == 1.25
    paying.pancode("down")
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (Path(paying.places.home) / name).unlink(missing_ok=True)
    paying.pancode("up", "--detach")
    wait_until(lambda: paying.json("cost")["total"]["usd"] == 1.25, "the ledger is there again")


def test_what_nobody_can_price_is_blocked_allowed_or_counted_where_money_is_limited(paying: Session) -> None:
    paying.json("run", "--agent", "steady", "tokens 5; end ok")
    paying.pancode("budget", "set", "session", "1usd")
    paying.pancode("run", "--agent", "steady", "tokens 5; end ok", code=5)
    assert 'nobody knows what a run of "steady" costs' in paying.last_error
    paying.pancode("run", "--agent", "shell", "true")
    paying.pancode("budget", "set", "unknown", "allow")
    paying.json("run", "--agent", "steady", "tokens 5; end ok")
    paying.pancode("budget", "set", "unknown", "count-as 0.6usd")
    paying.json("run", "--agent", "steady", "tokens 5; end ok")
    assert limit_of(paying, "session")["spent"]["usd"] == 0.6
    told = paying.status()["budget"]
    assert (told["spent_usd"], told["unknown_runs"]) == (0, 3)


def test_a_worker_cannot_change_a_budget_and_a_broken_file_admits_nobody(paying: Session) -> None:
    found = paying.json(
        "run", "--agent", "shell", f"{sys.executable} -m pancode budget set session 1usd; echo $?", code=None
    )
    assert found["result"].splitlines()[-1] != "0"
    assert limit_of(paying, "session")["limit"]["usd"] is None
    Path(paying.places.home, "budget.json").write_text('{"day": {"usd": "much"}}')
    paying.pancode("run", "--agent", "shell", "true", code=5)
    assert "budget.json can't be used" in paying.last_error
    assert "budget.json can't be used" in paying.status()["budget"]["warning"]


def test_a_wrong_limit_is_a_sentence(no_session: Session) -> None:
    no_session.pancode("budget", "set", "session", "10", code=2)
    assert '"10" is not a limit' in no_session.last_error
    no_session.pancode("budget", "set", "unknown", "perhaps", code=2)
    assert '"unknown" must be one of' in no_session.last_error
    no_session.pancode("budget", "set", "day", "3usd")
    kept = json.loads(Path(no_session.places.home, "budget.json").read_text())
    assert kept["day"] == {"usd": 3.0}


def test_twenty_requests_at_once_never_overspend_the_sessions_budget(paying: Session) -> None:
    limit, worst, rounds = 40_000, 2_000, 3
    paying.pancode("budget", "set", "session", f"{limit} tokens")
    paying.pancode("budget", "set", "estimate", "0usd, 0 tokens, 0 turns")
    paying.pancode("budget", "set", "at-limit", "stop")
    run = paying.detached("--agent", "steady", f"gate {paying.places.project}/gate")
    paying.until_working(run)
    most, used = Peak(), list[int]()

    def ask(worker: int) -> None:
        link = Link(paying.places)
        for number in range(rounds):
            call, cost = f"{worker}-{number}", 500 + 70 * worker
            wanted = {"run": run, "call": call, "model": None, "input_estimate": 100}
            if not link.request("call_admit", {**wanted, "max_output": worst - 100})["allow"]:
                break
            most.enter()
            usage = {"input": cost, "output": 0, "cache_read": 0, "cache_write": 0, "reasoning": 0}
            end = {"kind": "call_ended", "call": call, "ok": True, "http": 200, "usage": usage, "usd": None}
            with counting, open(f"{paying.places.runs}/{run}/calls.jsonl", "a") as books:
                used.append(cost)
                begin = {"kind": "call_started", "call": call, "model": None}
                records = [
                    {**one, "seq": len(used) * 2 + place, "t": 1.0} for place, one in ((0, begin), (1, end))
                ]
                books.writelines(json.dumps(record) + "\n" for record in records)
                link.request("call_said", {"run": run, "records": records})
            most.leave()
        link.close()

    counting = threading.Lock()
    with ThreadPoolExecutor(20) as many:
        for done in [many.submit(ask, worker) for worker in range(20)]:
            done.result()
    assert most.highest > 1
    assert limit - worst < sum(used) <= limit
    wait_until(lambda: paying.row(run)["state"] == "budget", "the run ends with it")
    assert limit_of(paying, "session")["spent"]["tokens"] == sum(used)


class Peak:
    """Counts how many are within at once."""

    def __init__(self) -> None:
        self._lock, self._now, self.highest = threading.Lock(), 0, 0

    def enter(self) -> None:
        with self._lock:
            self._now += 1
            self.highest = max(self.highest, self._now)

    def leave(self) -> None:
        with self._lock:
            self._now -= 1
