"""Runs as a person starts them: through the verbs, with the real controller, tmux and shims."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.session.conftest import Session, left_over
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux

RESULT_KEYS = {"run_id", "status", "reason", "evidence", "result", "usage", "cost"}
USAGE_KEYS = {"input", "output", "cache_read", "cache_write", "reasoning", "turns", "tool_calls"}


def test_a_command_runs_as_a_worker_and_its_result_is_one_object(no_session: Session) -> None:
    # No session is up: the first run starts one.
    found = no_session.json("run", "--agent", "shell", "echo hello; echo there")
    assert set(found) == RESULT_KEYS
    assert (found["status"], found["reason"], found["result"]) == ("done", "completed", "hello\nthere")
    assert set(found["usage"]) == USAGE_KEYS
    assert set(found["usage"].values()) == {None}
    assert found["cost"] == {"usd": None, "source": "unknown"}
    assert found["evidence"]["exit"] == 0
    shown = no_session.json("runs", "show", found["run_id"][:2])
    assert {key: shown[key] for key in RESULT_KEYS} == found
    assert shown["events"]["ended"] == 1


@pytest.mark.parametrize(
    ("task", "code", "status", "reason", "evidence"),
    [
        ("exit 3", 1, "failed", "agent-error", {"exit": 3, "signal": None}),
        # Out of a sandbox only 128 + 11 comes, which is kept beside what it stands for.
        ("kill -SEGV $$", 1, "failed", "crashed", {"exit": 139, "signal": "SIGSEGV"}),
    ],
)
def test_a_bad_end_has_a_reason_and_its_evidence(
    shared: Session, task: str, code: int, status: str, reason: str, evidence: dict[str, object]
) -> None:
    found = shared.json("run", "--agent", "shell", task, code=code)
    assert (found["status"], found["reason"]) == (status, reason)
    assert {key: found["evidence"][key] for key in evidence} == evidence


def test_a_run_that_takes_too_long_ends_as_a_timeout(shared: Session) -> None:
    found = shared.json("run", "--agent", "shell", "--timeout", "0.5", "sleep 600", code=6)
    assert (found["status"], found["reason"]) == ("timeout", "wall-timeout")


def test_plan_mode_and_suggest_refuse_in_words_with_a_remedy(session: Session) -> None:
    session.pancode("mode", "plan")
    session.pancode("run", "--agent", "shell", "echo no", code=5)
    assert "plan mode starts no workers" in session.last_error
    assert "Shift+Tab" in session.last_error
    session.pancode("mode", "build")
    session.pancode("safety", "suggest")
    found = session.json("run", "--agent", "shell", "echo no", code=5)
    assert (found["status"], found["reason"]) == ("refused", "refused")
    session.pancode("mode", "review")
    session.pancode("safety", "auto-edit")
    session.pancode("run", "--agent", "shell", "echo no", code=5)
    assert "read-only" in session.last_error
    assert [row["state"] for row in session.json("runs")["runs"]] == ["refused"] * 3


def test_a_run_gets_no_more_than_the_session_has(shared: Session) -> None:
    shared.pancode("run", "--agent", "shell", "--safety", "full-auto", "true", code=5)
    assert "the session's level is auto-edit" in shared.last_error


SLIPS = [
    (("run", "--agent", "shel", "true"), 5, 'there is no agent "shel"; did you mean "shell"?'),
    (("run", "--agent", "shell", "--cwd", "/nowhere", "true"), 5, "there is no directory /nowhere"),
    (("run", "--agent", "shell", "  "), 5, "the task is empty"),
    (("run", "--agent", "claude-code", "x"), 3, "npm install -g @anthropic-ai/claude-code"),
    (("run", "--timeout", "soon", "x"), 2, "'--timeout'"),
    (("stop", "zzz"), 4, 'there is no run "zzz"'),
    (("logs", "zzz"), 4, 'there is no run "zzz"'),
    (("mode", "chaos"), 2, 'there is no mode "chaos"'),
    (("safety", "yolo"), 2, 'there is no safety level "yolo"'),
    (("frobnicate",), 2, 'there is no verb "frobnicate"'),
    (("up", "--session", "a b"), 2, '"a b" is not a session name'),
]


def test_a_slip_gets_a_sentence_and_its_exit_status(no_session: Session) -> None:
    no_session.environment["PATH"] = "/usr/bin:/bin"  # Where no claude is.
    no_session.pancode("up", "--detach")
    for words, code, said in SLIPS:
        no_session.pancode(*words, code=code)
        assert said in no_session.last_error, words
        assert no_session.last_error.startswith("pancode: "), words


def test_stop_ends_the_run_and_all_that_it_started(shared: Session) -> None:
    task = "setsid sleep 611 & (setsid sleep 612 &) ; sleep 613"
    run = shared.detached("--agent", "shell", task)
    row = shared.until_working(run)
    wait_until(lambda: _sleepers(shared) == {"611", "612", "613"}, "three sleepers")
    shared.pancode("stop", run)
    assert shared.json("runs", "show", run)["status"] == "cancelled"
    assert _sleepers(shared) == set()
    assert not is_running(row["pid"])
    assert not is_running(row["shim_pid"])


def _sleepers(session: Session) -> set[str]:
    found = set()
    for pid in left_over(session):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[0] == b"sleep":
            found.add(words[1].decode())
    return found


def test_ctrl_c_on_a_waiting_verb_stops_the_run(shared: Session) -> None:
    process = shared.start_process("run", "--agent", "shell", "--json", "sleep 600")
    wait_until(lambda: shared.status()["totals"]["live"] == 1, "the run is there")
    run = next(row["run_id"] for row in shared.status()["workers"] if row["ended"] is None)
    shared.until_working(run)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert json.loads(out)["status"] == "cancelled"
    assert process.returncode == 8


def test_a_killed_shim_is_lost_and_leaves_no_process(shared: Session) -> None:
    run = shared.detached("--agent", "shell", "setsid sleep 621 & sleep 622")
    row = shared.until_working(run)
    wait_until(lambda: _sleepers(shared) == {"621", "622"}, "two sleepers")
    os.kill(row["shim_pid"], signal.SIGKILL)
    wait_until(lambda: shared.row(run)["state"] == "lost", "it is lost")
    assert shared.json("runs", "show", run)["reason"] == "lost"
    wait_until(lambda: not _sleepers(shared), "no sleeper is left")


def test_logs_show_the_transcript_and_the_raw_stream(shared: Session) -> None:
    run = shared.json("run", "--agent", "shell", "printf 'one\\n'; printf 'two\\n'")["run_id"]
    shown = shared.pancode("logs", run)
    assert "one\ntwo\n" in shown
    assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []
    assert "(B" not in shown  # What is left of a terminal's reset where only colours are taken out.
    assert shared.pancode("logs", run, "--raw").replace("\r\n", "\n") == "one\ntwo\n"


def test_say_to_an_agent_without_a_conversation_says_so(shared: Session) -> None:
    live = shared.pancode("run", "--agent", "shell", "--detach", "sleep 600").strip()
    ended = shared.json("run", "--agent", "shell", "true")["run_id"]
    for run in (live, ended):
        shared.pancode("say", run, "and now?", code=5)
        assert f"run {run} has no conversation to go on with" in shared.last_error
    shared.pancode("stop", live, "--force")


def test_any_other_cli_needs_no_code(no_session: Session) -> None:
    home = Path(no_session.places.home)
    home.mkdir(mode=0o700)
    (home / "panagents.yaml").write_text(
        "agents:\n  echoer:\n    description: says it\n    command: [echo, 'got:', '{task}']\n"
    )
    no_session.pancode("up", "--detach")
    assert no_session.json("run", "--agent", "echoer", "a task; $(with) 'signs'")["result"] == (
        "got: a task; $(with) 'signs'"
    )


def test_secrets_are_in_no_file_of_the_run(no_session: Session) -> None:
    home = Path(no_session.places.home)
    home.mkdir(mode=0o700)
    (home / "panagents.yaml").write_text(
        "agents:\n  shown:\n    command: [sh, -c, 'test ${#ACME_API_KEY} = 6 && {task}']\n"
        "    env: [ACME_API_KEY]\n"
    )
    no_session.environment["ACME_API_KEY"] = "sesame"
    no_session.pancode("up", "--detach")
    found = no_session.json("run", "--agent", "shown", "echo yes")
    assert found["status"] == "done"
    for folder, _, names in os.walk(home):
        for name in names:
            assert b"sesame" not in Path(folder, name).read_bytes(), f"{folder}/{name}"
