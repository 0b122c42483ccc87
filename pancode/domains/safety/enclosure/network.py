"""Whom a worker reaches: its model, and what its mode and level add to that."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.enclosure.asks import HOOK_PORT, PROXY_PORT, EnclosureAsk, Machine
from pancode.domains.safety.enclosure.registries import registries

if TYPE_CHECKING:
    from pancode.worker.profile import Forward, Network

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}


def network(ask: EnclosureAsk, home: str) -> Network:
    """Give what goes out of this worker's sandbox; PanError says why its endpoint can't be reached."""
    forwards, hosts = _model(ask)
    if lists(ask.grant):
        hosts += [*registries(ask.environment, home)] if ask.grant.may_write else []
        hosts += _with_ports((*ask.settings.hosts, *ask.hosts))
    barred = {_name(host) for host in ask.barred_hosts}
    hosts = [host for host in hosts if not any(_meet(each, _name(host)) for each in barred)]
    hosts += _with_ports(ask.allow_hosts)
    return {
        "forwards": forwards,
        "hosts": list(dict.fromkeys(hosts)),
        "proxy_port": ask.proxy_port,
        "hook_port": ask.hook_port,
    }


def lists(grant: Grant) -> bool:
    """Whether this grant reaches more than the model.

    >>> lists(Grant(Mode.BUILD, Level.AUTO_EDIT)), lists(Grant(Mode.PLAN, Level.AUTO_EDIT))
    (True, False)
    """
    if grant.mode is Mode.BUILD:
        return grant.level is not Level.SUGGEST
    return grant.level is Level.FULL_AUTO


def reach(ask: EnclosureAsk, found: Network) -> str:
    """Give the one word for it that is shown: off, model, list or open."""
    if any(host.startswith("*:") for host in found["hosts"]):
        return "open"
    beyond = set(found["hosts"]) - set(_model(ask)[1])
    if beyond:
        return "list"
    return "model" if found["forwards"] or found["hosts"] else "off"


def ports(machine: Machine) -> tuple[int, int]:
    """Give the ports for the proxy and for the hook of a run that begins now.

    Without a network namespace they are the host's own: two that are free at this moment.
    """
    if machine.sandbox == "full":
        return PROXY_PORT, HOOK_PORT
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _with_ports(hosts: Iterable[str]) -> list[str]:
    """Give "host:port"; a host without one is meant for TLS.

    >>> _with_ports(["a.example", "*.b.example:8443"])
    ['a.example:443', '*.b.example:8443']
    """
    return [host if host.rpartition(":")[2].isdecimal() else f"{host}:443" for host in hosts]


def _name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()


def _meet(barred: str, listed: str) -> bool:
    """Whether what is listed includes something barred: the proxy knows only what is listed.

    >>> _meet("*.example", "a.example"), _meet("*.example", "example"), _meet("evil.example", "*.example")
    (True, False, True)
    """
    return _covers(barred, listed) or _covers(listed, barred)


def _covers(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _model(ask: EnclosureAsk) -> tuple[list[Forward], list[str]]:
    if ask.endpoint is None:
        return [], list(ask.needs.hosts)
    url = urlsplit(ask.endpoint)
    host = url.hostname or ""
    port = url.port or _PORTS.get(url.scheme, 0)
    if host in LOOPBACK:
        outside = "::1" if host == "::1" else "127.0.0.1"
        return [{"port": port, "host": outside, "to": port}], []
    if url.scheme != "https" or host.startswith("127.") or not port:
        raise PanError(
            f'a worker can\'t reach its model at "{ask.endpoint}": only TLS leaves the sandbox, '
            "and plain http only to this machine's 127.0.0.1",
            remedy="give the model an https address, or run a gateway on 127.0.0.1",
            code=ExitCode.REFUSED,
        )
    return [], [f"{host}:{port}"]
