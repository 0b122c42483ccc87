"""What is remembered of the machine, and when it is looked at again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pancode.domains.safety.api import Machine, fresh_machine, known_machine, remembered
from pancode.domains.safety.enclosure.base import private_below_etc
from pancode.domains.safety.enclosure.probe import CANARIES


def test_what_was_found_is_remembered_until_something_changes(tmp_path: Path) -> None:
    home = str(tmp_path)
    assert remembered(home) is None
    found = fresh_machine(home)
    assert remembered(home) == found
    file = tmp_path / "cache" / "machine.json"
    kept = json.loads(file.read_text())
    kept["machine"]["sandbox"] = "none"
    file.write_text(json.dumps(kept))
    assert known_machine(home).sandbox == "none"
    kept["key"][2] = "another boot"
    file.write_text(json.dumps(kept))
    assert remembered(home) is None
    assert known_machine(home).sandbox == found.sandbox


def test_a_damaged_file_counts_as_nothing(tmp_path: Path) -> None:
    fresh_machine(str(tmp_path))
    file = tmp_path / "cache" / "machine.json"
    kept = json.loads(file.read_text())
    for text in (
        "",
        "{",
        json.dumps({**kept, "machine": {"sandbox": "full"}}),
        json.dumps({**kept, "machine": 1}),
    ):
        file.write_text(text)
        assert remembered(str(tmp_path)) is None


def test_every_canary_is_told_of_and_nothing_is_left(tmp_path: Path) -> None:
    found = fresh_machine(str(tmp_path))
    assert isinstance(found, Machine)
    assert [each.name for each in found.canaries] == list(CANARIES)
    assert os.listdir(tmp_path / "exec") == []


def test_only_what_others_can_not_read_is_private_below_etc() -> None:
    assert all(not os.stat(path).st_mode & 0o004 for path in private_below_etc())
    if os.geteuid() == 0:
        assert "/etc/shadow" in private_below_etc()
