"""A home and a project with skills in them, and the session of the live test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pancode.domains.agents.skills.giving import Shelf
from tests.session.conftest import no_session

__all__ = ["no_session"]


@dataclass
class Shop:
    """A user's home with PanCode's in it, and a project."""

    home: Path
    project: Path

    def shelf(self) -> Shelf:
        return Shelf(str(self.home / ".pancode"), str(self.home), str(self.project))

    def skill(self, where: Path, name: str, *, head: str = "", text: str = "Draw it.\n") -> Path:
        """Write a skill's SKILL.md; give its folder."""
        where.mkdir(parents=True, exist_ok=True)
        lines = f"---\nname: {name}\ndescription: draws {name}\n{head}---\n{text}"
        (where / "SKILL.md").write_text(lines, encoding="utf-8")
        return where


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "home", tmp_path / "shop")
    made.home.mkdir()
    made.project.mkdir()
    return made
