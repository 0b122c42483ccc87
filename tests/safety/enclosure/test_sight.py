"""What is kept of the file system counts as long as nothing of it has changed, and no longer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pancode.domains.safety.enclosure import sight, toolchains
from pancode.domains.safety.enclosure.mounts import Kind
from pancode.domains.safety.enclosure.sight import Kept, Sight
from pancode.domains.safety.enclosure.worktree import find
from tests.safety.enclosure.asking import ask_in


def _turned(base: Path) -> None:
    (base / "link").unlink()
    (base / "link").symlink_to("b")


def _replaced(base: Path) -> None:
    (base / "a").rename(base / "old")
    (base / "b").rename(base / "a")


@pytest.mark.parametrize(
    "change",
    [
        lambda base: (base / "none").write_text(""),
        lambda base: (base / "file").unlink(),
        lambda base: (base / "file").write_text("longer than it was"),
        lambda base: (base / "a" / "in" / "new").mkdir(),
        lambda base: (base / "lost").unlink(),
        lambda base: (base / "file").chmod(0o600),
        _turned,
        _replaced,
    ],
)
def test_no_change_of_what_was_seen_goes_unnoticed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    for name in ("a/in", "b/in"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "lost").symlink_to("nowhere")
    seen, top = Sight(), os.path.realpath(tmp_path)
    assert [seen.exists(f"{top}/{name}") for name in ("none", "file", "lost")] == [False, True, False]
    assert seen.lexists(f"{top}/lost")
    assert seen.names(f"{top}/a/in") == seen.names(f"{top}/none") == []
    assert seen.realpath(f"{top}/link/in") == f"{top}/a/in"
    assert seen.realpath(f"{top}/link") == f"{top}/a"
    assert seen.holds()
    assert (
        not seen.is_settled()
    )  # It is all new: what changes in the same tick of the clock has the same time.
    change(tmp_path)
    assert not seen.holds()


def test_a_worker_gets_the_toolchains_of_this_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "SETTLED_NS", 20_000_000)  # Two ticks of the slowest clock.
    monkeypatch.setattr(toolchains, "_KEPT", Kept())
    ask = ask_in(tmp_path, environment={"HOME": str(tmp_path / "home"), "PATH": f"{tmp_path}/kit/bin"})
    home = tmp_path / "home"

    def look() -> dict[str, Kind]:
        mounts = toolchains.toolchains(find(ask), ask.environment, [])
        inside = [each for each in mounts if Path(each.target).is_relative_to(tmp_path)]
        return {os.path.relpath(each.target, tmp_path): each.kind for each in inside}

    def shown() -> dict[str, Kind]:
        found = look()
        toolchains._KEPT._known.clear()
        while not toolchains._KEPT._known:  # From here on it is kept.
            look()
        return found

    (home / ".cargo/bin").mkdir(parents=True)
    (tmp_path / "kit/bin").mkdir(parents=True)
    assert shown() == look() == {"home/.cargo/bin": Kind.READ, "kit/bin": Kind.READ}
    (home / ".pyenv").mkdir()
    (home / ".cargo/bin/credentials").write_text("secret")
    (tmp_path / "kit/lib").mkdir()
    assert shown() == {
        "home/.cargo/bin": Kind.READ, "home/.cargo/bin/credentials": Kind.BLANK, "home/.pyenv": Kind.READ,
        "kit": Kind.READ,
    }  # fmt: skip
    (home / ".cargo/bin/credentials").unlink()
    (home / ".pyenv").rmdir()
    (home / ".ssh").mkdir()
    (home / ".pyenv").symlink_to(".ssh")
    assert shown() == {"home/.cargo/bin": Kind.READ, "kit": Kind.READ}
