"""What is shared, purely: who wins, what expires, what is kept of whom, and that a replay gives the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.sharing import entries
from pancode.domains.sharing.entries import (
    BEFORE,
    LONGEST_VALUE,
    MOST_CHECKPOINTS,
    MOST_ENTRIES,
    MOST_HISTORY,
    MOST_IN_NAMESPACE,
    MOST_PARTS,
    Shared,
)
from pancode.domains.sharing.journal import Journal, path_of
from pancode.domains.sharing.reduce import OPERATOR, after
from pancode.domains.sharing.requests import Write, parse
from pancode.domains.sharing.sharing import Store


class Clock:
    """A wall clock that the test moves."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """A store with a clock of its own, and what one asks of it."""

    def __init__(self, path: Path, longest: int = 5000) -> None:
        self.path, self.clock, self.longest = path, Clock(), longest
        self.again()

    def again(self) -> None:
        """Read everything again, as a new controller does."""
        self.journal = Journal(str(self.path), self.longest)
        self.store = Store(self.journal, self.clock)

    def __call__(self, verb: str, by: str = OPERATOR, agent: str | None = None, **args: Any) -> Any:
        return self.store.answer(verb, args, by, agent)

    def keys(self) -> list[str]:
        return [entry["key"] for entry in self("list")["entries"]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_last_write_wins_and_an_append_joins_with_its_provenance(place: Place) -> None:
    place("set", "k3f", "dev", key="api", value="port 80")
    place("set", "m5e", "scout", key="api", value="port 81")
    place.clock.now += 5
    place("append", "k3f", "dev", key="api", value="and TLS")
    found = place("get", key="api")
    assert found["value"] == "port 81\nand TLS"
    assert [(part["by"], part["agent"]) for part in found["parts"]] == [("m5e", "scout"), ("k3f", "dev")]
    assert [(change["by"], change["what"], change["size"]) for change in found["history"]] == [
        ("k3f", "set", 7),
        ("m5e", "set", 7),
        ("k3f", "appended", 7),
    ]
    assert found["updated"] - found["created"] == 5
    with pytest.raises(PanError, match='nothing is shared as "api" in "build"'):
        place("get", key="api", namespace="build")


def test_what_has_a_time_limit_is_gone_after_it(place: Place) -> None:
    place("set", key="soon", value="x", ttl=10)
    place("set", key="stays", value="x")
    place.clock.now += 9.9
    assert place.keys() == ["soon", "stays"]
    place.clock.now += 0.1
    assert place.keys() == ["stays"]
    with pytest.raises(PanError, match="nothing is shared"):
        place("get", key="soon")
    found = place("append", key="soon", value="anew")
    assert (found["value"], found["expires"]) == ("anew", None)
    place("append", key="stays", value="y", ttl=3)
    place.clock.now += 3
    assert place.keys() == ["soon"]


def test_there_is_room_for_so_much_and_the_oldest_goes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared()
    for number in range(MOST_IN_NAMESPACE + 2):
        where = {"namespace": "a", "key": f"k{number}", "value": "x", "by": "k3f"}
        shared = after(shared, {"kind": "set", "t": float(number), **where})
    assert len(shared.entries) == MOST_IN_NAMESPACE
    assert ("a", "k1") not in shared.entries
    assert ("a", "k2") in shared.entries
    monkeypatch.setattr(entries, "MOST_TEXT", 20)
    place("set", key="old", value="x" * 9)
    place.clock.now += 1
    place("set", key="new", value="y" * 9)
    place.clock.now += 1
    place("set", key="newest", value="z" * 9)
    assert place.keys() == ["new", "newest"]
    assert MOST_IN_NAMESPACE < MOST_ENTRIES


def test_a_value_has_its_bounds_and_drops_its_first_parts(place: Place) -> None:
    with pytest.raises(PanError, match='"value"'):
        place("set", key="big", value="x" * (LONGEST_VALUE + 1))
    place("set", key="big", value="x" * LONGEST_VALUE)
    found = place("append", key="big", value="y")
    assert (found["value"], found["dropped"]) == ("y", 1)
    for number in range(MOST_PARTS + 5):
        found = place("append", key="many", value=str(number))
    assert (len(found["parts"]), found["dropped"], len(found["history"])) == (MOST_PARTS, 5, MOST_HISTORY)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"key": "a b", "value": "x"}, '"key" is 1 to 64 letters'),
        ({"key": "../x", "value": "x"}, '"key" is 1 to 64 letters'),
        ({"key": "a", "namespace": "", "value": "x"}, '"namespace" is 1 to 64 letters'),
        ({"key": "a", "value": ""}, '"value"'),
        ({"key": "a", "value": "x", "ttl": -1}, '"ttl"'),
        ({"key": "a", "value": "x", "author": "k3f"}, '"author"'),
        ({"value": "x"}, '"key" is missing'),
    ],
)
def test_what_makes_no_sense_is_named(place: Place, args: dict[str, Any], words: str) -> None:
    with pytest.raises(PanError) as caught:
        place("set", **args)
    assert words in str(caught.value)


def test_secrets_and_what_acts_on_a_terminal_are_taken_out(place: Place) -> None:
    found = place("set", key="a", value="see \x1b[2J sk-ant-api03-" + "a" * 60)
    assert "\x1b" not in found["value"]
    assert "sk-ant-api03-aaaa" not in found["value"]


def test_a_run_takes_back_only_its_own(place: Place) -> None:
    place("set", "k3f", "dev", key="mine", value="x")
    place("append", "m5e", "dev", key="mine", value="y")
    with pytest.raises(PanError, match="only what it has written itself"):
        place("remove", "k3f", key="mine")
    place("set", "k3f", "dev", key="mine", value="x")
    place("remove", "k3f", key="mine")
    assert place.keys() == []


def test_a_checkpoint_restores_exactly_and_can_be_taken_back(place: Place) -> None:
    place("set", "k3f", "dev", key="a", value="one")
    place("set", "k3f", "dev", key="soon", value="x", ttl=10)
    place.clock.now += 4
    assert place("checkpoint", name="good") == {"name": "good", "entries": 2}
    place.clock.now += 100
    place("set", key="a", value="two")
    place("set", key="b", value="new")
    place("restore", name="good")
    assert [(entry["key"], entry["value"]) for entry in place("list")["entries"]] == [
        ("a", "one"),
        ("soon", "x"),
    ]
    found = place("get", key="a")
    assert found["parts"][0]["by"] == "k3f"
    assert found["history"][-1]["what"] == "restored"
    place.clock.now += 5.9
    assert place.keys() == ["a", "soon"]
    place.clock.now += 0.2
    assert place.keys() == ["a"]
    place("restore", name=BEFORE)
    assert [(entry["key"], entry["value"]) for entry in place("list")["entries"]] == [
        ("a", "two"),
        ("b", "new"),
    ]


def test_checkpoints_are_listed_bounded_and_removed(place: Place) -> None:
    for number in range(MOST_CHECKPOINTS):
        place("checkpoint", name=f"c{number}")
    with pytest.raises(PanError, match="checkpoints already"):
        place("checkpoint", name="more")
    place("checkpoint", name="c0")
    place("drop", name="c1")
    place("checkpoint", name="more")
    names = [point["name"] for point in place("checkpoints")["checkpoints"]]
    assert len(names) == MOST_CHECKPOINTS
    assert "c1" not in names
    for verb, name in (("restore", "c1"), ("drop", "c1")):
        with pytest.raises(PanError, match='no checkpoint "c1"'):
            place(verb, name=name)
    with pytest.raises(PanError, match="is made by a restore"):
        place("checkpoint", name=BEFORE)


def test_a_replay_gives_the_same_also_from_a_journal_begun_anew(tmp_path: Path) -> None:
    place = Place(tmp_path, longest=8)
    for number in range(20):
        place.clock.now += 1
        place("append", f"r{number % 3}", "dev", key=f"k{number % 4}", value=str(number), ttl=1000)
        if number == 5:
            place("checkpoint", name="five")
    lines = Path(path_of(str(tmp_path))).read_text().splitlines()
    assert len(lines) <= 9
    assert json.loads(lines[0])["kind"] == "snapshot"
    before = place.journal.shared
    place.again()
    assert place.journal.shared == before
    assert place.store.writes_of("r0") == 7
    place("restore", name="five")
    assert place.keys() == ["k0", "k1", "k2", "k3"]


def test_a_torn_or_odd_line_costs_itself_only(place: Place) -> None:
    place("set", key="a", value="one")
    path = Path(path_of(str(place.path)))
    odd: list[dict[str, Any]] = [
        {"kind": "set", "key": "b"},
        {"kind": "restore", "name": "none"},
        {"kind": "dance"},
    ]
    odd += [
        {"kind": "snapshot", "entries": 3},
        {"kind": "set", "namespace": "x", "key": "y", "value": "z", "ttl_s": "?"},
    ]
    with path.open("a") as file:
        for number, record in enumerate(odd):
            file.write(json.dumps({"v": 1, "seq": 2 + number, "t": 1.0, **record}) + "\n")
        file.write('{"v": 1, "seq": 9, "t": 1.0, "kind": "set", "na')
    place.again()
    assert place.keys() == ["a"]
    place("set", key="c", value="after")
    place.again()
    assert place.keys() == ["a", "c"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"key": "k", "value": "x" * 9000}, '"value" has more than 8000 characters'),
        ({"key": "k", "value": ""}, '"value" is empty'),
        ({"key": "k", "value": 7}, '"value" must be a text'),
        ({"key": "\udcff", "value": "x"}, '"key" must be a text'),
        ({"key": "k"}, '"value" is missing'),
        ({"key": "k", "value": "v", "tll": 1}, '"tll" is nothing that can be said here'),
        ({"key": "k", "value": "v", "ttl": float("nan")}, '"ttl" is a number of seconds, more than 0'),
        ({"key": "k", "value": "v", "ttl": "soon"}, '"ttl" is a number of seconds, more than 0'),
    ],
)
def test_a_wrong_request_is_told_in_words(args: dict[str, object], words: str) -> None:
    with pytest.raises(PanError) as caught:
        parse(Write, args)
    assert caught.value.problem.startswith(f"the request is wrong: {words}")
