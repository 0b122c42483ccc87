"""What a run is said to have come to, from the process's end and the agent's own words."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.conftest import MakeShim

OK = {"kind": "finished", "ok": True, "result": "all done"}
TURN = {"kind": "turn", "model": "m"}
USAGE = {
    "kind": "usage",
    "scope": "step",
    "input": 100,
    "output": 10,
    "cache_read": 50,
    "cache_write": None,
    "reasoning": None,
}


def test_a_final_record_and_exit_0_are_done(make_agent: MakeShim) -> None:
    shim = make_agent(
        {"kind": "session", "id": "s1"},
        TURN,
        {"kind": "text", "text": "Hel", "delta": True},
        {"kind": "text", "text": "lo.", "delta": True},
        {"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}},
        {"kind": "tool_finished", "id": "1", "name": "shell", "ok": True, "result": "a\nb", "exit": 0},
        USAGE,
        USAGE,
        {"kind": "cost", "scope": "total", "usd": 0.25},
        {"kind": "finished", "ok": True},
    ).start(pane=False)
    assert shim.end() == 0
    result = shim.result()
    assert shim.verdict() == ("done", "completed")
    assert result["evidence"] == {"record": {"kind": "finished", "ok": True}, "exit": 0, "signal": None}
    assert result["result"] == "Hello."
    assert result["agent_session"] == "s1"
    assert result["cost"] == {"usd": 0.25, "source": "agent"}
    assert result["usage"] == {
        "input": 200,
        "output": 20,
        "cache_read": 100,
        "cache_write": None,
        "reasoning": None,
        "turns": 1,
        "tool_calls": 1,
    }
    assert result["events"]["text"] == 2
    assert result["started"] <= result["ended"]


def test_the_journal_is_complete_and_in_order(make_agent: MakeShim) -> None:
    shim = make_agent(TURN, OK).start(pane=False)
    shim.end()
    events = shim.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["v"] for event in events} == {1}
    kinds = [event["kind"] for event in events]
    assert kinds[:2] == ["started", "exec"]
    assert kinds[-1] == "ended"
    assert set(kinds) == {"started", "exec", "turn", "finished", "exited", "ended"}
    assert [event["src"] for event in events if event["kind"] == "turn"] == ["agent"]
    assert {name: events[-1][name] for name in shim.result()} == shim.result()
    for name in ("events.jsonl", "result.json", "stream.raw", "stderr.raw", "terminal.cast"):
        assert (shim.folder / name).stat().st_mode & 0o777 == 0o600
    assert not (shim.folder / "reserve").exists()


@pytest.mark.parametrize(
    ("events", "then", "verdict"),
    [
        ([], "", ("failed", "stream-cut")),
        ([TURN], "", ("failed", "stream-cut")),
        ([OK], "exit 3", ("failed", "agent-error")),
        ([], "exit 3", ("failed", "agent-error")),
        (
            [{"kind": "finished", "ok": False, "reason": "model-unknown"}],
            "exit 1",
            ("failed", "model-unknown"),
        ),
        ([{"kind": "finished", "ok": False, "http": 429}], "exit 1", ("failed", "rate-limit")),
        ([{"kind": "problem", "message": "m", "reason": "network"}], "", ("failed", "network")),
        ([{"kind": "problem", "message": "m", "http": 529}], "exit 1", ("failed", "overload")),
        ([], "echo 'fatal: no key' >&2; exit 1", ("failed", "auth")),
        ([], "echo 'fatal: no key'; exit 1", ("failed", "auth")),
        ([OK], "kill -9 $$", ("failed", "crashed")),
        ([{"kind": "finished", "ok": False, "reason": "budget"}], "exit 1", ("budget", "budget")),
    ],
)
def test_a_bad_end_has_its_reason(
    make_agent: MakeShim, events: list[Any], then: str, verdict: tuple[str, str]
) -> None:
    shim = make_agent(*events, then=then).start(pane=False)
    assert shim.end() == {"failed": 1, "budget": 7}[verdict[0]]
    assert shim.verdict() == verdict


def test_a_signal_that_nobody_asked_for_is_named(make_agent: MakeShim) -> None:
    shim = make_agent(then="kill -SEGV $$").start(pane=False)
    shim.end()
    assert shim.result()["evidence"] == {"record": None, "exit": None, "signal": "SIGSEGV"}


def test_a_command_needs_only_exit_0(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "printf 'one\\ntwo\\n'").start(pane=False)
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")
    assert shim.result()["result"] == "one\ntwo"
    assert set(shim.result()["usage"].values()) == {None}
    assert (shim.folder / "stream.raw").read_bytes() == b"one\r\ntwo\r\n"


def test_a_command_that_fails_says_its_exit_status(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "exit 42").start(pane=False)
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "agent-error")
    assert shim.result()["evidence"]["exit"] == 42


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"argv": ["/nowhere/agent"]}, 'can\'t start "/nowhere/agent": no such file or directory'),
        ({"argv": ["no-such-agent"]}, 'can\'t start "no-such-agent": no such file or directory'),
        ({"argv": ["/etc/passwd"]}, 'can\'t start "/etc/passwd": permission denied'),
        ({"cwd": "/nowhere"}, 'can\'t enter the directory "/nowhere": no such file or directory'),
        ({"env_from": ["KEY"]}, "values for the environment are promised, but no handoff file is named"),
        (
            {"env_from": ["KEY"], "handoff": "/nowhere/h"},
            "can't read the handoff file /nowhere/h: no such file or directory",
        ),
    ],
)
def test_an_agent_that_cannot_start_is_told_in_a_sentence(
    make_shim: MakeShim, change: dict[str, Any], sentence: str
) -> None:
    shim = make_shim(**{"argv": ["true"], **change}).start()
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    assert shim.result()["evidence"] == {
        "record": {"kind": "problem", "message": sentence},
        "exit": None,
        "signal": None,
    }
    assert not shim.events("exec")
    assert not shim.events("exited")


def test_an_adapter_that_cannot_be_loaded_ends_the_run(make_shim: MakeShim, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("class Session(:\n")
    shim = make_shim("sleep", "1000", adapter=str(bad)).start(pane=False)
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    assert "can't use the adapter" in shim.result()["evidence"]["record"]["message"]
    assert not shim.survivors()


def test_secrets_come_by_the_handoff_file_and_nowhere_else(make_shim: MakeShim, tmp_path: Path) -> None:
    handoff = tmp_path / "handoff"
    handoff.write_text(json.dumps({"KEY": "s3cret", "OTHER": "unused"}))
    shim = make_shim(
        "sh",
        "-c",
        'test ${#KEY} = 6 && env | cut -d= -f1 | sort | tr "\\n" " "',
        env_from=["KEY"],
        handoff=str(handoff),
    ).start(pane=False)
    assert shim.end() == 0
    assert not handoff.exists()
    names = set(shim.result()["result"].split()) - {"PWD", "_", "SHLVL", "OLDPWD"}
    assert names == {"HOME", "KEY", "LANG", "PANCODE_RUN_ID", "PATH", "TERM"}
    for file in shim.folder.iterdir():
        assert b"s3cret" not in file.read_bytes()


def test_the_agent_gets_clean_descriptors_signals_and_a_terminal_of_its_own(make_shim: MakeShim) -> None:
    code = """if True:
        import os
        fds = sorted(os.listdir("/proc/self/fd"), key=int)[:-1]
        stat = open("/proc/self/status").read()
        mask = [l for l in stat.splitlines() if l.startswith("SigBlk")][0].split()[1]
        terminal = int(open("/proc/self/stat").read().rpartition(")")[2].split()[4])
        print(fds, mask, os.getsid(0) == os.getpid(), terminal == os.fstat(2).st_rdev, os.isatty(0))
        ign = [l for l in stat.splitlines() if l.startswith("SigIgn")][0].split()[1]
        print(ign)
    """
    shim = make_shim(sys.executable, "-I", "-S", "-c", code)
    read, write = os.pipe()
    os.set_inheritable(write, True)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        shim.start(pane=False)
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(read)
        os.close(write)
    assert shim.end() == 0
    first, second = shim.result()["result"].splitlines()
    assert first == "['0', '1', '2'] 0000000000000000 True True False"
    # Python itself ignores SIGPIPE and SIGXFSZ.
    assert int(second, 16) == 1 << 12 | 1 << 24


def test_the_task_reaches_standard_input_whatever_its_length(make_agent: MakeShim) -> None:
    text = "äöü\n" * 700_000
    shim = make_agent(
        OK, then='read -r first; test "$first" = "äöü" && test $(($(wc -c) + 7)) = 4900000', stdin=text
    ).start(pane=False)
    assert shim.end() == 0


def test_files_named_by_the_launch_are_read_after_the_exit(make_agent: MakeShim) -> None:
    tokens = {"input": 7, "output": 8, "cache_read": None, "cache_write": None, "reasoning": None}
    shim = make_agent(OK, reads=["usage.json", "missing.json"])
    (shim.folder / "usage.json").write_text(json.dumps(tokens))
    shim.start(pane=False)
    assert shim.end() == 0
    assert shim.result()["usage"]["output"] == 8


def test_a_run_is_executed_once(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "echo once").start(pane=False)
    assert shim.end() == 0
    before = (shim.folder / "events.jsonl").read_bytes()
    shim.start(pane=False)
    assert shim.end() == 11
    assert (shim.folder / "events.jsonl").read_bytes() == before
    assert "has been started before" in (shim.folder / "pane.txt").read_text()


@pytest.mark.parametrize(
    ("spec", "status"), [("[1]", 2), ("{", 2), ("{}", 2), (None, 4), ('{"argv": []}', 2)]
)
def test_a_spec_that_cannot_be_executed_is_told_in_a_sentence(
    make_shim: MakeShim, spec: str | None, status: int
) -> None:
    shim = make_shim("true")
    if spec is None:
        (shim.folder / "spec.json").unlink()
    else:
        (shim.folder / "spec.json").write_text(spec)
    shim.start(pane=False)
    assert shim.end() == status
    said = (shim.folder / "pane.txt").read_text()
    assert said.startswith("pancode: ")
    assert "Traceback" not in said
