"""Folders of runs whose admission was cut short go; those that hold anything stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.domains.dispatch.folders import Folders
from pancode.engine.places import Places


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runs).mkdir(parents=True)
    return Folders(places)


@pytest.mark.parametrize(
    ("inside", "stays"),
    [
        ((), False),
        (("home/notes", "files/hook.py"), False),
        (("spec.json.12-7f.tmp",), False),
        (("spec.json",), True),
        (("events.jsonl",), True),
        (("home/notes", "result.json"), True),
        (("stream.raw",), True),
    ],
)
def test_only_what_holds_nothing_of_a_run_goes(
    folders: Folders, inside: tuple[str, ...], stays: bool
) -> None:
    for name in ("k3f", "liv"):
        path = Path(folders.path(name))
        path.mkdir()
        for file in inside:
            (path / file).parent.mkdir(exist_ok=True)
            (path / file).write_text("{")
    folders.clear_unwritten({"liv"})
    assert set(folders.names()) == ({"k3f", "liv"} if stays else {"liv"})


def test_what_is_no_folder_is_left_alone(folders: Folders, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Path(folders.path("lnk")).symlink_to(outside)
    Path(folders.path("txt")).write_text("mine")
    folders.clear_unwritten(())
    assert set(folders.names()) == {"lnk", "txt"}
    assert outside.is_dir()
