"""What chaos counts, and whom it may kill."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pancode.bench.chaos.account import Account, Seen, reckon
from pancode.bench.chaos.prey import Prey, hunt, kill, kind_of
from pancode.engine.places import Places
from pancode.engine.shipped import boot_file
from pancode.engine.tmux.deaths import start_ticks

GOOD = ("started", "exec", "wrote 0", "wrote 1", "finished", "exited", "ended")


def lines(*kinds: str, status: str = "done") -> tuple[str, ...]:
    """Give a journal; a kind with a blank in it is the text of a text record."""
    records: list[dict[str, Any]] = []
    for number, kind in enumerate(kinds, 1):
        more: dict[str, Any] = {"kind": "text", "text": kind} if " " in kind else {"kind": kind}
        records.append({"seq": number, **more, **({"status": status} if kind == "ended" else {})})
    return tuple(map(json.dumps, records))


def books(*calls: str) -> tuple[str, ...]:
    """Give what a gateway has written of calls that have begun and ended."""
    kinds = ("call_started", "call_ended")
    return tuple(json.dumps({"kind": kind, "call": call}) for call in calls for kind in kinds)


def seen(**changes: Any) -> Seen:
    """Give a run with which all is well, but for the changes."""
    known: dict[str, Any] = {
        "run": "k3f",
        "hit": False,
        "stopped": False,
        "told": frozenset({1, 2, 7}),
        "lines": lines(*GOOD),
        "result": {"status": "done"},
        "indexed_status": "done",
        "indexed": 7,
        "starts": 1,
        "changes": ("line 0", "line 1"),
    }
    return Seen(**{**known, **changes})


def charged(**changes: Any) -> dict[str, int]:
    """Give the counters that such a run makes other than zero."""
    account = Account()
    reckon(account, seen(**changes))
    assert bool(account.faults) == any(account.counts.values())
    return {name: count for name, count in account.counts.items() if count}


LOST = {"lines": lines("started", "ended", status="lost"), "indexed": 2, "told": frozenset(), "changes": ()}
LOST |= {"result": {"status": "lost"}, "indexed_status": "lost"}


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, {}),
        ({"hit": True, **LOST}, {}),
        (LOST, {"lost_results": 1}),
        ({"told": frozenset({7, 8, 9})}, {"lost_events": 2}),
        ({"indexed": 4}, {"lost_events": 3}),
        ({"lines": (*lines(*GOOD), '{"seq": 8, "ki')}, {"lost_events": 1}),
        ({"lines": lines(*GOOD)[1:], "told": frozenset(), "indexed": 6}, {"lost_events": 1}),
        ({"changes": ("line 0", "line 1", "line 2")}, {"lost_events": 1}),
        ({"changes": ("line 0",)}, {"lost_changes": 1}),
        ({"patch": ("line 0", "line 1")}, {}),
        ({"patch": ()}, {"lost_changes": 2}),
        ({"result": None}, {"lost_results": 1}),
        ({"lines": lines(*GOOD, "ended"), "indexed": 8}, {"lost_results": 1}),
        ({"indexed_status": "lost"}, {"lost_results": 1}),
        ({"result": {"status": "refused"}, "hit": True}, {"lost_results": 1}),
        ({"asked": ("asked", "asked", "answered"), "calls": books("a"), "metered": 1}, {}),
        ({"asked": ("asked", "answered")}, {"lost_calls": 1}),
        ({"asked": ("asked",), "calls": books("a")[:1]}, {"lost_calls": 1}),
        ({"asked": ("asked",), "calls": books("a"), "metered": 0}, {"lost_calls": 1}),
        ({"asked": ("asked",), "calls": books("a", "b")}, {"double_calls": 1}),
        ({"asked": ("asked", "asked"), "calls": books("a", "a")}, {"double_calls": 2}),
        ({"starts": 2}, {"double_runs": 1}),
        ({"lines": lines("started", "exec", *GOOD[1:]), "indexed": 8}, {"double_runs": 1}),
    ],
)
def test_each_fault_is_counted_where_it_belongs(changes: dict[str, Any], counted: dict[str, int]) -> None:
    assert charged(**changes) == counted


PLACES = Places("/p", "main", "/h", "/r")
RUN = f"{PLACES.runs}/k3f"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["py", "-P", "-m", "pancode.app", "--session", "main"], ("controller", None)),
        (["py", "-P", "-m", "pancode.gateway", "--port", "1"], ("gateway", None)),
        (["sh", "-c", "…", "pancode-controller", "log", "py", "-P", "-m", "pancode.app"], (None, None)),
        (["py", "-I", "-S", boot_file(), RUN, "1"], ("shim", "k3f")),
        (["py", "-I", "-S", boot_file(), "/elsewhere/runs/k3f", "1"], (None, None)),
        (["tmux", "-S", PLACES.tmux_socket, "-f", "x"], ("tmux", None)),
        (["tmux", "-S", "/other/t.sock"], (None, None)),
        (["py", "-I", "-S", "-c", "program", "5 0.1"], ("agent", None)),
        (["sleep", "1.5"], ("agent", None)),
        (["bash"], (None, None)),
        ([], (None, None)),
    ],
)
def test_a_process_is_told_by_its_command_line(words: list[str], told: tuple[str | None, str | None]) -> None:
    assert kind_of(words, PLACES) == told


def test_only_what_carries_the_marks_of_the_session_is_killed(tmp_path: Path) -> None:
    places = Places("/p", "main", str(tmp_path), str(tmp_path))
    marks = {"PANCODE_RUN_ID": "k3f", "PANCODE_RUN_DIR": f"{places.runs}/k3f"}
    other = {**marks, "PANCODE_RUN_DIR": "/elsewhere/runs/k3f"}
    mine = subprocess.Popen(["sleep", "600"], env={**os.environ, **marks})
    strangers = [subprocess.Popen(["sleep", "600"], env={**os.environ, **other}) for _ in range(2)]
    try:
        [prey] = hunt(places)
        assert (prey.kind, prey.pid, prey.run) == ("agent", mine.pid, "k3f")
        for wrong in (
            Prey("agent", mine.pid, prey.started + 1, "k3f"),
            Prey("agent", mine.pid, prey.started, "m2a"),
        ):
            assert not kill(wrong, places)
        started = start_ticks(strangers[0].pid)
        assert started is not None
        assert not kill(Prey("agent", strangers[0].pid, started, "k3f"), places)
        assert [each.poll() for each in (mine, *strangers)] == [None, None, None]
        assert kill(prey, places)
        assert mine.wait(60) == -9
        assert not kill(prey, places)
    finally:
        for each in (mine, *strangers):
            each.kill()
            each.wait()
