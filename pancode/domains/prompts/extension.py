"""Registers the compiler of system prompts."""

from __future__ import annotations

from pancode.core.host import Host
from pancode.domains.prompts.api import Prompts
from pancode.domains.prompts.compile import Compiler


def register(host: Host) -> None:
    """Provide `Prompts`."""
    host.provide(Prompts, Compiler())
