"""The controller among rude clients, many clients and odd input."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session, left_over
from tests.session.test_hard_cases import answers, talk

pytestmark = pytest.mark.tmux


RUDE = [
    b"not json",
    b"[1, 2]",
    b"[" * 100_000,
    b'{"id": 1}',
    b'{"id": 2, "verb": "frobnicate"}',
    b'{"id": 3, "verb": ["run"]}',
    b'{"id": 4, "verb": "status", "args": [1]}',
    b'{"id": 5, "verb": "run", "args": {"task": 7}}',
    b'{"id": 6, "verb": "worker", "args": {"run": "zzz"}}',
    b'{"id": 7, "verb": "subscribe", "args": {"topics": ["all"]}}',
    b'{"id": 8, "verb": "runs", "args": {"limit": 1e9}}',
    b'{"id": 9, "verb": "stop", "args": {}}',
    b"\xff\xfe",
]


def test_a_rude_client_gets_sentences(shared: Session) -> None:
    for told in answers(talk(shared, *RUDE), len(RUDE)):
        assert told["ok"] is False
        assert told["error"]["code"] in (2, 4)
    link = talk(shared)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        link.sendall(b" " * (9 * 1024 * 1024))
    told = answers(link, 1)[0]
    assert "4 MB" in told["error"]["problem"]
    assert shared.status()["totals"]["live"] == 0


def test_many_clients_at_once_are_all_answered(shared: Session) -> None:
    links = [talk(shared, b'{"id": 1, "verb": "status"}') for _ in range(200)]
    assert all(answers(link, 1)[0]["ok"] for link in links)


def test_one_connection_may_ask_thousands_of_times(shared: Session) -> None:
    link = talk(shared)
    with link, link.makefile("rb") as lines:
        for number in range(3000):
            link.sendall(b'{"id": %d, "verb": "ping"}\n' % number)
            assert json.loads(lines.readline())["ok"]
    assert shared.status()["totals"]["live"] == 0
    assert "RecursionError" not in Path(shared.places.log).read_text()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"task": "echo a\0b"}, "a NUL can't be part"),
    ({"task": "true", "cwd": "/\0"}, "a NUL can't be part"),
    ({"task": "echo \udcff"}, "not UTF-8"),
    ({"task": "true", "timeout": 0}, "must be more than 0"),
    ({"task": "true", "timeout": -1}, "must be more than 0"),
    ({"task": "true", "timeout": float("nan")}, "must be a number"),
    ({"task": "true", "timeout": float("inf")}, "must be a number"),
]


def test_what_no_program_can_be_given_is_refused_at_the_door(shared: Session) -> None:
    before = os.listdir(shared.places.runs)
    for args, said in REFUSED:
        asked = {"cwd": shared.places.project, "agent": "shell", **args}
        told = answers(talk(shared, json.dumps({"id": 1, "verb": "run", "args": asked}).encode()), 1)[0]
        assert told["error"]["code"] == 2
        assert said in told["error"]["problem"]
    assert os.listdir(shared.places.runs) == before


def test_tasks_of_all_kinds_arrive_as_they_are(shared: Session) -> None:
    task = "echo 'é 漢字 👩‍👩‍👧\n\ttwo'; echo three"
    assert shared.json("run", "--agent", "shell", task)["result"] == "é 漢字 👩‍👩‍👧\n\ttwo\nthree"
    long = "true; : " + "x" * 1_000_000
    done = subprocess.run(
        [sys.executable, "-m", "pancode", "run", "--agent", "shell", "--json", "-"],
        env=shared.environment, cwd=shared.places.project, input=long, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("pancode: the task is too long for shell")


def test_a_variable_that_is_no_text_keeps_nothing_from_starting(shared: Session) -> None:
    environment = {os.fsencode(name): os.fsencode(text) for name, text in shared.environment.items()}
    environment[b"ODD"] = b"\xff\xfe"
    done = subprocess.run(
        [sys.executable, "-m", "pancode", "run", "--agent", "shell", "--json", "true"],
        env=environment, cwd=shared.places.project, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["status"] == "done", done.stderr


def test_a_state_directory_that_cannot_be_written_is_named(no_session: Session) -> None:
    if os.getuid() == 0:
        Path(no_session.places.home).parent.joinpath("file").write_text("")
        no_session.environment["PANCODE_HOME"] = str(Path(no_session.places.home).parent / "file" / "x")
    else:
        os.chmod(no_session.places.home, 0o500)
    no_session.pancode("up", "--detach", code=12)
    assert "PANCODE_HOME" in no_session.last_error
    assert left_over(no_session) == []
