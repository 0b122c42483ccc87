"""CLIs are found on a PATH, asked once for their version, and never waited for long."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pancode.core.errors import PanError
from pancode.domains.agents import discover
from pancode.domains.agents.api import RuntimeInfo
from pancode.domains.agents.registry import Registry

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World


def look(registry: Registry) -> dict[str, RuntimeInfo]:
    return {info.id: info for info in registry.runtimes()}


def left_of(pids: Path) -> list[psutil.Process]:
    processes = [psutil.Process(int(pid)) for pid in pids.read_text().split() if psutil.pid_exists(int(pid))]
    alive = psutil.wait_procs(processes, timeout=60)[1]
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_a_missing_cli_says_how_to_install_it(world: World) -> None:
    info = look(world.registry())["alpha"]
    assert (info.status, info.install, info.path) == ("missing", "install-alpha", None)


def test_an_installed_cli_is_unchecked_until_it_was_asked(world: World) -> None:
    path = world.program("alpha")
    registry = world.registry()
    assert look(registry)["alpha"].status == "unchecked"
    asyncio.run(registry.discover())
    info = look(registry)["alpha"]
    assert (info.status, info.version, info.tested, info.note) == ("available", "1.2.3", True, None)
    assert info.path == str(path)


def test_another_version_than_the_tested_one_is_said(world: World) -> None:
    world.program("alpha", "echo 'alpha v2.0.0-beta.1 (node)'")
    registry = world.registry()
    registry.probe()
    info = look(registry)["alpha"]
    assert (info.version, info.tested) == ("2.0.0-beta.1", False)
    assert info.note == "tested with 1.2.3, this is 2.0.0-beta.1"


def test_a_warm_start_asks_nothing(world: World) -> None:
    asked = world.home / "asked"
    path = world.program("alpha", f"echo x >> {asked}; echo 1.2.3")
    for _ in range(3):
        registry = world.registry()
        registry.probe()
        assert look(registry)["alpha"].status == "available"
    assert asked.read_text(encoding="utf-8").count("x") == 1
    path.write_text("#!/bin/sh\necho 1.3.0 changed\n", encoding="utf-8")
    registry = world.registry()
    assert look(registry)["alpha"].status == "unchecked"
    registry.probe()
    assert look(registry)["alpha"].version == "1.3.0"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"programs": {"/x": 5}}', '{"programs": {"/x": {}}}', "[" * 9999]
)
def test_a_damaged_cache_counts_as_empty(world: World, text: str) -> None:
    (world.home / "runtimes.json").write_text(text, encoding="utf-8")
    world.program("alpha")
    registry = world.registry()
    registry.probe()
    assert look(registry)["alpha"].version == "1.2.3"
    assert json.loads((world.home / "runtimes.json").read_text(encoding="utf-8"))["v"] == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo no config >&2; exit 3", '"--version" ended with 3: no config'),
        ("kill -9 $$", '"--version" was ended by signal 9'),
        ("echo hello", '"--version" prints no version'),
    ],
)
def test_a_cli_that_does_not_answer_well_is_broken(world: World, body: str, why: str) -> None:
    world.program("alpha", body)
    registry = world.registry()
    registry.probe()
    info = look(registry)["alpha"]
    assert info.status == "broken"
    assert why in str(info.note)
    assert look(world.registry())["alpha"].status == "unchecked"  # the next session asks again


def test_a_program_that_cannot_be_executed_is_broken(world: World) -> None:
    path = world.program("alpha")
    path.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    registry = world.registry()
    registry.probe()
    assert "it can't be started" in str(look(registry)["alpha"].note)


def test_a_cli_that_hangs_is_given_up_with_all_its_children(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    world.program("alpha", f"sleep 300 & echo $$ $! > {pids}; wait")
    monkeypatch.setattr(discover, "VERSION_SECONDS", 0.5)
    registry = world.registry()
    registry.probe()
    assert look(registry)["alpha"].note == '"--version" gave no answer in 0.5 s'
    assert left_of(pids) == []


def test_giving_up_early_leaves_no_process(world: World, tmp_path: Path) -> None:
    pids, ready = tmp_path / "pids", tmp_path / "ready"
    os.mkfifo(ready)
    world.program("alpha", f"sleep 300 & echo $$ $! | tee {pids} > {ready}; wait")
    registry = world.registry()

    async def begin_and_leave() -> None:
        work = asyncio.create_task(registry.discover())
        await asyncio.to_thread(ready.read_text)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(begin_and_leave())
    assert left_of(pids) == []
    assert look(registry)["alpha"].status == "unchecked"


def test_a_child_that_holds_the_output_open_does_not_hold_the_answer(world: World, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    world.program("alpha", f"setsid sleep 300 & echo $! > {pids}; echo 1.2.3")
    try:
        registry = world.registry()
        registry.probe()
        assert look(registry)["alpha"].version == "1.2.3"
    finally:
        for pid in pids.read_text().split():
            if psutil.pid_exists(int(pid)):
                psutil.Process(int(pid)).kill()


def test_a_version_question_gets_no_key_and_no_tmux(world: World) -> None:
    seen = world.home / "seen"
    world.program("alpha", f"env > {seen}; echo 1.2.3")
    world.environment |= {"ALPHA_API_KEY": "hush", "TMUX": "/tmp/t,1,0"}
    world.registry().probe()
    names = {line.partition("=")[0] for line in seen.read_text(encoding="utf-8").splitlines()}
    assert not names & {"ALPHA_API_KEY", "TMUX"}


def test_relative_entries_of_the_path_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "evil"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert discover.which("evil", f".{os.pathsep}") is None
    assert discover.which("evil", str(tmp_path)) == str(program)


def test_shell_is_always_there(world: World) -> None:
    assert look(world.registry())["shell"].status == "available"


def test_auto_takes_the_first_installed_cli_that_can_honour_the_agent(world: World) -> None:
    world.write("agents:\n  plain: {}\n  picky:\n    tools: [read]\n")
    registry = world.registry()
    assert registry.resolve(registry.get("plain")) is None
    world.program("beta")
    assert registry.resolve(registry.get("plain")) == "beta"
    assert registry.resolve(registry.get("picky")) is None
    world.program("alpha")
    assert registry.resolve(registry.get("plain")) == "alpha"
    assert registry.resolve(registry.get("picky")) == "alpha"


def test_auto_passes_over_a_broken_cli_while_there_is_another(world: World) -> None:
    world.write("agents:\n  plain: {}\n")
    world.program("alpha", "exit 1")
    registry = world.registry()
    registry.probe()
    assert registry.resolve(registry.get("plain")) == "alpha"
    world.program("beta")
    assert registry.resolve(registry.get("plain")) == "beta"


PACKAGED = """
LIKE = "alpha.py"
ID, NAME, TIER, PACKAGE = "gamma", "Gamma", "sdk", ("{distribution}", "gamma")

def launch(request):
    return {{"argv": ["python"], "env": {{}}, "secret_env": {{}}, "files": {{}}}}
"""


def test_a_runtime_that_is_a_package_says_which_extra_brings_it(world: World) -> None:
    world.program("alpha")
    (world.shipped / "gamma.py").write_text(PACKAGED.format(distribution="no-such-thing"), encoding="utf-8")
    registry = world.registry()
    info = look(registry)["gamma"]
    assert (info.status, info.install) == ("missing", "pip install 'pancode[gamma]'")
    with pytest.raises(PanError, match='no package "no-such-thing"') as error:
        registry.plan(world.ask(agent="gamma"))
    assert error.value.remedy == "pip install 'pancode[gamma]'"


def test_a_runtime_that_is_a_package_has_its_version_and_is_asked_nothing(world: World) -> None:
    world.program("alpha", "exit 1")
    (world.shipped / "gamma.py").write_text(PACKAGED.format(distribution="pytest"), encoding="utf-8")
    registry = world.registry()
    info = look(registry)["gamma"]
    assert (info.status, info.version, info.tested) == ("available", pytest.__version__, False)
    assert registry.plan(world.ask(agent="gamma")).agent_version == pytest.__version__


def test_what_needs_a_package_is_taken_only_by_its_name(world: World) -> None:
    (world.shipped / "gamma.py").write_text(PACKAGED.format(distribution="pytest"), encoding="utf-8")
    world.write("agents:\n  plain: {}\n  named: {runtime: gamma}\n")
    registry = world.registry()
    assert registry.resolve(registry.get("plain")) is None
    assert registry.resolve(registry.get("named")) == "gamma"


def test_an_adapter_like_one_that_is_not_there_is_a_mistake(world: World) -> None:
    text = PACKAGED.format(distribution="pytest").replace("alpha.py", "nobody.py")
    (world.shipped / "gamma.py").write_text(text, encoding="utf-8")
    assert any("nobody.py" in mistake.problem for mistake in world.registry().mistakes())
