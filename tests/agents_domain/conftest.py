"""A home, a project, two small adapters and fake CLIs on a PATH of their own."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents import registry as registry_module
from pancode.domains.agents.api import LaunchAsk, Plan
from pancode.domains.agents.registry import Registry
from pancode.domains.panconfigure.settings import Environments
from pancode.domains.prompts.service import Compiler

ADAPTER = """
ID, NAME, BINARY = "{id}", "{name}", "{binary}"
VERSIONS, VERSION_ARGS = ("1.2.3",), ("--version",)
INSTALL = "install-{binary}"
SECRETS, PASS_ENV, READS = ("{upper}_API_KEY",), ("{upper}_HOME",), ("usage.json",)
CAN = frozenset({can})

def launch(request):
    key = {{"{upper}_API_KEY": request["endpoint_key"]}} if request["endpoint"] else {{}}
    return {{
        "argv": [request["binary"], *request["extra_args"], "--model", str(request["model"])],
        "env": {{"{upper}_URL": request["endpoint"] or "", "QUIET": "1"}},
        "secret_env": key,
        "files": {{"settings.json": {{"effort": request["effort"], "tools": request["tools"]}},
                  "prompt.md": request["system_prompt"] or ""}},
        "stdin": request["task"],
    }}

class Session:
    pass
"""
FULL = {"system_prompt", "tools", "max_turns", "token_budget", "effort", "resume", "endpoint"}


def adapter_text(name: str, can: set[str]) -> str:
    return ADAPTER.format(id=name, name=name.title(), binary=name, upper=name.upper(), can=sorted(can))


@dataclass
class World:
    """One user's machine."""

    home: Path
    project: Path
    bin: Path
    shipped: Path
    environment: dict[str, str]

    @property
    def user_file(self) -> Path:
        return self.home / "panagents.yaml"

    def write(self, text: str) -> None:
        self.user_file.write_text(text, encoding="utf-8")

    def write_project(self, text: str) -> Path:
        folder = self.project / ".pancode"
        folder.mkdir(exist_ok=True)
        (folder / "panagents.yaml").write_text(text, encoding="utf-8")
        return folder / "panagents.yaml"

    def program(self, name: str, body: str = 'echo "$0 1.2.3"') -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def registry(self) -> Registry:
        return Registry(str(self.project), self.environment, Environments(self.environment), Compiler())

    def ask(self, **given: Any) -> LaunchAsk:
        base: dict[str, Any] = {
            "agent": None,
            "task": "say hello",
            "cwd": str(self.project),
            "run_id": "k3f",
            "run_dir": str(self.home / "runs" / "k3f"),
            "grant": Grant(Mode.BUILD, Level.AUTO_EDIT),
            "environment": self.environment,
        }
        return LaunchAsk(**{**base, **given})

    def plan(self, **given: Any) -> Plan:
        return self.registry().plan(self.ask(**given))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    folders = [tmp_path / name for name in ("home", "project", "bin", "shipped")]
    for folder in folders:
        folder.mkdir()
    home, project, binaries, shipped = folders
    (shipped / "alpha.py").write_text(adapter_text("alpha", FULL), encoding="utf-8")
    (shipped / "beta.py").write_text(adapter_text("beta", {"system_prompt", "endpoint"}), encoding="utf-8")
    monkeypatch.setattr(registry_module, "adapters_dir", lambda: str(shipped))
    environment = {"PATH": f"{binaries}:/bin:/usr/bin", "HOME": str(tmp_path), "PANCODE_HOME": str(home)}
    return World(home, project, binaries, shipped, environment)


@pytest.fixture
def problems(world: World) -> Callable[[str], list[tuple[int | None, str]]]:
    """Gives the (line, problem) pairs that a user's panagents.yaml leads to."""

    def load(text: str) -> list[tuple[int | None, str]]:
        world.write(text)
        found = world.registry().mistakes()
        assert all(mistake.file == str(world.user_file) for mistake in found)
        return [(mistake.line, mistake.problem) for mistake in found]

    return load
