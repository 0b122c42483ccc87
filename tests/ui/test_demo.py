"""What `pancode demo` takes for an agent."""

from __future__ import annotations

from pancode.cli.demo import model_agents


def test_the_shell_is_not_sent_to_the_scripted_model() -> None:
    shell = {"id": "shell", "tier": "cli", "status": "available"}
    codex = {"id": "codex", "tier": "cli", "status": "available"}
    gemini = {"id": "gemini", "tier": "cli", "status": "missing"}
    assert model_agents([shell, gemini]) == []
    assert model_agents([codex, shell]) == ["codex"]
