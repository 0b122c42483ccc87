"""The providers that are known without configuration; docs/providers.md is generated from here."""

from __future__ import annotations

from collections.abc import Mapping

from pancode.domains.providers.api import Engine, Provider, Wire


def _cloud(id_: str, name: str, url: str, *keys: str, wire: Wire = "openai-chat") -> Provider:
    engine: Engine = "anthropic" if wire == "anthropic" else "openai"
    return Provider(id=id_, name=name, url=url, key_env=keys, wire=wire, engine=engine)


def _local(id_: Engine, name: str, port: int) -> Provider:
    return Provider(id=id_, name=name, url=f"http://127.0.0.1:{port}/v1", engine=id_, local=True)


BUILT_IN = (
    _local("ollama", "Ollama", 11434),
    _local("lmstudio", "LM Studio", 1234),
    _local("llamacpp", "llama.cpp", 8080),
    _cloud("anthropic", "Anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", wire="anthropic"),
    _cloud("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    _cloud(
        "google",
        "Google",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
    ),
    _cloud("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    _cloud("together", "Together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    _cloud("mistral", "Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    _cloud("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
)
BY_ID: Mapping[str, Provider] = {provider.id: provider for provider in BUILT_IN}
VENDOR_OF = (("claude-", "anthropic"), ("gpt-", "openai"), ("gemini-", "google"))
"""How a vendor's own models begin, for bare names that no list has."""
