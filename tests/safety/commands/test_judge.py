"""What the classifier says about commands."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pancode.core.actions import DECISIONS, SEVERITY, ActionClass, Decision
from pancode.core.grants import Level
from pancode.domains.safety.commands.judgement import Part, Place, judge, judge_paths, judgement
from tests.safety.commands.cases import BY_CLASS, DELETES_SOURCES, PLACE, WRAPS, judged

ALL = [(kind, command) for kind, commands in BY_CLASS.items() for command in commands]
ODD = (
    "rm\u00a0-rf src",
    "ls\r; ls",
    "ls\0",
    "echo \u202ex",
    "ls\u200b",
    "echo \x1b[2J",
    "ls\u2028ls",
    "\u3164",
)


def lines(name: str) -> list[str]:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read().splitlines()


def allowed(kind: ActionClass) -> bool:
    return DECISIONS[kind][Level.AUTO_EDIT] is Decision.ALLOW


@pytest.mark.parametrize(("kind", "command"), ALL)
def test_a_command_has_its_class(kind: ActionClass, command: str) -> None:
    assert judged(command).kind is kind


@pytest.mark.parametrize("command", lines("not_allowed.txt"))
def test_a_roundabout_loss_is_not_allowed(command: str) -> None:
    assert not allowed(judged(command).kind)


@pytest.mark.parametrize("command", lines("allowed.txt"))
def test_everyday_work_is_allowed(command: str) -> None:
    assert allowed(judged(command).kind)


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_runs_a_deletion_is_no_better_than_the_deletion(wrap: str) -> None:
    assert not allowed(judged(wrap.format(DELETES_SOURCES)).kind)


@pytest.mark.parametrize(("kind", "command"), ALL)
@pytest.mark.parametrize("around", ["  {}  ", "{}\ntrue", "true\n{}"])
def test_blanks_and_true_around_it_change_nothing(kind: ActionClass, command: str, around: str) -> None:
    assert judged(around.format(command)).kind is kind


@pytest.mark.parametrize(("kind", "command"), ALL)
def test_a_shell_around_it_makes_it_no_milder(kind: ActionClass, command: str) -> None:
    quoted = command.replace("'", "'\\''")
    found = judged(f"bash -c '{quoted}'").kind
    assert SEVERITY.index(found) >= SEVERITY.index(kind) or not allowed(found)


@pytest.mark.parametrize("command", ODD)
def test_what_nobody_sees_is_not_understood(command: str) -> None:
    assert judged(command).kind is ActionClass.NOT_UNDERSTOOD


def test_broken_bytes_and_large_texts_are_not_understood() -> None:
    assert judged(b"ls \xff").kind is ActionClass.NOT_UNDERSTOOD
    assert judged("echo " + "a" * 70000).kind is ActionClass.NOT_UNDERSTOOD
    assert judged(f"python3 -c '{'x = 1;' * 4000}'").kind is ActionClass.NOT_UNDERSTOOD
    assert judged("(" * 400 + "ls" + ")" * 400).kind is ActionClass.NOT_UNDERSTOOD
    assert judged(b"ls -la").kind is ActionClass.FILE_READ


@given(st.text(alphabet="rm -f$()`'\"{}<>|&;\\\n a=*~/.", max_size=60))
@settings(max_examples=300)
def test_no_text_breaks_it(text: str) -> None:
    found = judged(text)
    assert found.parts
    assert not any("classifier fails" in part.why for part in found.parts)


@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_no_bytes_break_it(raw: bytes) -> None:
    assert not any("classifier fails" in part.why for part in judged(raw).parts)


def test_parts_name_the_paths_they_read_and_write_and_the_hosts() -> None:
    found = judged("cat sub/a.secret > out.txt; cp a b; curl https://x.example/a")
    paths = {path for part in found.parts for path in part.paths}
    assert {"/srv/tree/sub/a.secret", "/srv/tree/out.txt", "/srv/tree/a", "/srv/tree/b"} <= paths
    assert ("x.example",) in {part.hosts for part in found.parts}


def test_only_a_host_that_a_list_may_soften_has_the_rule_host() -> None:
    assert judged("curl https://x.example/a").rule == "host"
    assert judged("curl -d @a https://x.example/a").rule == "upload"


def test_words_are_those_after_unwrapping() -> None:
    assert judged("env A=1 timeout 5 rm -rf 'src'").deciding.words == ("rm", "-rf", "src")


def test_a_home_below_tmp_is_still_a_home() -> None:
    place = Place("/tmp/a/b/home/tree", "/tmp/a/b/home/tree", "/tmp/a/b/home")
    assert judge("rm -rf ~", place).kind is ActionClass.BASH_DESTRUCTIVE
    assert judge("echo x > ~/.bashrc", place).kind is ActionClass.SYSTEM_MODIFY
    assert judge("rm -rf ../other", place).kind is ActionClass.BASH_DESTRUCTIVE


def test_file_tools_are_judged_by_where_the_file_lies() -> None:
    assert judge_paths("write", ["src/a.py"], PLACE).kind is ActionClass.FILE_WRITE
    assert judge_paths("Edit", ["/srv/tree/.git/config"], PLACE).kind is ActionClass.GOVERNANCE_WRITE
    assert judge_paths("read", ["~/.ssh/id_rsa"], PLACE).kind is ActionClass.SECRET_READ
    assert judge_paths("Read", ["src/a.py"], PLACE).kind is ActionClass.FILE_READ
    assert judge_paths("write", ["../x"], PLACE).kind is ActionClass.BASH_DESTRUCTIVE


def test_the_severest_part_decides() -> None:
    parts = [
        Part("a", ActionClass.FILE_READ, "read", "reads"),
        Part("b", ActionClass.SYSTEM_MODIFY, "kill", "kills"),
        Part("c", ActionClass.NETWORK, "connect", "connects"),
    ]
    found = judgement(parts)
    assert (found.kind, found.rule, found.why) == (ActionClass.SYSTEM_MODIFY, "kill", "kills")


def test_of_no_parts_the_judgement_is_that_nothing_happens() -> None:
    assert judgement(()).kind is ActionClass.FILE_READ
    assert judged("").kind is ActionClass.FILE_READ
