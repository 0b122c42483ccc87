"""What a runtime needs of npm: installed by our lock alone, all of it or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents import registry as registry_module
from pancode.domains.agents.api import RuntimeInfo
from pancode.domains.agents.registry import Registry
from pancode.engine.shipped import adapters_dir, npm_dir

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

NPM = 'echo "$@" > "$HOME/asked"; pwd >> "$HOME/asked"; mkdir -p node_modules/@mastra/core'


@pytest.fixture
def shipped(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(registry_module, "adapters_dir", adapters_dir)
    monkeypatch.setenv("HOME", world.environment["HOME"])
    world.environment["PATH"] = f"{world.bin}:{Path(os.environ['HOME'])}/none"
    world.program("node", "echo v22.13.0")
    world.program("npm", f"PATH=/usr/bin:/bin; {NPM}")
    return world


def mastra(registry: Registry) -> RuntimeInfo:
    registry.probe()
    return next(info for info in registry.runtimes() if info.id == "mastra")


def refusal(world: World) -> PanError:
    registry = world.registry()
    registry.probe()
    with pytest.raises(PanError) as error:
        registry.plan(world.ask(agent="mastra"))
    assert error.value.code is ExitCode.PREREQUISITE
    return error.value


def test_the_lock_pins_everything_by_hash_and_names_no_server() -> None:
    text = (Path(npm_dir()) / "mastra" / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "resolved" not in text
    assert [name for name, one in packages.items() if name and not one.get("integrity")] == []
    wanted = json.loads((Path(npm_dir()) / "mastra" / "package.json").read_text())
    assert packages[""]["dependencies"] == wanted["dependencies"]
    assert all(version[0].isdecimal() for version in wanted["dependencies"].values())


def test_packages_that_are_not_there_are_missed_with_the_command_that_brings_them(shipped: World) -> None:
    info = mastra(shipped.registry())
    assert (info.status, info.install) == ("missing", "pancode runtimes install mastra")
    assert refusal(shipped).remedy == "pancode runtimes install mastra"


def test_an_old_node_is_named_with_its_version(shipped: World) -> None:
    shipped.program("node", "echo v20.20.2")
    info = mastra(shipped.registry())
    assert (info.status, info.note) == ("missing", "it needs node 22.13 or later, and this is 20.20.2")
    assert "20.20.2" in refusal(shipped).problem
    with pytest.raises(PanError, match=r"20\.20\.2"):
        shipped.registry().install("mastra")


def test_packages_are_installed_by_the_lock_and_run_no_scripts(shipped: World) -> None:
    registry = shipped.registry()
    where = registry.install("mastra")
    assert where == str(shipped.home / "runtimes" / "mastra")
    words = (Path(shipped.environment["HOME"]) / "asked").read_text().split()
    assert words[:2] == ["ci", "--ignore-scripts"]
    assert os.listdir(shipped.home / "runtimes") == ["mastra"]
    info = mastra(registry)
    assert (info.status, info.version, info.tested) == ("available", "1.71.0", True)
    plan = registry.plan(shipped.ask(agent="mastra", sandboxed=True))
    assert plan.agent_version == "1.71.0"
    assert plan.needs.shows == (where,)
    assert json.loads(plan.stdin or "")["more"] == {"node": str(shipped.bin / "node"), "base": where}


def test_packages_of_another_lock_are_missed(shipped: World) -> None:
    registry = shipped.registry()
    where = Path(registry.install("mastra"))
    (where / "package-lock.json").write_text("{}")
    assert mastra(registry).status == "missing"


def test_what_fails_half_way_leaves_what_was_there(shipped: World) -> None:
    registry = shipped.registry()
    registry.install("mastra")
    shipped.program("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(PanError, match="npm error code ENOTFOUND"):
        registry.install("mastra")
    assert mastra(registry).status == "available"
    assert os.listdir(shipped.home / "runtimes") == ["mastra"]


@pytest.mark.parametrize("name", ["claude-code", "nobody"])
def test_only_what_npm_is_needed_for_can_be_installed(shipped: World, name: str) -> None:
    with pytest.raises(PanError, match=f'PanCode installs nothing for "{name}"') as error:
        shipped.registry().install(name)
    assert error.value.remedy == "one of mastra"
