"""The providers and their models as JSON: for the socket, and for `--json` (docs/providers.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pancode.domains.providers.api import Model, Provider
from pancode.domains.providers.cache import Kept
from pancode.domains.providers.service import Service


def models(service: Service, environment: Mapping[str, str]) -> dict[str, Any]:
    """Give every model that is known, sorted by its name, and what is wrong in panproviders.yaml."""
    rows = sorted(service.models(environment), key=lambda one: (not one.local, one.provider, one.model))
    return {"models": [_model(one) for one in rows], "mistakes": _mistakes(service)}


def providers(service: Service, environment: Mapping[str, str]) -> dict[str, Any]:
    """Give every provider with its key's place, its health and how many models it has."""
    rows = [_provider(service, one, environment) for one in service.all(environment)]
    return {"providers": rows, "mistakes": _mistakes(service)}


def _model(one: Model) -> dict[str, Any]:
    return {
        "name": one.name,
        "provider": one.provider,
        "model": one.model,
        **asdict(one.facts),
        "size_b": one.size,
        "local": one.local,
        "usd_in": one.usd_in,
        "usd_out": one.usd_out,
        "error": one.error,
    }


def _provider(service: Service, one: Provider, environment: Mapping[str, str]) -> dict[str, Any]:
    kept = service.known.kept(one)
    return {
        "id": one.id,
        "name": one.name,
        "source": one.source,
        "url": one.url,
        "wire": one.wire,
        "engine": one.engine,
        "local": one.local,
        "key": _key(one, environment),
        "state": _state(service, one, kept, environment),
        "error": None if kept is None else kept.error,
        "failures": 0 if kept is None else kept.failures,
        "took_ms": None if kept is None else kept.took_ms,
        "asked_at": None if kept is None else kept.asked_at,
        "fetched_at": None if kept is None else kept.fetched_at,
        "models": len(service.known.of(one)),
    }


def _key(one: Provider, environment: Mapping[str, str]) -> str | None:
    """Say where the key comes from; None: none is needed."""
    if one.key_command:
        return "command"
    if not one.key_env:
        return None
    name = next((name for name in one.key_env if environment.get(name)), None)
    return f"{name} is set" if name else f"{' or '.join(one.key_env)} is not set"


def _state(service: Service, one: Provider, kept: Kept | None, environment: Mapping[str, str]) -> str:
    if not service.keys.has(one, environment):
        return "no key"
    if kept is None:
        return "not asked"
    return "answers" if kept.error is None else "fails"


def _mistakes(service: Service) -> list[dict[str, Any]]:
    return [asdict(slip) for slip in service.slips()]
