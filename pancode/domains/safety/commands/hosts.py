"""Finds hosts in addresses, and says what reaching them is."""

from __future__ import annotations

import re

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Finding
from pancode.domains.safety.commands.judgement import DYNAMIC

_URL = re.compile(r"(?:[a-zA-Z][\w+.-]*:)?//(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:?#\s]*)")
_LOOPBACK = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|0\.0\.0\.0|[\w-]+\.localhost|host\.docker\.internal|0"
    r"|ip6-localhost"
)


def host_of(text: str) -> str:
    """Give the host of an address, in lower case; "" if it has none.

    >>> host_of("https://user@Example.com:8080/a"), host_of("localhost:3000/x")
    ('example.com', 'localhost')
    """
    match = _URL.match(text)
    if match:
        return match.group(1).lower()
    bare = re.match(r"(\[[^\]]*\]|[^/:?#\s@]+)(?::\d+)?(?:[/?#]|$)", text.rpartition("@")[2])
    return bare.group(1).lower() if bare else ""


def loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    return _LOOPBACK.fullmatch(host) is not None


def reaching(host: str, verb: str = "talks to") -> Finding:
    """Say what talking to `host` is; the rule is "host" only where a list of hosts may soften it."""
    if not host or DYNAMIC in host:
        return Finding(ActionClass.NETWORK_UNLISTED, "host-unknown", f"{verb} a host known only when it runs")
    if loopback(host):
        return Finding(ActionClass.NETWORK, "loopback", f"{verb} this machine", (), (host,))
    if host.startswith("169.254.") or host in ("metadata.google.internal", "100.100.100.200"):
        why = f'{verb} "{host}", which hands out credentials'
        return Finding(ActionClass.SECRET_READ, "metadata", why, (), (host,))
    return Finding(ActionClass.NETWORK_UNLISTED, "host", f'{verb} "{host}"', (), (host,))


def sending(host: str, what: str) -> Finding:
    """Say what sending something to `host` is: no list of hosts softens it."""
    if loopback(host):
        return Finding(ActionClass.NETWORK, "loopback", f"sends {what} to this machine", (), (host,))
    hosts = (host,) if host and DYNAMIC not in host else ()
    return Finding(ActionClass.NETWORK_UNLISTED, "upload", f"sends {what} away", (), hosts)
