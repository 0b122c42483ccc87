"""Registers the providers service."""

from __future__ import annotations

from pancode.core.host import Host
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.providers.api import Providers
from pancode.domains.providers.service import Service


def register(host: Host) -> None:
    """Provide `Providers`."""
    host.provide(Providers, Service(host.need(Configuration), host.need(Settings).home))
