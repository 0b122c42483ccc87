"""Batches and chains as a person starts them: real controller, tmux and shims, shell agents."""

from __future__ import annotations

import itertools
import json
import os
import signal
from pathlib import Path

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


def test_a_batch_runs_every_task_and_says_how_each_ended(no_session: Session) -> None:
    # No session is up: the batch starts one.
    found = no_session.json("batch", "--agent", "shell", "echo one", "exit 3", "@shell echo three", code=1)
    assert (found["kind"], found["status"], found["counts"]["done"]) == ("batch", "failed", 2)
    units = [node["units"][0] for node in found["nodes"]]
    assert [(unit["status"], unit["result"]) for unit in units] == [
        ("done", "one"), ("failed", ""), ("done", "three"),
    ]  # fmt: skip
    assert units[1]["said"] == "exit 3"
    runs = no_session.json("runs")["runs"]
    assert {row["run_id"] for row in runs} == {unit["run_id"] for unit in units}
    shown = no_session.json("flow", "show", found["flow_id"])
    assert shown == found
    assert [each["flow_id"] for each in no_session.json("flow", "list")["flows"]] == [found["flow_id"]]
    no_session.pancode("down")
    assert no_session.json("flow", "show", found["flow_id"][:2]) == found, "read from the disk"
    assert [each["status"] for each in no_session.json("flow", "list")["flows"]] == ["failed"]
    no_session.pancode("flow", "show", "nothing", code=4)


def test_tasks_come_from_a_file_or_standard_input(shared: Session) -> None:
    project = Path(shared.places.project)
    (project / "tasks.jsonl").write_text('{"task": "echo a", "agent": "shell"}\n@shell echo b\n')
    found = shared.json("batch", "--file", "tasks.jsonl")
    assert [node["units"][0]["result"] for node in found["nodes"]] == ["a", "b"]
    (project / "tasks.yaml").write_text("- '@shell echo c'\n- task: echo d\n  agnt: shell\n")
    shared.pancode("batch", "--file", "tasks.yaml", code=10)
    assert 'tasks.yaml:3: there is no key "agnt" in the task' in shared.last_error
    assert 'rename it to "agent"' in shared.last_error


def test_a_batch_is_gone_on_with_and_only_what_failed_runs_again(session: Session) -> None:
    tasks = "echo one", "test -e ready && echo two", "echo three"
    failed = session.json("batch", "--agent", "shell", *tasks, code=1)
    (Path(session.places.project) / "ready").touch()
    again = session.json("flow", "--resume", failed["flow_id"])
    units = [node["units"][0] for node in again["nodes"]]
    assert [(unit["result"], unit["reused"]) for unit in units] == [
        ("one", failed["flow_id"]), ("two", None), ("three", failed["flow_id"]),
    ]  # fmt: skip
    assert len(session.json("runs")["runs"]) == 4


def test_a_batch_keeps_to_its_concurrency(shared: Session) -> None:
    found = shared.json("batch", "--agent", "shell", "--concurrency", "2", *["sleep 0.05"] * 6)
    assert found["status"] == "done"
    runs = [node["units"][0]["run_id"] for node in found["nodes"]]
    results = [json.loads((Path(shared.places.runs) / run / "result.json").read_text()) for run in runs]
    changes = sorted([(each["started"], 1) for each in results] + [(each["ended"], -1) for each in results])
    assert max(itertools.accumulate(change for _, change in changes)) == 2


def test_a_chain_hands_on_what_each_step_has_said(shared: Session) -> None:
    words = ("--agent", "shell", "echo 'it is $ORIGINAL; $(id) $INPUT'", 'echo "<$INPUT>"', 'echo "$INPUT!"')
    found = shared.json("chain", *words, "--task", "$INPUT")
    assert [node["units"][0]["result"] for node in found["nodes"]] == [
        "it is $ORIGINAL; $(id) $INPUT",
        "<it is $ORIGINAL; $(id) $INPUT>",
        "<it is $ORIGINAL; $(id) $INPUT>!",
    ]
    assert shared.pancode("chain", "--agent", "shell", "echo one", 'echo "$INPUT two"') == "one two\n"


def test_a_long_output_is_cut_and_the_worker_can_read_the_whole_in_its_file(shared: Session) -> None:
    count = 'echo "$INPUT" | wc -c; set -- $(echo "$INPUT" | grep -o "/[^ ]*out/s1.txt"); wc -c < $1'
    found = shared.json("chain", "--agent", "shell", "seq 1 20000", count)
    cut, whole = found["nodes"][1]["units"][0]["result"].split()
    assert 16_000 < int(cut) < 16_300
    assert int(whole) == len("\n".join(map(str, range(1, 20_001))))


def test_a_chain_stops_at_the_first_failure(shared: Session) -> None:
    before = len(shared.json("runs")["runs"])
    found = shared.json("chain", "--agent", "shell", "true", "exit 4", "echo never", code=1)
    assert [node["status"] for node in found["nodes"]] == ["done", "failed", "skipped"]
    assert found["nodes"][2]["why"] == 'needs "s2", which ended failed'
    assert len(shared.json("runs")["runs"]) == before + 2


def test_the_gates_are_those_of_a_single_run(session: Session) -> None:
    session.pancode("mode", "plan")
    found = session.json("batch", "--agent", "shell", "echo no", "echo no", code=5)
    assert [node["units"][0]["status"] for node in found["nodes"]] == ["refused", "refused"]
    assert "plan mode starts no workers" in found["nodes"][0]["units"][0]["said"]


def test_ctrl_c_leaves_the_flow_running_and_says_so(session: Session) -> None:
    process = session.start_process("batch", "--agent", "shell", "sleep 600", "sleep 600")
    wait_until(lambda: session.status()["totals"]["live"] == 2, "both are there")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    (flow,) = session.json("flow", "list")["flows"]
    assert f"flow {flow['flow_id']} goes on; pancode flow show {flow['flow_id']}" in said
    assert session.status()["totals"]["live"] == 2
    session.pancode("flow", "stop", flow["flow_id"])
    assert session.json("flow", "show", flow["flow_id"], "--wait", code=8)["status"] == "cancelled"
    assert {row["state"] for row in session.json("runs")["runs"]} == {"cancelled"}


def test_a_controller_killed_in_the_middle_goes_on_without_running_a_step_twice(session: Session) -> None:
    project = Path(session.places.project)
    steps = [
        "echo first >> log; echo 1",
        "echo second >> log; while ! test -e go; do sleep 0.05; done; echo 2",
    ]
    process = session.start_process(
        "chain", "--json", "--agent", "shell", *steps, "echo third >> log; echo 3"
    )
    wait_until(lambda: (project / "log").exists() and "second" in (project / "log").read_text(), "step 2")
    os.kill(session.status()["controller"]["pid"], signal.SIGKILL)
    (project / "go").touch()
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert json.loads(out)["status"] == "done"
    assert (project / "log").read_text().split() == ["first", "second", "third"]
    assert len(session.json("runs")["runs"]) == 3


SLIPS = [
    (("batch",), 2, "there is no task"),
    (("chain", "@shell true", "@shel echo x"), 5, 's2: there is no agent "shel"; did you mean "shell"?'),
    (("batch", "--file", "none.txt"), 4, "there is no file none.txt"),
    (("chain", "--file", "x", "y"), 2, "both as words and by --file"),
    (("flow", "show", "fzz"), 4, 'there is no flow "fzz"'),
    (("batch", "--concurrency", "0", "x"), 2, "'--concurrency'"),
]


def test_a_slip_gets_a_sentence(shared: Session) -> None:
    for words, code, said in SLIPS:
        shared.pancode(*words, code=code)
        assert said in shared.last_error, words
