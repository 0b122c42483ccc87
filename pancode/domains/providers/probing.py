"""Asks model servers for their models, all at once; `python -m` of this reads endpoints and prints answers.

A controller runs it as a process of its own: what HTTP needs is a third of what a controller may weigh.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace

from pancode.domains.providers import listing
from pancode.domains.providers.asking import Endpoint, Found
from pancode.domains.providers.listing import Listed
from pancode.engine import clock
from pancode.engine.http import Http, HttpError, http

CONNECT_S = 0.4
LOCAL_S = 0.8
"""Seconds for all that one server of the operator's own is asked."""
VENDOR_S = 2.5
"""Seconds for a vendor's: TLS and a long way."""
_NO_LIST = "its answer is no list of models"


async def probe(endpoints: Iterable[Endpoint]) -> list[Found]:
    """Ask all of them together; none of them can make the others wait, or fail."""
    groups: dict[tuple[str | None, bool, bool], list[Endpoint]] = {}
    for endpoint in endpoints:
        groups.setdefault((endpoint.proxy, endpoint.is_open, endpoint.local), []).append(endpoint)
    answers = await asyncio.gather(*(_probe_group(group) for group in groups.values()))
    return [found for group in answers for found in group]


async def _probe_group(group: list[Endpoint]) -> list[Found]:
    first = group[0]
    total = LOCAL_S if first.local else VENDOR_S
    connect = CONNECT_S if first.local else total
    async with http(connect, total, first.proxy, tls=not first.is_open) as client:
        return await asyncio.gather(*(_probe_one(client, endpoint, total) for endpoint in group))


async def _probe_one(client: Http, endpoint: Endpoint, seconds: float) -> Found:
    began, at = clock.monotonic(), clock.now()
    models: list[Listed] = []
    error = None
    try:
        async with asyncio.timeout(seconds):
            await _ENGINES[endpoint.engine](client, endpoint, models)
    except TimeoutError:
        error = None if models else f"it doesn't answer within {seconds:g} s"
    except HttpError as why:
        error = str(why)
    took = (clock.monotonic() - began) * 1000
    return Found(provider=endpoint.provider, at=at, took_ms=round(took, 1), models=tuple(models), error=error)


async def _openai(client: Http, endpoint: Endpoint, models: list[Listed]) -> None:
    answer = await client.json(f"{endpoint.url}/models", _bearer(endpoint))
    models += _list(listing.openai_models(answer))


async def _anthropic(client: Http, endpoint: Endpoint, models: list[Listed]) -> None:
    headers = {"anthropic-version": "2023-06-01", "x-api-key": endpoint.key or ""}
    answer = await client.json(f"{endpoint.url}/v1/models?limit=1000", headers)
    models += _list(listing.openai_models(answer))


async def _ollama(client: Http, endpoint: Endpoint, models: list[Listed]) -> None:
    """Ask for the tags, then for each model what it can do: as many as answer in time."""
    root, headers = endpoint.url.removesuffix("/v1"), _bearer(endpoint)
    models += _list(listing.ollama_tags(await client.json(f"{root}/api/tags", headers)))

    async def show(one: Listed) -> None:
        try:
            answer = await client.json(f"{root}/api/show", headers, {"model": one.name})
        except HttpError:
            return
        shown = listing.ollama_shown(one, answer)
        at = models.index(one)
        models[at : at + 1] = [] if shown is None else [shown]

    await asyncio.gather(*(show(one) for one in list(models)))


async def _lmstudio(client: Http, endpoint: Endpoint, models: list[Listed]) -> None:
    """Ask by its own API, which tells of context and tools; an old one has OpenAI's alone."""
    root = endpoint.url.removesuffix("/v1")
    try:
        own = listing.lmstudio_models(await client.json(f"{root}/api/v0/models", _bearer(endpoint)))
    except HttpError as error:
        if "HTTP 4" not in str(error):
            raise
        own = None
    if own is None:
        await _openai(client, endpoint, models)
    else:
        models += own


async def _llamacpp(client: Http, endpoint: Endpoint, models: list[Listed]) -> None:
    """Ask for the model, and for the properties that it is served with."""
    root, headers = endpoint.url.removesuffix("/v1"), _bearer(endpoint)
    answer = await client.json(f"{root}/v1/models", headers)
    models += _list(listing.llamacpp_models(answer, None))
    try:
        props = await client.json(f"{root}/props", headers)
    except HttpError:
        return
    models[:] = _list(listing.llamacpp_models(answer, props))


_ENGINES = {
    "openai": _openai,
    "anthropic": _anthropic,
    "ollama": _ollama,
    "lmstudio": _lmstudio,
    "llamacpp": _llamacpp,
}


def _list(found: list[Listed] | None) -> list[Listed]:
    if found is None:
        raise HttpError(_NO_LIST)
    return found


def _bearer(endpoint: Endpoint) -> dict[str, str]:
    return {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}


def _priced(found: Found, endpoint: Endpoint) -> Found:
    """Add what the price list says of a vendor's models, where the vendor itself says nothing."""
    from pancode.engine.pricelist import facts

    def filled(one: Listed) -> Listed:
        said = facts(one.name, endpoint.provider)
        context = one.facts.context or said.get("context")
        return replace(
            one,
            facts=replace(one.facts, context=context),
            usd_in=said.get("usd_in") if one.usd_in is None else one.usd_in,
            usd_out=said.get("usd_out") if one.usd_out is None else one.usd_out,
        )

    return replace(found, models=tuple(filled(one) for one in found.models))


def main() -> None:
    """Read a list of endpoints as JSON, ask them, and print what was found."""
    endpoints = {row["provider"]: Endpoint(**row) for row in json.load(sys.stdin)}
    found = asyncio.run(probe(endpoints.values()))
    told = [one if endpoints[one.provider].local else _priced(one, endpoints[one.provider]) for one in found]
    json.dump([asdict(one) for one in told], sys.stdout)


if __name__ == "__main__":
    main()
