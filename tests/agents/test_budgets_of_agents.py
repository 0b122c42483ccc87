"""Budgets on the five real CLIs: tokens, money and turns stop each of them in the middle of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from pancode.scripted.server import ScriptedModel, serve_in_thread
from tests.agents.conftest import AGENTS, REAL, each, path
from tests.session.conftest import Session, a_session
from tests.terminal import wait_until

MANY = {"turns": [{"text": f"Step {number}.", "shell": f"echo {number}"} for number in range(12)]}
"""Each request is answered with 2134 to 2139 tokens in all."""
PRICES = 'models:\n  "*": {input: 1000, output: 1000, cache_read: 1000, cache_write: 1000, override: true}\n'
"""A tenth of a cent for each token, whatever model the agent asks for."""
LIMITS = {"tokens": ("5000 tokens", 5000), "money": ("5usd", 5000), "turns": ("2 turns", 2)}
ENDED_BY = [(agent, kind) for agent in AGENTS for kind in ("tokens", "money")] + [("codex", "turns")]
"""Turns are what the gateway counts for every agent alike: one agent shows that they end a run."""

pytestmark = REAL


@pytest.fixture(scope="session")
def limited() -> Iterator[Session]:
    """Give a session with the five CLIs in its PATH, in which runs end at their limit."""
    with a_session("/var/tmp") as made:
        made.environment["PATH"] = path()
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        Path(made.places.home).mkdir(parents=True, exist_ok=True)
        Path(made.places.home, "panprices.yaml").write_text(PRICES)
        made.pancode("up", "--detach")
        made.pancode("budget", "set", "at-limit", "stop")
        yield made


def answered(session: Session, run: str) -> list[dict[str, Any]]:
    """Give the ends of the run's model requests, as the gateway has them."""
    text = (Path(session.places.runs) / run / "calls.jsonl").read_text()
    records = [json.loads(line) for line in text.splitlines()]
    return [one for one in records if one["kind"] == "call_ended" and one.get("usage")]


def started(session: Session, agent: str, model: ScriptedModel, limit: str) -> str:
    words = ("--agent", agent, "--endpoint", model.url, "--budget", limit, "--timeout", "240", "do it")
    return session.detached(*words)


@pytest.mark.parametrize(
    ("agent", "kind"),
    [pytest.param(agent, kind, marks=pytest.mark.xdist_group(agent)) for agent, kind in ENDED_BY],
)
def test_an_agent_is_stopped_within_one_request_of_its_limit(limited: Session, agent: str, kind: str) -> None:
    text, limit = LIMITS[kind]
    with serve_in_thread(MANY) as model:
        run = started(limited, agent, model, text)
        wait_until(lambda: limited.row(run)["ended"] is not None, "it has ended", seconds=200)
    shown = limited.json("runs", "show", run)
    assert (shown["status"], shown["reason"]) == ("budget", "budget")
    sizes = [sum(end["usage"][key] or 0 for key in ("input", "output", "cache_read", "cache_write"))
             for end in answered(limited, run)]  # fmt: skip
    used = len(sizes) if kind == "turns" else sum(sizes)
    last = 1 if kind == "turns" else sizes[-1]
    assert limit <= used < limit + last
    assert len(sizes) > 1
    receipt = limited.json("receipt", run, "--verify")
    assert receipt["wrong"] == []
    assert receipt["receipt"]["spent"]["counted_by"] == "gateway"
    assert receipt["receipt"]["spent"]["source"] == "user's table"
    assert receipt["receipt"]["spent"]["usd"] == pytest.approx(sum(sizes) / 1000)


@each
def test_an_agent_waits_for_a_person_at_its_limit_and_goes_on(limited: Session, agent: str) -> None:
    limited.pancode("budget", "set", "at-limit", "pause-and-ask")
    try:
        with serve_in_thread({"turns": [*MANY["turns"][:3], {"text": "All done."}]}) as model:
            run = started(limited, agent, model, "5000 tokens")
            wait_until(lambda: limited.row(run)["questions"], "it asks", seconds=100)
            limited.pancode("approve", run)
            wait_until(lambda: limited.row(run)["ended"] is not None, "it has ended", seconds=100)
    finally:
        limited.pancode("budget", "set", "at-limit", "stop")
    shown = limited.json("runs", "show", run)
    assert (shown["status"], shown["result"]) == ("done", "All done.")
