"""The tool server: its protocol, the tool bash, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pancode.worker.tools.catalogue import TOOLS, action
from tests.worker.conftest import until
from tests.worker.test_imports import HEAVY, loaded
from tests.worker.test_sandbox_shim import a_long_sleep, alive
from tests.worker.toolserver import Tools, tools

__all__ = ["tools"]


def test_a_command_tells_what_it_prints_and_how_it_ends(tools: Tools) -> None:
    answer = tools.call("bash", command="echo out; echo err >&2; exit 3")
    assert (answer["ok"], answer["text"]) == (False, "out\nerr\n[exit status 3]")
    assert answer["meta"]["exit"] == 3
    assert tools.done("bash", command="true") == "[no output]"
    assert tools.refused("bash", command="kill -SEGV $$") == "[ended by SIGSEGV]"
    assert tools.done("bash", command="printf '10%%\\r100%%\\n\\033[31mred\\033[0m\\n'") == "100%\nred"
    assert tools.done("bash", command="cd /; cat; tty; pwd").splitlines()[-1] == "/"
    assert tools.done("bash", command="pwd") == str(tools.tree)
    assert "not found" in tools.refused("bash", command="-x")


def test_what_a_command_prints_is_streamed(tools: Tools) -> None:
    call = tools.begin("bash", {"command": "echo one; until [ -e go ]; do sleep 0.02; done; echo two"})
    tools.wait_more(call, "one\n")
    assert tools.done("write", path="go", content="").startswith("created")
    assert tools.answer(call)["text"] == "one\ntwo"
    assert tools.more[call] == "one\ntwo\n"


def test_of_long_output_the_middle_is_kept_in_a_file(tools: Tools) -> None:
    answer = tools.call("bash", command="seq 1 200000")
    text = answer["text"]
    assert len(text) <= 30_000
    assert text.startswith("1\n2\n")
    assert text.endswith("\n199999\n200000")
    assert f"is left out; all of it is in {answer['meta']['file']}]" in text
    assert Path(answer["meta"]["file"]).read_text().splitlines()[123_455] == "123456"
    assert tools.done("read", path=answer["meta"]["file"], offset=123_456, limit=1).startswith("123456\n")
    streamed = sum(map(len, tools.more.values()))
    assert streamed <= 100_000


def test_output_without_lines_is_bounded_too(tools: Tools) -> None:
    text = tools.done("bash", command="head -c 5000000 /dev/zero | tr '\\0' x")
    assert len(text) <= 30_000
    assert "the middle of 5,000,000 bytes is left out" in text
    assert "�" in tools.done("bash", command="head -c 100000 /dev/urandom; echo")


def test_a_command_has_a_time_limit(tools: Tools) -> None:
    sleep = a_long_sleep()
    answer = tools.call("bash", command=f"trap '' TERM; echo begun; {sleep}; {sleep}", timeout=1)
    assert (
        answer["text"] == "begun\n[ended after 2 s: that is its time-out; give a longer one if it needs more]"
    )
    assert answer["meta"]["stopped"] == "timeout"
    assert not alive(sleep.split()[1])
    assert "from 1 to 1800" in tools.refused("bash", command="true", timeout=5000)


def test_nothing_stays_in_the_background(tools: Tools) -> None:
    sleep = a_long_sleep()
    begun = time.monotonic()
    words = tools.done(
        "bash", command=f"{sleep} & setsid {sleep} & env -i setsid $(which sleep) {sleep.split()[1]} &"
    )
    assert "processes left in the background: ended]" in words
    assert time.monotonic() - begun < 60
    assert not alive(sleep.split()[1])


def test_calls_do_not_end_each_others_processes(tools: Tools, tmp_path: Path) -> None:
    sign = tmp_path / "go-on"
    waits = f"setsid sh -c 'until test -e {sign}; do sleep 0.02; done'"
    long = tools.begin("bash", {"command": f"({waits}; echo late) & echo early; wait"})
    tools.wait_more(long, "early")
    assert tools.done("bash", command=f"{a_long_sleep()} &").startswith("[1 process left")
    sign.touch()
    assert tools.answer(long)["text"] == "early\nlate"


def test_a_call_can_be_cancelled(tools: Tools) -> None:
    sleep = a_long_sleep()
    call = tools.begin("bash", {"command": f"echo up; {sleep}"})
    tools.wait_more(call, "up")
    assert tools.done("read", path="/etc/hostname")
    tools.send(b'{"id": %d, "cancel": true}' % call)
    answer = tools.answer(call)
    assert (answer["ok"], answer["text"]) == (False, "up\n[ended: the call was cancelled]")
    assert not alive(sleep.split()[1])
    tools.send(b'{"id": 999, "cancel": true}')
    assert tools.done("bash", command="echo still here") == "still here"


def test_more_commands_than_may_run_wait_for_their_turn(tools: Tools) -> None:
    calls = [tools.begin("bash", {"command": f"sleep 0.05; echo {n}"}) for n in range(20)]
    assert [tools.answer(call)["text"] for call in calls] == [str(n) for n in range(20)]


@pytest.mark.parametrize("how", ["eof", "SIGTERM"])
def test_the_end_of_the_server_is_the_end_of_all_that_it_started(tools: Tools, how: str) -> None:
    sleep = a_long_sleep()
    call = tools.begin("bash", {"command": f"trap '' TERM; setsid {sleep} & echo up; {sleep}; {sleep}"})
    tools.wait_more(call, "up")
    if how == "eof":
        tools.line.close()
    else:
        tools.process.terminate()
    assert tools.process.wait(60) == 0
    until(lambda: not alive(sleep.split()[1]), "the end of all")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"garbage", "this is not a request"),
        (b"\xff\xfe\x00", "this is not a request"),
        (b"[" * 100_000, "nested too deeply"),
        (b"null", "an object with an id"),
        (b'{"tool": "ls"}', "an object with an id"),
        (b'{"id": true, "tool": "ls"}', "an object with an id"),
        (b'{"id": {}, "tool": "ls"}', "an object with an id"),
        (b'{"id": NaN}', "not JSON"),
    ],
)
def test_a_line_that_is_no_request_is_answered(tools: Tools, line: bytes, words: str) -> None:
    tools.send(line)
    answer = tools.answer(None)
    assert not answer["ok"]
    assert words in answer["text"]
    assert tools.done("ls") == "[. is empty]"


@pytest.mark.parametrize(
    ("tool", "args", "words"),
    [
        ("rm", {}, 'there is no tool "rm"; there are read, grep, find, ls, write, edit, bash'),
        (None, {}, "there is no tool"),
        ("read", None, "read: the arguments must be an object"),
        ("read", [], "read: the arguments must be an object"),
        ("read", {"path": None}, "read: the argument path is missing"),
        ("read", {"path": ""}, "read: path is empty"),
        ("read", {"path": "a\0b"}, "NUL"),
        ("read", {"path": ["a"]}, "read: path must be a text"),
        ("read", {"path": "a", "file": "b"}, 'read has no argument "file"; its arguments are path, offset'),
        ("read", {"path": "a", "offset": 0}, "read: offset must be from 1"),
        ("read", {"path": "a", "offset": "x"}, "read: offset must be a whole number"),
        ("read", {"path": "a", "offset": 1.5}, "read: offset must be a whole number"),
        ("read", {"path": "a", "numbers": 3}, "read: numbers must be true or false"),
        ("edit", {"path": "a", "edits": []}, "from 1 to 100 entries"),
        ("edit", {"path": "a", "edits": [{"old": "x"}]}, "edit: edits[0]: the argument new is missing"),
        ("edit", {"path": "a", "edits": "x"}, "edit: edits must be a list"),
        ("bash", {"command": "a\0b"}, "can't be started"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_what_would(
    tools: Tools, tool: Any, args: Any, words: str
) -> None:
    answer = tools.answer(tools.begin(tool, args))
    assert not answer["ok"]
    assert words in answer["text"]


def test_what_small_models_write_is_understood(tools: Tools) -> None:
    (tools.tree / "a").write_text("1\n2\n3\n")
    assert tools.done("read", path="a", offset="2", limit=1.0, numbers="true").startswith("     2\t2\n")


def test_an_id_that_is_open_is_not_taken_twice(tools: Tools) -> None:
    call = tools.begin("bash", {"command": "sleep 0.2; echo first"})
    tools.send(json.dumps({"id": call, "tool": "ls"}).encode())
    assert "has no answer yet" in tools.answer(None)["text"]
    assert tools.answer(call)["text"] == "first"


def test_a_request_that_is_too_long_is_refused_and_forgotten(tools: Tools) -> None:
    piece = b"x" * (1 << 20)
    for _ in range(42):
        tools.line.sendall(piece)
    tools.send(b"")
    assert "longer than 40 MB" in tools.answer(None)["text"]
    assert tools.done("ls") == "[. is empty]"


def test_answers_that_nobody_reads_do_not_stop_the_clock(tools: Tools) -> None:
    (tools.tree / "a").write_text("x" * 1900 + "\n" * 200)
    calls = [tools.begin("read", {"path": "a"}) for _ in range(500)]
    limited = tools.begin("bash", {"command": "while :; do echo y; done", "timeout": 1})
    assert all(tools.answer(call)["ok"] for call in calls)
    assert tools.answer(limited)["meta"]["stopped"] == "timeout"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from([*(name for name in TOOLS if name not in ("bash", "write", "edit")), "nope"])
_KEYS = ["path", "offset", "limit", "numbers", "pattern", "glob", "context", "old", "new", "edits", "content"]
_ARGS = st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=4)


@given(
    requests=st.lists(st.tuples(_NAMES | _JSON, _ARGS | _JSON), min_size=1, max_size=4),
    junk=st.binary(max_size=60),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_is_answered(shared: Tools, requests: list[tuple[Any, Any]], junk: bytes) -> None:
    shared.send(junk.replace(b"\n", b" "))
    for tool, args in requests:
        answer = shared.answer(shared.begin(tool, args))
        assert isinstance(answer["ok"], bool)
        assert isinstance(answer["text"], str)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Tools(tmp_path_factory.mktemp("shared"))
    yield server
    assert server.close() == 0


def test_a_server_imports_little() -> None:
    before = loaded("sys")
    names = {
        name for name in loaded("pancode.worker.tools.server") - before if not name.startswith("pancode")
    }
    assert not names & (HEAVY - {"os"})
    assert not {"re", "difflib", "json"} & names


def test_a_server_is_small_and_soon_ready(tools: Tools) -> None:
    tools.done("ls")
    status = Path(f"/proc/{tools.process.pid}/status").read_text()
    assert int(status.split("VmRSS:")[1].split()[0]) < 20_000


def test_the_catalogue_says_what_the_gate_is_asked() -> None:
    assert [tool.action for tool in TOOLS.values()] == [
        "read",
        "grep",
        "find",
        "ls",
        "write",
        "edit",
        "shell",
    ]
    assert action("edit", {"path": "a.py"}, "/src") == {"tool": "edit", "cwd": "/src", "paths": ["a.py"]}
    assert action("ls", {}, "/src") == {"tool": "ls", "cwd": "/src", "paths": ["/src"]}
    assert json.loads(json.dumps([tool.schema for tool in TOOLS.values()]))
    assert sys.executable
    assert os.path.isfile(TOOLS["read"].__class__.__init__.__code__.co_filename)
