"""The audit log: whole with several writers and after crashes, and every change to it is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.audit import Audit, Decided, Word, canonical, hash_of, head_path
from pancode.domains.safety.auditlog import Wanted, read, verify

KEY = "sk-ant-" + "api03-" + "x" * 40
ONE = Decided(
    run="k3f",
    session="main",
    agent="dev",
    action={"tool": "shell", "command": f"KEY={KEY} make \ud800", "cwd": "/w"},
    digest="d" * 64,
    kind="bash_exec",
    decision=Word.ALLOWED,
    by="policy",
    rule="project-code",
    why=f"it runs make with {KEY}",
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "home" / "audit.jsonl")


def filled(path: str, count: int = 5) -> list[dict[str, Any]]:
    audit = Audit(path)
    for number in range(count):
        audit.append(ONE, at=100.0 + number)
    return list(read(path, Wanted()))


def lines_of(path: str) -> list[bytes]:
    return Path(path).read_bytes().splitlines(keepends=True)


def test_a_record_says_what_was_decided_and_no_secret(path: str) -> None:
    assert Audit(path).append(ONE, at=5.0) == 1
    (record,) = read(path, Wanted())
    assert record["action"]["command"] == "KEY=<redacted:anthropic-key> make \ud800"
    assert KEY not in Path(path).read_text(encoding="utf-8")
    assert {"v", "seq", "t", "run", "session", "agent", "tool", "action", "digest", "class"} < set(record)
    assert (record["decision"], record["by"], record["class"]) == ("allowed", "policy", "bash_exec")
    assert [os.stat(name).st_mode & 0o777 for name in (path, head_path(path))] == [0o600, 0o600]
    assert verify(path).is_whole


def test_a_very_long_action_is_cut(path: str) -> None:
    Audit(path).append(replace(ONE, action={"tool": "shell", "command": "x" * 1_000_000}))
    assert os.stat(path).st_size < 20_000
    assert verify(path).is_whole


def test_several_processes_append_at_once(path: str) -> None:
    code = (
        "import sys; from pancode.domains.safety.audit import *\n"
        "a = Audit(sys.argv[1]); w = list(Word)\n"
        "for i in range(50):\n"
        " a.append(Decided(sys.argv[2], 's', 'a', {'tool': 't'}, 'd', 'k', w[i % 6], 'b', 'r', 'y'))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, str(number)]) for number in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    found = verify(path)
    assert (found.is_whole, found.records) == (True, 150)
    assert [len(list(read(path, Wanted(run=str(number))))) for number in range(3)] == [50, 50, 50]


def test_a_line_that_a_crash_cut_off_costs_nothing_else(path: str) -> None:
    filled(path, 3)
    with open(path, "ab") as file:
        file.write(b'{"seq": 4, "ha')
    assert verify(path).records == 3
    assert verify(path).is_whole
    assert Audit(path).append(ONE) == 4
    assert (verify(path).is_whole, verify(path).records) == (True, 4)


def test_a_crash_between_log_and_head_is_no_mistake(path: str) -> None:
    filled(path, 3)
    before = Path(head_path(path)).read_bytes()
    Audit(path).append(ONE)
    Path(head_path(path)).write_bytes(before)
    assert verify(path).is_whole
    assert Audit(path).append(ONE) == 5
    assert (verify(path).is_whole, verify(path).records) == (True, 5)


def test_a_changed_record_is_found(path: str) -> None:
    filled(path)
    lines = lines_of(path)
    lines[2] = lines[2].replace(b'"decision":"allowed"', b'"decision":"blocked"')
    Path(path).write_bytes(b"".join(lines))
    assert verify(path).broken == 3


def test_a_change_with_a_new_hash_is_found_by_the_next_record(path: str) -> None:
    filled(path)
    lines = lines_of(path)
    record = {**json.loads(lines[2]), "by": "operator"}
    lines[2] = canonical({**record, "hash": hash_of(record)}) + b"\n"
    Path(path).write_bytes(b"".join(lines))
    assert verify(path).broken == 4


def test_a_changed_last_record_is_found_by_the_head(path: str) -> None:
    filled(path)
    lines = lines_of(path)
    record = {**json.loads(lines[4]), "by": "operator"}
    lines[4] = canonical({**record, "hash": hash_of(record)}) + b"\n"
    Path(path).write_bytes(b"".join(lines))
    assert verify(path).broken == 5


@pytest.mark.parametrize("gone", [0, 2])
def test_a_record_taken_out_is_found(path: str, gone: int) -> None:
    filled(path)
    lines = lines_of(path)
    Path(path).write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    assert verify(path).broken == gone + 1


def test_records_in_another_order_and_odd_lines_are_found(path: str) -> None:
    filled(path)
    lines = lines_of(path)
    Path(path).write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert verify(path).broken == 2
    Path(path).write_bytes(b"".join([lines[0], b"hello\n", *lines[1:]]))
    assert verify(path).broken == 2
    Path(path).write_bytes(b"".join([lines[0], lines[1].replace(b'"v":1', b'"v": 1'), *lines[2:]]))
    assert verify(path).broken == 2


def test_what_is_cut_off_at_the_end_is_found_and_stays_found(path: str) -> None:
    filled(path)
    Path(path).write_bytes(b"".join(lines_of(path)[:3]))
    assert verify(path).broken == 4
    assert Audit(path).append(ONE) == 6
    assert verify(path).broken == 4


def test_a_log_or_a_head_that_is_gone_is_found(path: str) -> None:
    filled(path)
    head = Path(head_path(path)).read_bytes()
    Path(head_path(path)).write_bytes(b"{")
    assert verify(path).broken == 6
    Path(head_path(path)).write_bytes(head)
    Path(path).write_bytes(b"")
    assert verify(path).broken == 1
    Audit(path).append(ONE)
    assert verify(path).broken == 1


def test_no_log_is_an_empty_one(path: str) -> None:
    assert list(read(path, Wanted())) == []
    assert verify(path).is_whole


def test_records_are_found_by_what_they_say(path: str) -> None:
    audit = Audit(path)
    audit.append(ONE, at=1.0)
    audit.append(replace(ONE, run="abc", decision=Word.ASKED, kind="git_push", agent="other"), at=2.0)
    for wanted in (
        Wanted(run="a"),
        Wanted(decision="asked"),
        Wanted(kind="git_push"),
        Wanted(agent="other"),
        Wanted(since=1.5),
    ):
        assert [record["seq"] for record in read(path, wanted)] == [2]
    assert len(list(read(path, Wanted(since=1.0)))) == 2


def test_a_log_that_cannot_be_written_is_a_sentence(path: str) -> None:
    os.makedirs(path)
    with pytest.raises(PanError, match="can't write") as caught:
        Audit(path).append(ONE)
    assert caught.value.code is ExitCode.ENVIRONMENT


def test_a_full_disk_leaves_no_half_record(path: str) -> None:
    filled(path, 1)
    code = (
        "import os, resource, sys; from pancode.core.errors import PanError\n"
        "from pancode.domains.safety.audit import *\n"
        "room = os.stat(sys.argv[1]).st_size + 100\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))\n"
        "one = Decided('r', 's', 'a', {'tool': 't'}, 'd', 'k', Word.ASKED, 'b', 'r', 'y')\n"
        "try:\n Audit(sys.argv[1]).append(one)\n"
        "except PanError as error:\n print(error.problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "can't write" in done.stdout
    assert lines_of(path)[-1].endswith(b"\n")
    assert Audit(path).append(ONE) == 2
    assert verify(path).is_whole
