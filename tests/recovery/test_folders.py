"""Folders of runs whose admission was cut short go; those that hold anything stay, and get their results."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import Future
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Finished, Run, World
from pancode.domains.dispatch.books import Books
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.said import Said
from pancode.engine import files
from pancode.engine.places import Places
from pancode.engine.store import Store

GRANT = {"mode": "build", "level": "suggest", "read_only": False}
SPEC = {
    "v": 1, "run": "k3f", "agent": "a", "runtime": "r", "task": "t", "cwd": "/", "created": 1.0,
    "grant": GRANT,
}  # fmt: skip


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


def test_a_spec_that_is_written_again_is_read_again(folders: Folders) -> None:
    found = []
    for cwd in ("/one", "/two"):
        with folders.new("k3f") if cwd == "/one" else contextlib.nullcontext():
            folders.write_spec({**SPEC, "cwd": cwd})
        found += [folders.spec("k3f"), folders.spec("k3f")]
    assert [one and one["cwd"] for one in found] == ["/one", "/one", "/two", "/two"]
    assert found[0] is found[1]
    Path(folders.path("k3f", "spec.json")).unlink()
    assert folders.spec("k3f") is None


def test_a_new_spec_is_there_at_once_and_whoever_waits_hears_when_the_disk_refuses(folders: Folders) -> None:
    spec = {**SPEC, "run": "liv"}

    async def kept() -> None:
        with folders.new("liv"):
            folders.write_spec(spec)
        assert folders.spec("liv") == spec
        await asyncio.gather(folders.kept("liv"), folders.kept("liv"))
        future: Future[None] = Future()
        folders._syncing["liv"] = future
        future.set_exception(PanError("can't write"))
        for _ in range(2):
            with pytest.raises(PanError, match="can't write"):
                await folders.kept("liv")

    asyncio.run(kept())
    assert os.listdir(folders.path("liv")) == ["spec.json"]
    Path(folders.path("liv", "spec.json")).write_text("")  # As where the machine has lost its power.
    folders.clear_unwritten(())
    assert folders.names() == []


def test_what_is_said_again_by_the_same_call_is_kept_once_whichever_controller_hears_it(
    folders: Folders,
) -> None:
    Path(folders.path("k3f")).mkdir()
    for _ in range(2):
        said = Said(folders, World, lambda *_: "", lambda _: None, lambda *_: None)
        said.keep("k3f", "and more", key="a call's own")
    assert (files.read_json(folders.path("k3f", "said.json")) or {})["texts"] == ["and more"]


def test_what_is_no_folder_is_left_alone(folders: Folders, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Path(folders.path("lnk")).symlink_to(outside)
    Path(folders.path("txt")).write_text("mine")
    folders.clear_unwritten(())
    assert set(folders.names()) == {"lnk", "txt"}
    assert outside.is_dir()


def test_a_result_that_the_disk_refused_is_written_with_the_next_ones(
    folders: Folders, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "pancode.db"))
    books = Books(folders, store, folders.path(""))
    grant = Grant(Mode.BUILD, Level.AUTO_EDIT)
    first, second = (
        Run(
            id=name, agent="a", runtime="shell", task="t", model=None, grant=grant, queued=1.0,
            state=Finished(2.0, "lost", "lost", {}),
        )
        for name in ("aaa", "bbb")
    )  # fmt: skip
    in_the_way = Path(folders.path("aaa"))
    in_the_way.write_text("no folder can be made here")
    with pytest.raises((PanError, OSError)):
        books.close(first, shim_vanished=False)
    in_the_way.unlink()
    books.close(second, shim_vanished=False)
    store.close()
    assert [(folders.result(name) or {}).get("status") for name in ("aaa", "bbb")] == ["lost", "lost"]
