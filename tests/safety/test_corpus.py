"""The classifier against a corpus of commands that destroy, and of commands that developers type all day."""

from __future__ import annotations

import collections
import functools
import json
import os
import random
import re
import shlex
import sys
from typing import TypedDict

import pytest

from pancode.core.actions import DECISIONS, ActionClass, Decision
from pancode.core.grants import Level
from pancode.domains.safety.commands.judge import judge
from pancode.domains.safety.commands.judgement import Place

CORPUS = os.path.join(os.path.dirname(__file__), "corpus")
PLACE = Place(worktree="/home/dev/project", cwd="/home/dev/project", home="/home/dev")
DANGEROUS_REFUSED = 0.98
HARMLESS_FLAGGED = 0.03
KINDS = {kind.value: kind for kind in ActionClass}
SIMPLE = re.compile(r"[A-Za-z./][\w./-]* [^;&|<>()#\n`]*\Z")
BUILTINS = frozenset(
    re.findall(
        r"\S+",
        """
        . : [ [[ alias bg bind builtin caller case cd command compgen complete coproc declare disown
        echo enable eval exec exit export false fc fg for function getopts hash history if jobs kill
        let local logout mapfile popd printf pushd read readarray readonly return select set shift
        shopt source suspend test time times trap true type typeset ulimit umask unalias unset until
        wait while
        """,
    )
)


class Line(TypedDict):
    """One line of the corpus: `class` is what a person expects, `evasive` whether it hides what it does."""

    command: str
    expected: ActionClass
    group: str
    why: str
    evasive: bool


@functools.cache
def corpus(name: str) -> tuple[Line, ...]:
    with open(os.path.join(CORPUS, f"{name}.jsonl"), encoding="ascii") as lines:
        raw = [json.loads(line) for line in lines]
    return tuple(
        Line(
            command=one["command"],
            expected=KINDS[one["class"]],
            group=one["group"],
            why=one["why"],
            evasive=one["evasive"],
        )
        for one in raw
    )


@functools.cache
def kind_of(command: str) -> ActionClass:
    return judge(command, PLACE).kind


def say(*words: str) -> None:
    """Print for whoever runs the tests with -rA or -s."""
    sys.stdout.write(" ".join(words) + "\n")


def allowed(kind: ActionClass) -> bool:
    return DECISIONS[kind][Level.AUTO_EDIT] is Decision.ALLOW


def milder(new: ActionClass, old: ActionClass) -> bool:
    return any(DECISIONS[new][level].rank < DECISIONS[old][level].rank for level in Level)


def report(lines: list[Line]) -> str:
    return "".join(
        f"\n  {line['group']}: {line['command']!r} is {kind_of(line['command'])}, expected {line['expected']}"
        for line in lines
    )


def variants(command: str) -> dict[str, str]:
    """Give the same command in other clothes."""
    dressed = {
        "blanks": f"  {command}\n ",
        "then true": f"{command}\ntrue",
        "after true": f"true; {command}",
        "bash -c": f"bash -c {shlex.quote(command)}",
        "sh in sh": f"sh -c {shlex.quote('bash -c ' + shlex.quote(command))}",
    }
    if SIMPLE.match(command) and command.split(maxsplit=1)[0] not in BUILTINS:
        dressed["env"] = f"env {command}"
        dressed["env with a variable"] = f"env LANG=C {command}"
    return dressed


def whole(name: str) -> list[Line]:
    """Give the lines that are whole commands: what follows a broken one could complete it."""
    return [line for line in corpus(name) if line["group"] != "odd-bytes"]


def test_the_corpus_is_large_and_half_of_its_dangers_are_evasive() -> None:
    dangerous, harmless = corpus("dangerous"), corpus("harmless")
    assert len(dangerous) >= 350
    assert len(harmless) >= 350
    assert 2 * sum(line["evasive"] for line in dangerous) >= len(dangerous)
    commands = [line["command"] for line in dangerous + harmless]
    assert len(set(commands)) == len(commands)


def test_what_the_corpus_expects_agrees_with_the_table_of_the_policy() -> None:
    assert [line["command"] for line in corpus("dangerous") if allowed(line["expected"])] == []
    assert [line["command"] for line in corpus("harmless") if not allowed(line["expected"])] == []


def test_dangerous_commands_are_not_allowed_at_auto_edit() -> None:
    lines = corpus("dangerous")
    missed = [line for line in lines if allowed(kind_of(line["command"]))]
    say(f"{len(missed)} of {len(lines)} dangerous commands allowed{report(missed)}")
    assert len(missed) <= (1 - DANGEROUS_REFUSED) * len(lines), report(missed)


def test_harmless_commands_are_seldom_flagged_at_auto_edit() -> None:
    lines = corpus("harmless")
    flagged = [line for line in lines if not allowed(kind_of(line["command"]))]
    say(f"{len(flagged)} of {len(lines)} harmless commands flagged{report(flagged)}")
    assert len(flagged) <= HARMLESS_FLAGGED * len(lines), report(flagged)


@pytest.mark.parametrize("evasive", [False, True])
def test_evasive_commands_are_held_to_the_same_bar_as_plain_ones(evasive: bool) -> None:
    lines = [line for line in corpus("dangerous") if line["evasive"] is evasive]
    missed = [line for line in lines if allowed(kind_of(line["command"]))]
    assert len(missed) <= (1 - DANGEROUS_REFUSED) * len(lines), report(missed)


def test_most_commands_get_the_class_that_a_person_expects() -> None:
    lines = corpus("dangerous") + corpus("harmless")
    other = collections.Counter(
        (str(line["expected"]), str(kind_of(line["command"])))
        for line in lines
        if kind_of(line["command"]) is not line["expected"]
    )
    for (expected, given), count in other.most_common():
        say(f"{count:4} expected {expected}, given {given}")
    assert sum(other.values()) <= len(lines) / 2


@pytest.mark.parametrize("name", ["dangerous", "harmless"])
def test_wrapping_makes_no_command_milder_and_leaves_the_class_of_nearly_every_one(name: str) -> None:
    pairs = [
        (how, command, kind_of(line["command"]), kind_of(command))
        for line in whole(name)
        for how, command in variants(line["command"]).items()
    ]
    other = [
        f"\n  {how}: {command!r}: {old} became {new}" for how, command, old, new in pairs if old is not new
    ]
    say(f"{len(other)} of {len(pairs)} changed class", *other)
    worse = [
        f"\n  {how}: {command!r}: {old} became {new}" for how, command, old, new in pairs if milder(new, old)
    ]
    assert not worse, "".join(worse)
    assert len(other) <= 0.01 * len(pairs), "".join(other)


def test_damaged_commands_are_judged_and_crash_nothing() -> None:
    chance = random.Random(20261122)  # noqa: S311 - a fixed series of damages, not a secret
    pieces = ["'", '"', "`", "$(", ")", "{", "}", "\\", "\n", "<<E\n", ";", "|", "&", "\0", "\u202e", "$"]
    for line in corpus("dangerous") + corpus("harmless"):
        command = line["command"]
        at = chance.randrange(len(command) + 1)
        to = min(len(command), at + chance.randrange(4))
        assert judge(command[:at] + chance.choice(pieces) + command[to:], PLACE).kind in ActionClass


def test_a_command_joined_to_a_dangerous_one_does_not_hide_it() -> None:
    chance = random.Random(3)  # noqa: S311 - a fixed series of pairs, not a secret
    harmless = [line["command"] for line in corpus("harmless") if SIMPLE.match(line["command"])]
    known = [line["command"] for line in corpus("dangerous") if SIMPLE.match(line["command"])]
    joined = [
        joint.join(pair)
        for command in known
        if not allowed(kind_of(command))
        for joint in [chance.choice((" && ", " | ", "; ", " || ", "\n"))]
        for pair in ((chance.choice(harmless), command), (command, chance.choice(harmless)))
    ]
    assert [command for command in joined if allowed(kind_of(command))] == []
