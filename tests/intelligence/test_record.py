"""What counts as evidence: how a run ended, its check, its changes, a second attempt; what says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.intelligence.gather import checks_of, gather, read_recorded
from pancode.domains.intelligence.record import Afterwards, from_json, outcome_of, to_json

ROW = {"agent": "dev", "model": "m", "role": "worker", "at": 5.0, "nano": 120_000_000}
SPEC: dict[str, Any] = {"task": "Fix it", "runtime": "codex"}
DONE = {"status": "done", "reason": "completed", "started": 1.0, "ended": 4.5}


def judged(after: Afterwards | None = None, **result: Any) -> tuple[bool, str] | None:
    found = outcome_of(ROW, SPEC, DONE | result, after or Afterwards())
    return None if found is None else (found.went_well, found.why)


def test_what_became_of_a_run_counts_more_than_its_own_word() -> None:
    assert judged() == (True, "done, by its own word")
    assert judged(Afterwards(check="done")) == (True, "its check passed")
    assert judged(Afterwards(fate="merged")) == (True, "its changes were merged")
    assert judged(Afterwards(check="failed", fate="merged")) == (False, "its check failed")
    assert judged(Afterwards(fate="discarded")) == (False, "its changes were discarded")
    assert judged(Afterwards(retried=True)) == (False, "it was tried again")
    assert judged(status="timeout", reason="wall-timeout") == (False, "wall-timeout")
    assert judged(status="failed", reason="contract") == (False, "contract")


def test_what_is_not_the_agents_doing_says_nothing() -> None:
    for status, reason in (
        ("refused", "refused"), ("cancelled", "stopped"), ("failed", "rate-limit"), ("failed", "auth"),
    ):  # fmt: skip
        assert judged(status=status, reason=reason) is None
    assert outcome_of({**ROW, "role": "orchestrator"}, SPEC, DONE, Afterwards()) is None
    assert outcome_of({**ROW, "agent": "shell"}, SPEC, DONE, Afterwards()) is None
    assert outcome_of(ROW, {**SPEC, "continues": "k3f"}, DONE, Afterwards()) is None


def test_a_recorded_line_reads_back_and_holds_no_text_of_the_task() -> None:
    found = outcome_of(ROW, SPEC, DONE, Afterwards())
    assert found is not None
    assert (found.kind, found.usd, found.seconds) == ("fix", 0.12, 3.5)
    assert from_json(to_json(found)) == found
    assert "Fix it" not in str(to_json(found))
    assert from_json({"task": "Write docs", "agent": "a", "went_well": True}).kind == "docs"


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    good = '{"kind": "fix", "agent": "a", "went_well": true}\n'
    for bad, words in (
        ("[]", "not an object"), ("{", "ledger.jsonl:2"), ('{"kind": "fix"}', 'no "agent"'),
        ('{"kind": "fix", "agent": "a", "went_well": 1}', "neither true nor false"),
        ('{"kind": "fix", "agent": "a", "went_well": true, "usd": "1"}', "not a number"),
        ('{"kind": "fix", "agent": "a", "went_well": true, "at": NaN}', "not a number"),
    ):  # fmt: skip
        path.write_text(good + bad)
        with pytest.raises(PanError, match=words):
            read_recorded(str(path))
    path.write_text(good)
    assert len(read_recorded(str(path))) == 1
    for name, reason in (("none", "no such file or directory"), ("", "is a directory")):
        with pytest.raises(PanError, match=f": {reason}"):
            read_recorded(str(tmp_path / name))


def test_the_checks_of_a_flow_belong_to_the_runs_before_them() -> None:
    def posted(unit: str, role: str, run: str) -> dict[str, Any]:
        return {"kind": "Posted", "unit": unit, "role": role, "run": run}

    def ended(unit: str, role: str, status: str) -> dict[str, Any]:
        return {"kind": "Ended", "unit": unit, "role": role, "outcome": {"status": status}}

    records = [
        posted("a", "work", "r1"), posted("b", "work", "r2"), ended("a", "work", "done"),
        posted("a", "check", "c1"), ended("a", "check", "failed"), posted("a", "work", "r3"),
        ended("a", "work", "done"), posted("a", "check", "c2"), ended("a", "check", "done"),
    ]  # fmt: skip
    assert checks_of(records) == {"r1": "failed", "r3": "done"}


def test_where_there_is_no_ledger_there_is_no_evidence(tmp_path: Path) -> None:
    assert gather(str(tmp_path)) == []
