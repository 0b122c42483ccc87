"""Chaos on purpose, in its short form: whatever is killed, nothing is lost and nothing runs twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pancode.bench.chaos.account import COUNTERS

pytestmark = pytest.mark.tmux


def test_after_kills_at_random_points_all_counters_are_zero(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": "/tmp", "HOME": str(tmp_path)}
    words = [
        sys.executable,
        "-m",
        "pancode",
        "chaos",
        "--runs",
        "8",
        "--kills",
        "10",
        "--seed",
        "4",
        "--json",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert {name: found[name] for name in COUNTERS} == dict.fromkeys(COUNTERS, 0), found["faults"]
    assert (done.returncode, found["kills"], found["runs"]) == (0, 10, 8)
    assert sum(found["statuses"].values()) == 8
