"""Which runtimes could run an agent, whether they are there, and by what they would come to a model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import COMMAND, SHELL, Choice, RuntimeInfo
from pancode.domains.agents.enclosed import in_home
from pancode.domains.agents.provider import VENDORS, provider_of


def choices(
    names: Iterable[str],
    adapters: Mapping[str, Adapter],
    found: Mapping[str, RuntimeInfo],
    environment: Mapping[str, str],
) -> list[Choice]:
    """Give what is known of these runtimes; plain programs are none, as they have no model."""
    made = []
    for name in names:
        if name in (SHELL, COMMAND) or name not in adapters:
            continue
        adapter, info = adapters[name], found.get(name)
        made.append(
            Choice(
                runtime=name,
                tier=adapter.tier,
                status="missing" if info is None else info.status,
                reaches=_reaches(adapter, environment),
                vendor=vendor_of(adapter),
                chooses_model=adapter.tier == "native",
                by_itself=adapter.tier == "cli",
            )
        )
    return made


def vendor_of(adapter: Adapter) -> str | None:
    """Give whose models the runtime has by itself; None for one that has those of many vendors, or none."""
    own = {provider_of(None, [host], None) for host in adapter.hosts} & set(VENDORS.values())
    return own.pop() if len(own) == 1 else None


def _reaches(adapter: Adapter, environment: Mapping[str, str]) -> str | None:
    """Say by what the runtime comes to a model; the first thing that is there."""
    if "endpoint" in adapter.can and environment.get("PANCODE_ENDPOINT"):
        return "PANCODE_ENDPOINT"
    variables = (*(key.variable for key in adapter.keys), *adapter.bound, *adapter.secrets)
    if name := next((name for name in variables if environment.get(name)), None):
        return name
    files = (path for path, _ in adapter.logins if os.path.exists(in_home(adapter, path, environment)))
    return next(files, None)
