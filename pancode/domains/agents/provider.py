"""Who answers an agent's model calls: a vendor by its name, anybody else by the address."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

VENDORS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "chatgpt.com": "openai",
    "generativelanguage.googleapis.com": "google",
    "api.github.com": "github",
    "openrouter.ai": "openrouter",
    "api.groq.com": "groq",
    "api.together.xyz": "together",
    "api.mistral.ai": "mistral",
}
_PORTS = {"http": 80, "https": 443}


def provider_of(endpoint: str | None, hosts: Sequence[str], model: str | None) -> str | None:
    """Give the provider of a run: that of its endpoint, else of its model, else its adapter's vendor.

    `hosts` are the adapter's, its vendor's first. An agent for several vendors has models such as
    `anthropic/claude-sonnet-4-5`. None where nobody can say.

    >>> provider_of("http://127.0.0.1:8080/v1", [], None)
    '127.0.0.1:8080'
    >>> provider_of(None, ["api.anthropic.com:443"], "opus")
    'anthropic'
    """
    if endpoint is not None:
        return _named(*_address(endpoint))
    vendor, slash, _ = (model or "").partition("/")
    if slash and vendor:
        return vendor
    if not hosts:
        return None
    host, _, port = hosts[0].rpartition(":")
    return _named(host, int(port) if port.isdecimal() else _PORTS["https"])


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


def _named(host: str, port: int) -> str:
    return VENDORS.get(host, f"{host}:{port}")
