"""Registers the settings that the controller was started with, and the handler that shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pancode.core.host import Args, Caller, Host
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.panconfigure.settings import Environments, describe


def register(host: Host) -> None:
    """Provide `Settings` and `Configuration`, and answer `config`."""
    environment = dict(os.environ)
    configuration = Environments(environment)
    host.provide(Configuration, configuration)
    host.provide(Settings, configuration.read(environment))

    async def config(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        return {"settings": [asdict(setting) for setting in describe(environment)]}

    host.serve("config", config)
