"""Panes are opened under a lease; a connection that breaks on the way opens nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pancode.core.errors import PanError
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.forking import Forking
from pancode.domains.dispatch.opening import TRIES, Opening
from pancode.engine.places import Places
from pancode.engine.tmux.failure import TmuxError, TmuxGoneError, TmuxTimeoutError
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes

PANE = WorkerPane("k3f", "%1", "@1", 5)
GONE = TmuxGoneError("the connection was lost before the answer came")


class FakePanes:
    """Opens panes or fails, as it is told for each try; lists what it is told."""

    def __init__(self, *tries: WorkerPane | PanError, listed: Sequence[WorkerPane | PanError] = ()) -> None:
        self._tries, self._listed = list(tries), list(listed)
        self.epochs: list[str] = []

    async def open(self, run_id: str, agent: str, argv: Sequence[str], cwd: str) -> WorkerPane:
        assert (run_id, agent, cwd) == ("k3f", "shell", "/")
        self.epochs.append(argv[-1])
        return self._said(self._tries.pop(0))

    async def restart(self, pane: WorkerPane, argv: Sequence[str], cwd: str) -> WorkerPane:
        assert cwd == "/"
        self.epochs.append(argv[-1])
        return pane

    async def all(self) -> list[WorkerPane]:
        return [self._said(pane) for pane in self._listed]

    @staticmethod
    def _said(what: WorkerPane | PanError) -> WorkerPane:
        if isinstance(what, PanError):
            raise what
        return what


class FakeForking:
    """Says of each order what it is told to; is down if it is told nothing."""

    def __init__(self, *pids: int | None) -> None:
        self._pids = list(pids)
        self.is_up = bool(pids)
        self.leases: list[tuple[str, int]] = []

    def holder(self, run: str) -> list[str]:
        return ["hold", run]

    async def fork(self, run: str, pane: WorkerPane, lease: tuple[str, int], cwd: str) -> int | None:
        assert (run, pane, cwd) == ("k3f", PANE, "/")
        self.leases.append(lease)
        return self._pids.pop(0)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runs, "k3f").mkdir(parents=True)
    return Folders(places)


def opening(folders: Folders, panes: Any, *pids: int | None) -> Opening:
    return Opening(folders, cast(WorkerPanes, panes), cast(Forking, FakeForking(*pids)))


def opened(folders: Folders, panes: Any, *pids: int | None) -> WorkerPane | None:
    return asyncio.run(opening(folders, panes, *pids).open("k3f", "shell"))


def test_a_pane_is_opened_under_the_first_epoch(folders: Folders) -> None:
    panes = FakePanes(PANE)
    assert opened(folders, panes) == PANE
    assert panes.epochs == ["1"]


def test_a_worker_is_forked_for_a_pane_that_is_held(folders: Folders) -> None:
    panes = FakePanes(PANE)
    assert opened(folders, panes, 77) == replace(PANE, shim_pid=77)
    assert panes.epochs == ["k3f"]


def test_a_worker_that_nobody_has_forked_starts_by_itself_in_the_same_pane(folders: Folders) -> None:
    panes = FakePanes(PANE)
    assert opened(folders, panes, None) == PANE
    assert panes.epochs == ["k3f", "2"]


def test_a_worker_that_began_though_the_answer_was_lost_is_not_started_again(folders: Folders) -> None:
    panes = FakePanes(PANE)
    Path(folders.journal("k3f")).write_text('{"v":1,"seq":1,"t":1.0,"kind":"started","pid":5}\n')
    assert asyncio.run(opening(folders, panes, None).again("k3f", PANE)) == PANE
    assert panes.epochs == []


def test_a_pane_that_was_opened_before_the_connection_broke_is_found(folders: Folders) -> None:
    panes = FakePanes(GONE, listed=[PANE])
    assert opened(folders, panes) == PANE
    # Its worker may have been waiting for an order that never came.
    assert panes.epochs == ["1", "2"]


def test_a_pane_that_was_not_is_opened_anew_and_an_earlier_one_would_be_outdated(folders: Folders) -> None:
    panes = FakePanes(GONE, GONE, PANE)
    assert opened(folders, panes) == PANE
    assert panes.epochs == ["1", "2", "3"]


def test_a_connection_that_always_breaks_is_given_up(folders: Folders) -> None:
    panes = FakePanes(*[GONE] * TRIES)
    with pytest.raises(PanError, match="again and again"):
        opened(folders, panes)


def test_a_run_whose_tmux_has_gone_is_left_to_the_next_controller(folders: Folders) -> None:
    panes = FakePanes(GONE, listed=[TmuxGoneError("the connection is closed")])
    with pytest.raises(TmuxGoneError):
        opened(folders, panes)
    assert asyncio.run(opening(folders, panes).leases.take("k3f")) == 2


@pytest.mark.parametrize("error", [TmuxError("no space for new pane"), TmuxTimeoutError("no answer")])
def test_after_giving_up_a_shim_that_comes_late_is_outdated(folders: Folders, error: PanError) -> None:
    panes = FakePanes(error)
    with pytest.raises(PanError):
        opened(folders, panes)
    assert '"epoch": 2' in Path(folders.path("k3f", "lease.json")).read_text()


def test_a_run_that_has_begun_is_found_and_not_opened(folders: Folders) -> None:
    Path(folders.journal("k3f")).write_text('{"v":1,"seq":1,"t":1.0,"kind":"started","pid":5}\n')
    panes = FakePanes(listed=[PANE])
    assert opened(folders, panes) == PANE
    assert opened(folders, FakePanes()) is None
    assert panes.epochs == []
