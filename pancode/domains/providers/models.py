"""The models that there are: what the cache holds of each provider, and what the operator's file adds."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pancode.domains.providers.api import RANK, Facts, Model, Provider, Role
from pancode.domains.providers.cache import NAME, Cache, Kept, read
from pancode.domains.providers.families import known
from pancode.domains.providers.listing import Listed

_MILLION = 1_000_000


class Models:
    """The cache of one home directory, read again when it has changed."""

    def __init__(self, home: str) -> None:
        """Read nothing yet."""
        self._home = home
        self._stamp: object = self
        self._cache = Cache(kept={})

    def cache(self) -> Cache:
        """Give what is known at this moment."""
        try:
            found = os.stat(os.path.join(self._home, NAME))
            stamp: object = (found.st_mtime_ns, found.st_ino)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._cache, self._stamp = read(self._home), stamp
        return self._cache

    def of(self, provider: Provider) -> list[Model]:
        """Give the provider's models: those that it has listed, and those that the operator names."""
        kept = self.kept(provider)
        listed = {} if kept is None else {one.name: one for one in kept.models}
        for name in provider.models:
            listed.setdefault(name, Listed(name=name))
        return [_model(provider, kept, one) for one in listed.values()]

    def kept(self, provider: Provider) -> Kept | None:
        """Give what the cache knows of the provider at its address."""
        kept = self.cache().kept.get(provider.id)
        return kept if kept is not None and kept.url == provider.url else None

    def one(self, provider: Provider, name: str) -> Model:
        """Give a model of the provider, listed or not."""
        known_ones = (one for one in self.of(provider) if one.model == name)
        return next(known_ones, None) or _model(provider, self.kept(provider), Listed(name=name))


def _model(provider: Provider, kept: Kept | None, one: Listed) -> Model:
    own: Facts | None = provider.models.get(one.name)
    return Model(
        provider=provider.id,
        model=one.name,
        facts=known(one.name, one.facts, local=provider.local, size=one.size, own=own),
        local=provider.local,
        size=one.size,
        usd_in=0.0 if provider.local else _per_million(one.usd_in),
        usd_out=0.0 if provider.local else _per_million(one.usd_out),
        error=None if kept is None else kept.error,
        took_ms=None if kept is None else kept.took_ms,
    )


def _per_million(usd: float | None) -> float | None:
    return None if usd is None else round(usd * _MILLION, 6)


def best(models: Iterable[Model], role: Role) -> Model | None:
    """Give the model to take where nobody has named one: it answers, calls tools, costs nothing.

    An orchestrator and workers get the most capable tier, a scout the least; of a tier the cheapest, and
    of those the largest.
    """
    usable = [one for one in models if one.error is None and one.facts.tools is not False]

    def merit(one: Model) -> tuple[object, ...]:
        tier = RANK[one.facts.tier or "mid"]
        price = 1e9 if one.usd_out is None else one.usd_out
        return (
            one.facts.tools is None,
            not one.local,
            tier if role == "scout" else -tier,
            price,
            -(one.size or 0.0),
            one.name,
        )

    return min(usable, key=merit, default=None)
