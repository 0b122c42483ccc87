"""The providers on other machines of the operator's, as PANCODE_LOCAL_MACHINES names them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from pancode.domains.panconfigure.api import Settings, machines
from pancode.domains.providers.api import Provider
from pancode.domains.providers.table import BUILT_IN

_ENGINES = tuple(one for one in BUILT_IN if one.local)


def on_machines(settings: Settings) -> list[Provider]:
    """Give the three engines for each machine, or the one whose port is named.

    >>> from pancode.domains.panconfigure.api import Settings
    >>> [one.url for one in on_machines(Settings(home="", local_machines="tower=10.0.0.7:11434"))]
    ['http://10.0.0.7:11434/v1']
    """
    found: list[Provider] = []
    for name, host, port in machines(settings.local_machines) if settings.local_machines else []:
        there = [one for one in _ENGINES if port in (None, urlsplit(one.url).port)]
        for one in there:
            at = urlsplit(one.url).port
            found.append(
                replace(
                    one,
                    id=f"{name}-{one.id}",
                    name=f"{one.name} on {name}",
                    url=f"http://{host}:{at}/v1",
                    source="machine",
                )
            )
        if not there:
            url = f"http://{host}:{port}/v1"
            found.append(Provider(id=name, name=name, url=url, local=True, source="machine"))
    return found
