"""The seeded panagents.yaml: complete, without a mistake, and never written twice."""

from __future__ import annotations

import resource
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pancode.domains.agents.loader import SEED, seed

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

DEFAULTS = {"scout", "planner", "builder", "reviewer", "plan-reviewer", "documenter", "red-team", "dev"}


def test_the_seeded_file_loads_without_a_mistake_and_has_every_default_agent(world: World) -> None:
    registry = world.registry()
    assert registry.mistakes() == ()
    assert {agent.name for agent in registry.all() if agent.source == "user"} == DEFAULTS
    assert stat.S_IMODE(world.user_file.stat().st_mode) == 0o600
    assert registry.get(None).name == "dev"


def test_the_agents_that_only_look_are_read_only(world: World) -> None:
    read_only = {agent.name for agent in world.registry().all() if agent.readonly}
    assert read_only == {"scout", "planner", "reviewer", "plan-reviewer", "red-team"}


def test_a_file_that_is_there_is_never_touched_however_broken(world: World) -> None:
    for text in ("", "agents:\n  a: {", "{{{{", "\0"):
        world.write(text)
        before = world.user_file.stat()
        registry = world.registry()
        registry.reload()
        after = world.user_file.stat()
        assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
        assert world.user_file.read_text(encoding="utf-8") == text


def test_a_dangling_link_is_left_as_it_is(world: World) -> None:
    world.user_file.symlink_to(world.home / "elsewhere")
    assert [m.problem for m in world.registry().mistakes()] == [
        "this can't be read: no such file or directory"
    ]
    assert world.user_file.is_symlink()
    assert not (world.home / "elsewhere").exists()


def test_a_home_that_cannot_be_written_still_has_the_default_agents(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert seed(str(blocked / "home")) == SEED


def test_a_file_that_cannot_be_written_to_its_end_is_not_left_half(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        found = seed(str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found == SEED
    assert list(tmp_path.iterdir()) == []


def test_an_edited_file_counts_without_a_restart(world: World) -> None:
    registry = world.registry()
    world.write("agents:\n  mine:\n    tags: [x]\n")
    assert registry.get("mine").tags == ("x",)
    world.write_project("agents:\n  theirs: {}\n")
    assert registry.get("theirs").source == "project"
    assert {agent.name for agent in registry.all() if agent.source == "user"} == {"mine"}
