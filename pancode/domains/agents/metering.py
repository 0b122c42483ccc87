"""Decides who counts a run's model calls: the session's gateway where the agent can be sent through it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pancode.domains.agents.adapters import Adapter, Key
from pancode.domains.agents.api import LaunchAsk, Meter, Upstream
from pancode.domains.agents.enclosed import in_home
from pancode.domains.panconfigure.api import Settings, check_key_travels_safely, is_endpoint
from pancode.engine.proxies import proxy_for

_CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
END = Meter("end", "")


@dataclass(frozen=True, slots=True)
class Route:
    """Where an agent is told to send its calls, and what counts them there.

    `vendor` if the address stands for the one that the agent would have taken by itself.
    """

    meter: Meter
    endpoint: str | None = None
    key: str | None = None
    vendor: bool = False
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    key: str
    bearer: bool = False
    vendor: bool = False


def routed(
    ask: LaunchAsk, adapter: Adapter, endpoint: str | None, key: str | None, settings: Settings
) -> Route:
    """Give the way of a run's calls; `endpoint` and `key` are the operator's choice, None: the agent's own.

    PanError CONFIG where the agent's own key would go to somebody else's machine without TLS.
    """
    on = settings.gateway == "on"
    straight = Route(END, endpoint, key)
    if adapter.elsewhere:
        return _ends(straight, "the server at its endpoint makes them")
    if ask.gateway is None or not on:
        return _ends(straight, "the gateway is off" if not on else "there is no gateway")
    target = _own_target(ask, adapter) if endpoint is None else _Target(endpoint, key or "")
    if isinstance(target, str):
        return _ends(straight, target)
    parts = urlsplit(target.url)
    if target.vendor:
        check_key_travels_safely(target.url, settings)
    proxy = proxy_for(ask.environment, parts.scheme, parts.hostname or "")
    if proxy is not None and not proxy.startswith("http://"):
        return _ends(straight, "the gateway can only use a proxy that is reached by http://")
    upstream = Upstream(
        url=f"{parts.scheme}://{parts.netloc}",
        key=target.key.strip(),  # as a line of a file is often left with its end
        token=ask.gateway.token,
        bearer=target.bearer,
        proxy=proxy,
        certificates=_certificates(ask.environment),
    )
    return Route(
        Meter("gateway", ""), f"{ask.gateway.url}{parts.path}", ask.gateway.token, target.vendor, upstream
    )


def check_address(
    adapter: Adapter, given: Mapping[str, str], own: Mapping[str, str], settings: Settings
) -> None:
    """Raise PanError CONFIG where an agent's key would be read on its way: http to somebody else's machine.

    `given` are the variables that the agent gets, with its keys; `own` are the operator's, for its logins.
    """
    has_key = any(given.get(name) for name in adapter.secrets)
    if not has_key and not any(os.path.exists(in_home(adapter, path, own)) for path, _ in adapter.logins):
        return
    names = {
        *(key.url_variable for key in adapter.keys),
        *(name for name in adapter.pass_env if _is_url(name)),
    }
    for url in filter(None, (given.get(name) for name in sorted(names))):
        check_key_travels_safely(url, settings)


def _is_url(name: str) -> bool:
    return name.endswith("_BASE_URL")


def _ends(straight: Route, why: str) -> Route:
    return Route(Meter("end", why), straight.endpoint, straight.key)


def _own_target(ask: LaunchAsk, adapter: Adapter) -> _Target | str:
    """Give where the agent would go by itself with a key of the operator's, or why nobody can say."""
    environment = ask.environment
    if "endpoint" not in adapter.can or not adapter.keys:
        return f"{adapter.name} chooses its provider by its own configuration"
    if name := next((name for name in adapter.bound if environment.get(name)), None):
        return f"{name} is set"
    for path, words in adapter.binds.items():
        text = _text(in_home(adapter, path, environment))
        if any(word in text for word in words):
            return f"{path} chooses the provider"
    has_login = any(os.path.exists(in_home(adapter, path, environment)) for path, _ in adapter.logins)
    for each in adapter.keys:
        if (key := environment.get(each.variable)) and (each.outranks_login or not has_login):
            return _with_key(each, key, environment)
    return "its login is bound to its vendor's host"


def _with_key(each: Key, key: str, environment: Mapping[str, str]) -> _Target | str:
    url = environment.get(each.url_variable) or each.url
    if not is_endpoint(url):
        return f"{each.url_variable} is not set" if not url else f"{each.url_variable} is no http(s) address"
    return _Target(url, key, bearer=each.bearer, vendor=True)


def _certificates(environment: Mapping[str, str]) -> tuple[str, ...]:
    named = (environment.get(name, "") for name in _CERTIFICATES)
    return tuple(dict.fromkeys(path for path in named if path and os.path.exists(path)))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
