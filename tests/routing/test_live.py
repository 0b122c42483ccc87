"""Routing in a real session: the best rated runtime, needs, tiers, and the reason in the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


def spec(session: Session, run: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((Path(session.places.runs) / run / "spec.json").read_text())
    return found


def availability(session: Session, worker: str) -> str:
    """Give where a worker's availability comes from."""
    rows = {row["worker"]: row for row in session.json("workers", "dev")["workers"]}
    return str(rows[worker]["dimensions"]["availability"]["source"])


def test_work_goes_to_the_best_rated_runtime_and_the_run_keeps_why(two: Session) -> None:
    gate = Path(two.places.project) / "go"
    first = two.detached("--no-isolate", f"gate {gate}; end one")
    assert spec(two, first)["runtime"] == "alpha"
    # Until then its provider takes no other run, which counts before the load does.
    wait_until(lambda: "150 ms apart" not in availability(two, "dev@alpha"), "the next start at the provider")
    second = two.json("run", "--no-isolate", "end two")
    assert spec(two, second["run_id"])["runtime"] == "beta"
    routing = spec(two, second["run_id"])["routing"]
    assert isinstance(routing, dict)
    assert "(load: 1 live run)" in routing["why"]
    assert routing["why"] in two.pancode("why", second["run_id"])
    assert two.json("receipt", second["run_id"])["routing"] == routing

    rows = {row["worker"]: row for row in two.json("workers", "dev")["workers"]}
    assert rows["dev@alpha"]["dimensions"]["load"] == {"value": 0.75, "source": "1 live run"}
    assert rows["dev@beta"]["first"]
    assert rows["dev@beta"]["dimensions"]["availability"]["source"] == "installed, with BETA_KEY"
    told = two.pancode("workers", "dev", "--why")
    assert "dev@alpha" in told
    assert "policy default: availability 0.3" in told
    gate.touch()
    assert two.json("runs", "show", first, code=None)


def test_needs_choose_and_what_nothing_meets_is_refused_with_the_nearest_miss(two: Session) -> None:
    told = two.json("run", "--dry-run", "--needs", "context:300k,tools", "end x")
    assert (told["run"]["agent"], told["run"]["runtime"]) == ("dev", "beta")
    assert "needs context:300k, tools" in told["routing"]["why"]
    assert "chosen   dev on beta" in two.pancode("run", "--dry-run", "--needs", "context:300k", "end x")

    refused = two.json("run", "--needs", "context:3m", "end x", code=5)
    problem = refused["evidence"]["record"]["problem"]
    assert problem.startswith("nothing here has context:3m; nearest is dev on ")
    assert "00,000 tokens fit, and 3,000,000 are needed" in problem
    two.pancode("run", "--needs", "visoin", "end x", code=5)
    assert 'perhaps "vision"' in two.last_error

    two.pancode("config", "set", "agents.default", "gone")
    told = two.json("run", "--dry-run", "--needs", "context:300k,tools", "end x")
    assert told["run"]["runtime"] == "beta"  # Who says what is needed needs no default.
    told = two.json("run", "--dry-run", "end x", code=5)
    assert 'the default agent is "gone", and there is none of that name' in str(told["gates"])
    two.pancode("config", "unset", "agents.default")


def test_each_node_and_each_task_may_want_a_worker_of_its_own(two: Session) -> None:
    flow = Path(two.places.project) / "wanting.yaml"
    flow.write_text("nodes:\n  a: {task: end a, wants: 'context:300k'}\n  b: {task: end b, wants: visoin}\n")
    told = two.json("flow", str(flow), "--dry-run", code=5)
    a, b = told["nodes"]
    assert (a["routing"]["agent"], a["routing"]["runtime"], b["routing"]) == ("dev", "beta", None)
    assert [gate["gate"] for gate in b["gates"] if gate["verdict"] == "refuses"] == ["model"]
    assert "→ dev on beta" in two.pancode("flow", str(flow), "--dry-run", code=5)
    tasks = Path(two.places.project) / "tasks.yaml"
    tasks.write_text("- {task: end one, wants: ['context:300k']}\n- end two\n")
    flow_id = two.json("batch", "--no-isolate", "--file", str(tasks))["flow_id"]
    nodes = two.json("flow", "show", flow_id)["nodes"]
    first = spec(two, nodes[0]["units"][0]["run_id"])
    assert first["runtime"] == "beta"
    assert first["routing"]["needs"] == ["context:300k"]  # type: ignore[index]


def test_a_model_below_its_agents_tier_is_remarked_or_refused(two: Session) -> None:
    two.pancode("run", "--agent", "thinker", "end x")
    assert 'agent "thinker" is for frontier models, and llama3.2:1b is of the tier' in two.last_error
    two.environment["PANCODE_STRICT_TIERS"] = "1"
    refused = two.json("run", "--agent", "thinker", "end x", code=5)
    assert refused["evidence"]["record"]["gate"] == "tier"
