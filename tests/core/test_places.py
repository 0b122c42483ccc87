"""Where things live."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places


def test_every_directory_that_is_made_is_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        made = Places("/some/project", "main", str(tmp_path / "home"), str(tmp_path / "run"))
        made.make()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    for path in [tmp_path / "home", tmp_path / "run", *tmp_path.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_path_too_long_for_a_socket_is_a_sentence(tmp_path: Path) -> None:
    deep = Places("/p", "main", str(tmp_path / "h"), str(tmp_path / ("x" * 100)))
    with pytest.raises(PanError, match="too long") as caught:
        deep.make()
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert not (tmp_path / "h").exists()


def test_the_project_is_the_git_root_and_an_empty_git_directory_is_none(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "repo" / "src" / ".git").mkdir()
    assert places.project_root(str(inner)) == str(inner)
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert places.project_root(str(inner)) == str(tmp_path / "repo")


def test_somebody_elses_directory_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PanError, match="can't use the directory"):
        places.private_directory(str(tmp_path / "file"), "PANCODE_HOME")
