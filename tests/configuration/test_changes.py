"""Who may change a setting in a session: what allows more is for the operator."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.grants import Level, Mode
from pancode.domains.panconfigure.api import Applied, NeedsOperator
from pancode.domains.panconfigure.changes import Around, SessionChanges
from pancode.domains.panconfigure.sources import read_settings
from pancode.domains.panconfigure.watching import Watching
from tests.configuration.conftest import Desk


def changes(desk: Desk, level: Level = Level.AUTO_EDIT, **environment: str) -> SessionChanges:
    own = {"HOME": str(desk.home), **environment}
    session: Any = SimpleNamespace(level=level, mode=Mode.BUILD)
    around = Around(str(desk.home), "main", own, lambda: session, lambda _: None, lambda _: None)
    return SessionChanges(desk.in_force(**environment), around)


def apply(made: SessionChanges, key: str, value: str) -> Applied | NeedsOperator:
    return asyncio.run(made.apply(key, value, "r1"))


def test_what_allows_less_is_done_and_what_allows_more_is_the_operators(desk: Desk) -> None:
    path = desk.user("budget: {perRun: 5usd}\n")
    assert isinstance(apply(changes(desk), "budget.perRun", "2usd"), Applied)
    assert isinstance(apply(changes(desk), "budget.perRun", "3usd"), NeedsOperator)
    assert read_settings(str(path)).given["budget.perRun"].text == "2usd"


@pytest.mark.parametrize(
    ("text", "key", "value", "variable"),
    [
        ("budget: {perRun: 1usd}\n", "budget.perRun", "10usd", {"PANCODE_PER_RUN_BUDGET": "50usd"}),
        ("runtime: {safety: suggest}\n", "PANCODE_SAFETY", "auto-edit", {}),
    ],
)
def test_the_users_file_is_not_loosened_because_the_session_is_looser(
    desk: Desk, text: str, key: str, value: str, variable: dict[str, str]
) -> None:
    path = desk.user(text)
    made = apply(changes(desk, Level.FULL_AUTO, **variable), key, value)
    assert isinstance(made, NeedsOperator)
    assert "holds for every session of yours" in made.why
    assert path.read_text() == text


def test_what_is_written_by_hand_is_heeded_where_it_allows_less_and_told_where_it_allows_more(
    desk: Desk,
) -> None:
    facts: list[ev.Event] = []
    told: list[str] = []
    session: Any = SimpleNamespace(level=Level.AUTO_EDIT, mode=Mode.BUILD)
    own = {"HOME": str(desk.home)}
    around = Around(str(desk.home), "main", own, lambda: session, facts.append, lambda _: None)
    watching = Watching(SessionChanges(desk.in_force(), around), told.append)
    watching.look()
    assert facts == []
    desk.user("runtime: {safety: suggest, theme: light}\n")
    desk.theirs("runtime: {mode: plan}\n")
    watching.look()
    assert facts == []
    watching.look()
    assert [type(fact) for fact in facts] == [ev.LevelChosen, ev.SettingsChanged]
    session.level = Level.SUGGEST
    desk.user("runtime: {safety: full-auto}\n")
    watching.take_up()
    assert [type(fact) for fact in facts[2:]] == [ev.SettingsChanged]
    assert "config.yaml:1 says full-auto" in told[0]
    assert told[0].endswith("pancode safety full-auto takes it over")
    desk.user("runtime: {safety: [\n")
    watching.take_up()
    assert len(told) == 1
    session.level = Level.AUTO_EDIT
    desk.user("runtime: {safety: suggest}\n")
    watching.heed()  # Something else was set by a verb before anybody had looked.
    assert isinstance(facts[-1], ev.LevelChosen)
    session.level = Level.FULL_AUTO
    desk.user("runtime: {safety: full-auto}\n")
    watching.heed()
    before = len(facts)
    desk.user("preset: {active: careful}\n")  # It counts with the next up.
    watching.heed()
    assert len(facts) == before
