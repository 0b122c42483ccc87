"""A home and a project whose settings a test writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pancode.domains.panconfigure.inforce import InForce
from pancode.engine.places import Places


@dataclass
class Desk:
    """Where the settings of one user and one project lie."""

    home: Path
    project: Path

    @property
    def places(self) -> Places:
        return Places(str(self.project), "main", str(self.home), str(self.home / "run"))

    def user(self, text: str) -> Path:
        path = self.home / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def theirs(self, text: str) -> Path:
        path = self.project / ".pancode" / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def presets(self, text: str) -> Path:
        path = self.home / "panpresets.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def in_force(self, **environment: str) -> InForce:
        return InForce(self.places, {"HOME": str(self.home), **environment})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    home, project = tmp_path / "home", tmp_path / "project"
    for folder in (home, project):
        folder.mkdir()
    return Desk(home, project)
