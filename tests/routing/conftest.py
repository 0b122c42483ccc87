"""Sessions with two small agent CLIs that differ in their vendors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.session.conftest import Session, no_session
from tests.session.test_structured import ADAPTER

__all__ = ["no_session", "two"]

AGENTS = """
agents:
  dev:
    description: does it
    tags: [coding]
  thinker:
    description: thinks
    runtime: alpha
    model: llama3.2:1b
    tier: frontier
"""
VENDORS = {"alpha": "api.anthropic.com:443", "beta": "api.openai.com:443"}


@pytest.fixture
def two(no_session: Session) -> Session:
    """Give a session, not up, with the runtimes alpha (Anthropic's) and beta (OpenAI's)."""
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    for name, host in VENDORS.items():
        text = ADAPTER.replace('"player", "Player"', f'"{name}", "{name.title()}"')
        version = '("-c", "echo 1")'
        text = text.replace(f"{version}, ()", f'("-c", "echo 1.0"), ("{name.upper()}_KEY",)')
        made = f'PYTHON = {sys.executable!r}\nHOSTS = ("{host}",)\n{text}'
        (home / "adapters" / f"{name}.py").write_text(made, encoding="utf-8")
        no_session.environment[f"{name.upper()}_KEY"] = "k"
    off = ", ".join(f"{name}: {{enabled: false}}" for name in ("ollama", "lmstudio", "llamacpp"))
    (home / "panproviders.yaml").write_text(f"providers: {{{off}}}\n", encoding="utf-8")
    (home / "panagents.yaml").write_text(AGENTS, encoding="utf-8")
    return no_session
