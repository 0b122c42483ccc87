"""Registers the settings that the controller was started with, and the handler that shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pancode.core.host import Args, Caller, Host
from pancode.domains.panconfigure import rows
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.panconfigure.inforce import InForce
from pancode.engine.places import Places


def register(host: Host) -> None:
    """Provide `Settings` and `Configuration`, and answer `config`."""
    environment = dict(os.environ)
    configuration = InForce(host.need(Places), environment)
    host.provide(Configuration, configuration)
    host.provide(Settings, configuration.current())

    async def config(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        return rows.listed(configuration, environment)

    host.serve("config", config)
