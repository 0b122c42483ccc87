"""An output contract on `pancode run`, in a real session, in the sandbox that the run has."""

from __future__ import annotations

import json
from pathlib import Path

from tests.session.conftest import Session


def test_what_is_asked_of_the_outcome_decides(shared: Session) -> None:
    schema = Path(shared.places.project) / "schema.json"
    schema.write_text(json.dumps({"type": "object", "required": ["n"]}))
    words = ("--expect-file", "made.txt", "--expect", '"n": \\d', "--schema", "schema.json", "--check")
    task = "echo x > made.txt; echo '{\"n\": 1}'"
    shell = ("run", "--agent", "shell", "--yes")
    result = shared.json(*shell, *words, "grep -q x made.txt", task)
    assert (result["status"], result["reason"]) == ("done", "completed")
    result = shared.json(*shell, *words, "echo so; exit 4", task, code=1)
    assert (result["status"], result["reason"]) == ("failed", "contract")
    assert result["evidence"]["record"]["unmet"] == [
        'the check "echo so; exit 4" ended with exit status 4: so'
    ]
    shared.pancode("run", "--agent", "shell", "--expect-file", "gone.txt", "true", code=1)
    assert 'failed (contract: there is no file "gone.txt")' in shared.last_error
    again = shared.json("retry", result["run_id"], "--yes", code=1)
    assert again["reason"] == "contract"


def test_a_contract_that_cannot_be_is_refused_before_anything_starts(shared: Session) -> None:
    before = shared.json("runs")["runs"]
    for option, value, words in (
        ("--expect-file", "/etc/passwd", "is not a file below the directory"),
        ("--expect-file", "../x", "is not a file below the directory"),
        ("--expect", "(", "is not a regular expression"),
        ("--schema", "nowhere.json", "there is no file nowhere.json"),
    ):
        shared.pancode("run", "--agent", "shell", option, value, "true", code=2)
        assert words in shared.last_error
    (Path(shared.places.project) / "s.json").write_text('{"type": "nonsense"}')
    shared.pancode("run", "--agent", "shell", "--schema", "s.json", "true", code=2)
    assert "is not a JSON schema" in shared.last_error
    assert shared.json("runs")["runs"] == before


def test_a_check_passes_the_same_gate_as_a_command(shared: Session) -> None:
    shared.pancode("run", "--agent", "shell", "--check", "git push origin main", "true", code=5)
    assert "refused" in shared.last_error
