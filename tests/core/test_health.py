"""How a run is, from the evidence: a table of it, and what time makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.effects import TakeCare, decide
from pancode.core.grants import Grant, Level, Mode
from pancode.core.health import assess
from pancode.core.reduce import reduce
from pancode.core.state import (
    Asking,
    Beat,
    Finished,
    Health,
    Metered,
    Paused,
    Queued,
    Run,
    Starting,
    Stopping,
    Working,
    World,
)

RUN = Run(
    id="k3f", agent="dev", runtime="codex", task="t", model=None, queued=0.0, started=0.0,
    grant=Grant(Mode.BUILD, Level.AUTO_EDIT), state=Working(0.0, 5), shim_pid=4,
)  # fmt: skip


def beat(at: float, state: str, **more: Any) -> Beat:
    return Beat(at, {"state": state, "tool": None, **more})


def a_run(**changes: Any) -> Run:
    return replace(RUN, **changes)


def silent(since: float) -> Run:
    return a_run(beat=beat(since, "working"), heard=since, progress=since - 5)


BUSY = a_run(beat=beat(990.0, "working"), heard=990.0, progress=985.0)
QUIET = a_run(beat=beat(990.0, "quiet"), heard=990.0, progress=985.0)

TABLE = [
    # What is known at 1000 s, of a run that beats every 10 s; the word, the source, a part of the sentence.
    ("queued", a_run(state=Queued(0.0)), None, "", ""),
    ("ended", a_run(state=Finished(0.0, "done", "completed", {})), None, "", ""),
    ("starting", a_run(state=Starting(995.0)), "healthy", "tmux", "pane is open"),
    ("starting for ever", a_run(state=Starting(939.0)), "stale", "heartbeat", "1:01 min"),
    ("just begun", a_run(started=995.0, heard=995.0, progress=995.0), "healthy", "journal", "5 s old"),
    ("busy", BUSY, "healthy", "heartbeat", "writes"),
    ("in a tool", replace(BUSY, beat=beat(990.0, "working", tool="shell")), "healthy", "heartbeat", "shell"),
    ("six beats missing", silent(940.0), "healthy", "heartbeat", ""),
    ("seven beats missing", silent(939.0), "stale", "heartbeat", "1:01 min"),
    ("twelve beats missing", silent(880.0), "stale", "heartbeat", ""),
    ("thirteen beats missing", silent(879.0), "dead", "heartbeat", "2:01"),
    ("a record is a sign", replace(BUSY, beat=beat(0.0, "working"), heard=990.0), "healthy", "journal", ""),
    ("quiet for a while", replace(QUIET, progress=940.0), "healthy", "heartbeat", "no output, no work"),
    ("quiet for long", replace(QUIET, progress=939.0), "stale", "heartbeat", "no output, no work"),
    ("a quiet program", replace(QUIET, progress=0.0, runtime="shell"), "healthy", "heartbeat", "programs"),
    (
        "quiet, but its model is at work",
        replace(QUIET, progress=0.0, metered=Metered(inflight={"c1": 900.0})),
        "healthy", "gateway", "1:40 min",
    ),
    ("retrying", replace(QUIET, retrying="429", progress=950.0), "healthy", "journal", "tries again (429)"),
    ("only retrying", replace(QUIET, retrying="429", progress=900.0), "stale", "journal", "1:40 min"),
    ("asking", replace(QUIET, state=Asking(500.0, 5), progress=0.0), "healthy", "controller", "answer"),
    ("paused", replace(QUIET, state=Paused(500.0, 5, "operator", "")), "healthy", "journal", "operator"),
    ("stopping", replace(BUSY, state=Stopping(990.0, "operator", "", 5)), "healthy", "journal", "10 s ago"),
    ("not ending", replace(BUSY, state=Stopping(900.0, "operator", "", 5)), "stale", "journal", "1:40 min"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("run", "word", "source", "why"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_evidence_decides(run: Run, word: str | None, source: str, why: str) -> None:
    found = assess(run, 1000.0)
    assert (found and found.word) == word
    if found is not None:
        assert found.source == source
        assert why in found.why


def test_a_shim_that_is_gone_is_dead_whatever_it_said_last() -> None:
    found = assess(BUSY, 1000.0, shim="gone")
    assert found is not None
    assert (found.word, found.source) == ("dead", "process table")
    stopped = assess(replace(BUSY, beat=beat(900.0, "working"), heard=900.0), 1000.0, shim="T")
    assert stopped is not None
    assert "stopped itself" in stopped.why


def test_one_that_gives_a_sign_again_has_recovered_until_the_next_beat() -> None:
    dead = replace(BUSY, health=Health("dead", 980.0, "heartbeat", 800.0, ""))
    first = assess(dead, 1000.0)
    assert first is not None
    assert (first.word, first.since) == ("recovered", 1000.0)
    same = replace(dead, health=first)
    again = assess(same, 1001.0)
    assert again is not None
    assert (again.word, again.since) == ("recovered", 1000.0)
    later = assess(replace(same, beat=beat(1001.0, "working"), heard=1001.0), 1002.0)
    assert later is not None
    assert later.word == "healthy"


def test_the_journal_tells_when_a_run_was_heard_and_when_it_got_on() -> None:
    def said(world: World, seq: int, kind: str) -> World:
        record = {"kind": kind, "pid": 5, "text": ""}
        return reduce(world, ev.WorkerSaid(run="k3f", at=float(seq), seq=seq, record=record))

    world = World(runs={"k3f": RUN})
    for seq, kind in enumerate(("exec", "text", "heartbeat", "retrying"), 1):
        world = said(world, seq, kind)
    assert (world.runs["k3f"].heard, world.runs["k3f"].progress) == (4.0, 2.0)


@pytest.mark.parametrize(
    ("word", "watch", "action"),
    [
        ("stale", {}, "notify"),
        ("stale", {"stale": "nudge", "dead": "stop"}, "nudge"),
        ("dead", {"stale": "nudge", "dead": "stop"}, "stop"),
        ("recovered", {"stale": "nudge"}, None),
    ],
)
def test_what_is_done_about_it(word: str, watch: dict[str, str], action: str | None) -> None:
    world = World(runs={"k3f": replace(RUN, watch=watch)})
    event = ev.HealthChanged(run="k3f", at=9.0, health=Health(word, 9.0, "heartbeat", 1.0, "no beat"))
    after = reduce(world, event)
    assert after.runs["k3f"].health == event.health
    expected = [] if action is None else [TakeCare("k3f", action, f"{word}: no beat")]
    assert decide(world, event, after) == expected
