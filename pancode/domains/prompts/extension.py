"""Registers the compiler of system prompts."""

from __future__ import annotations

import logging

from pancode.core.host import Host
from pancode.domains.prompts.api import Prompts
from pancode.domains.prompts.service import Compiler, project_state
from pancode.engine.places import Places


def register(host: Host) -> None:
    """Provide `Prompts`, and tell the log what is wrong with the user's fragments."""
    places = host.need(Places)
    compiler = Compiler(places.home, project_state(places.state))
    host.provide(Prompts, compiler)

    async def tell() -> None:
        for wrong in compiler.library.wrong():
            logging.getLogger("pancode").warning("%s", wrong)

    host.background("prompts", tell)
