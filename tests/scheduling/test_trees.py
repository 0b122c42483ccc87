"""The budget of a run holds for what it asks for as well, also over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pancode.domains.scheduling.accounts import Book, Shortfall, admit, charge, close, reached, reserve
from pancode.domains.scheduling.amounts import Amount, Limit
from tests.scheduling.desk import Desk

TOKENS = Limit(tokens=100)


def started(book: Book, run: str, parent: str | None = None, tree: Limit | None = None) -> Book:
    book, short = admit(book, (), run, Amount(), Limit(), parent=parent, tree=tree)
    assert short is None
    return book


@pytest.fixture
def family() -> Book:
    book = started({}, "top", tree=TOKENS)
    return started(started(book, "child", "top"), "grandchild", "child")


def test_what_a_run_asks_for_uses_up_its_budget(family: Book) -> None:
    book = charge(charge(family, "grandchild", Amount(tokens=60)), "child", Amount(tokens=30))
    assert reached(book, (), "top") is None
    book = charge(book, "top", Amount(tokens=10))
    for run in ("top", "child", "grandchild"):
        short = reached(book, (), run)
        assert short is not None
        assert (short.scope, short.held) == ("tree", 100)
        assert reserve(book, (), run, "c", Amount(tokens=1))[1] == Shortfall("tree", "tokens", 100, 100, 1)
    assert admit(book, (), "another", Amount(), Limit(), parent="grandchild")[1] is not None


def test_a_stranger_is_not_of_the_family(family: Book) -> None:
    book = charge(started(family, "stranger"), "stranger", Amount(tokens=500))
    assert reached(book, (), "top") is None
    assert reached(book, (), "stranger") is None


def test_what_has_ended_still_counts(family: Book) -> None:
    book = charge(family, "child", Amount(tokens=70))
    book = close(book, "child")  # while the run that it asked for lives
    book = close(charge(book, "grandchild", Amount(tokens=30)), "grandchild")
    assert reached(book, (), "top") is not None
    assert book["top"].beneath == Amount(tokens=100)


def test_a_new_controller_knows_what_children_have_spent(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for name, parent in (("kid", "top"), ("kidskid", "kid"), ("other", "k3f")):
        folder = Path(desk.places.runs, name)
        folder.mkdir()
        (folder / "spec.json").write_text(json.dumps({"parent": parent, "agent": "codex"}))
        result = {"usage": {"input": 40, "turns": 1}, "started": 1.0, "status": "done", "ended": 2.0}
        (folder / "result.json").write_text(json.dumps(result))
    desk.start("top", budget={"tokens": 80})
    short = desk.purse.reached("top")
    assert short is not None
    assert (short.scope, short.held) == ("tree", 80)
