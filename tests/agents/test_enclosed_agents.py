"""What is forbidden to the five real CLIs, tried by each at each level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.agents.conftest import REAL, each, path

pytestmark = REAL
LEVELS = ("read-only", "auto-edit", "full-auto")
ACTS = 13


@each
def test_the_proof_finds_every_promise_kept(agent: str, tmp_path: Path) -> None:
    words = [word for level in LEVELS for word in ("--level", level)]
    done = subprocess.run(
        [sys.executable, "-m", "pancode", "safety", "prove", "--agent", agent, *words, "--json"],
        env={"PATH": path(), "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["kept"], told["missing"]) == (0, True, {}), done.stdout
    assert [worker["level"] for worker in told["workers"]] == list(LEVELS)
    for worker in told["workers"]:
        assert worker["grade"]["sandbox"] == "full"
        found = {act["act"]: (act["open"], act["hidden"]) for act in worker["acts"]}
        assert len(found) == ACTS
        assert {hidden for name, (_, hidden) in found.items() if name != "write-inside"} == {"os"}
        assert found["push"] == found["delete-find"] == ("hook", "os")
