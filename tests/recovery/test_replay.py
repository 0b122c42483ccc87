"""Reading runs back is as true as living through them, and takes no longer than it must."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.reduce import reduce
from pancode.core.state import Run, Tally, World
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.replay import begun, replayed, said
from pancode.engine.places import Places

SPEC: dict[str, Any] = {
    "run": "k3f",
    "agent": "codex",
    "runtime": "codex",
    "task": "t",
    "cwd": "/",
    "created": 1.0,
    "grant": {"mode": "build", "level": "auto-edit", "read_only": False},
}
KINDS = st.sampled_from(
    [
        {"kind": "text", "text": "x"},
        {"kind": "text", "text": "y"},
        {"kind": "started", "pid": 5},
        {"kind": "exec", "pid": 6},
        {"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}},
        {"kind": "tool_finished", "id": "1", "name": "shell", "ok": True, "result": ""},
        {"kind": "retrying", "why": "slow"},
        {"kind": "usage", "scope": "step", "input": 3, "output": 4},
        {"kind": "heartbeat", "state": "quiet"},
        {"kind": "ended", "status": "done", "reason": "completed"},
    ]
)


def folders_at(base: Path) -> Folders:
    places = Places(str(base), "main", str(base / "home"), str(base / "run"))
    Path(places.runs, "k3f").mkdir(parents=True, exist_ok=True)
    return Folders(places)


def lived_through(records: list[dict[str, Any]]) -> Run:
    world = reduce(World(), begun(SPEC))
    for record in records:
        world = reduce(world, said("k3f", record))
    return world.runs["k3f"]


@given(kinds=st.lists(KINDS, max_size=12), clocks=st.lists(st.integers(-9, 9), min_size=12, max_size=12))
def test_a_journal_read_back_gives_the_run_that_was_lived_through(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[dict[str, Any]], clocks: list[int]
) -> None:
    folders = folders_at(tmp_path_factory.mktemp("r"))
    # The wall clock jumps as it likes: only the order counts.
    records = [
        {"seq": n, "t": float(at), **kind} for n, (kind, at) in enumerate(zip(kinds, clocks, strict=False), 1)
    ]
    Path(folders.journal("k3f")).write_text("".join(json.dumps(each) + "\n" for each in records))
    assert replayed(folders, SPEC, has_ended=True) == lived_through(records)


RESULT: dict[str, Any] = {
    "run_id": "k3f",
    "status": "done",
    "reason": "completed",
    "ended": 9.0,
    "started": 2.0,
    "evidence": {},
    "agent_session": "c9",
    "usage": {"input": 3, "output": 4, "turns": 2},
    "cost": {"usd": 0.5, "source": "agent"},
}


def test_a_run_that_was_settled_is_read_from_its_result_alone(tmp_path: Path) -> None:
    folders = folders_at(tmp_path)
    Path(folders.journal("k3f")).mkdir()  # Whoever reads it fails.
    Path(folders.path("k3f", "result.json")).write_text(json.dumps(RESULT))
    run = replayed(folders, SPEC, has_ended=True, is_indexed=True)
    assert not run.is_live
    assert (run.tally, run.agent_session, run.started) == (
        Tally(input=3, output=4, turns=2, usd=0.5),
        "c9",
        2.0,
    )


def test_figures_in_a_result_that_are_none_count_as_unknown(tmp_path: Path) -> None:
    folders = folders_at(tmp_path)
    wrong = {"usage": {"input": "many", "output": True}, "cost": {"usd": 3.0, "source": "unknown"}}
    Path(folders.path("k3f", "result.json")).write_text(json.dumps({**RESULT, **wrong, "agent_session": 5}))
    run = replayed(folders, SPEC, has_ended=True, is_indexed=True)
    assert (run.tally, run.agent_session) == (Tally(), None)
