"""docs/json.md is true: it has every status and reason, and every key of a status row."""

from __future__ import annotations

import re
from pathlib import Path

from pancode.cli.say_how import STATUS_CODE
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Queued, Run, World
from pancode.domains.observability.snapshot import WorldSnapshot
from pancode.worker.protocol import REASONS, STATUSES
from tests.project.tree import path

PAGE = Path(path("docs", "json.md")).read_text(encoding="utf-8")


def test_every_status_is_there_with_its_exit_code() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {status: int(code) for status, code in rows.items()} == {
        status: int(STATUS_CODE[status]) for status in STATUSES
    }


def test_every_reason_is_there() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \| [^0-9]", PAGE, re.MULTILINE)) >= set(REASONS)


def test_every_key_of_a_worker_is_there() -> None:
    run = Run(
        id="k3f", agent="a", runtime="a", task="t", model=None, queued=0.0, state=Queued(0.0),
        grant=Grant(Mode.BUILD, Level.AUTO_EDIT),
    )  # fmt: skip
    snapshot = WorldSnapshot(lambda: World(runs={"k3f": run}), lambda: 0.0, {}, dict)
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(snapshot.row("k3f")) <= named
    assert set(snapshot.session()) <= named
