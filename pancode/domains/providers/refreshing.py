"""Asks the providers for their models again, and keeps what they answered."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from pancode.core.errors import PanError
from pancode.domains.providers.api import Provider
from pancode.domains.providers.asking import Endpoint, Found, ask
from pancode.domains.providers.cache import Cache, after, read, write
from pancode.domains.providers.keys import Keys
from pancode.engine import clock
from pancode.engine.proxies import proxy_for

FIRST_PAUSE_S = 0.5
"""Seconds after the session is drawn: nothing here may be in its way."""
LOOK_S = 60.0
CONNECT_S = 0.4
log = logging.getLogger("pancode")


class Refresher:
    """Keeps the cache of one home directory up to date."""

    def __init__(self, home: str, providers: Callable[[], Sequence[Provider]], keys: Keys) -> None:
        """`providers` gives those that there are now."""
        self._home = home
        self._providers = providers
        self._keys = keys

    def refresh(
        self, environment: Mapping[str, str], only: Collection[str] | None = None, *, thorough: bool = False
    ) -> Cache:
        """Ask the providers (or `only` these), keep the answers, and give what is known then.

        Vendors are asked if their key is at hand; `thorough` also runs key commands. PanError ENVIRONMENT if
        the file can't be written, OSError if the process that asks can't run.
        """
        providers = self._providers()
        chosen = [one for one in providers if only is None or one.id in only]
        found = self._printed(chosen, environment) if thorough else []
        endpoints = [made for one in chosen if (made := self._endpoint(one, environment))]
        found += ask(endpoints) if endpoints else []
        with _alone(self._home):
            cache = after(read(self._home), {one.id: one.url for one in providers}, found)
            write(self._home, cache)
        return cache

    def _printed(self, providers: Sequence[Provider], environment: Mapping[str, str]) -> list[Found]:
        """Run the key commands, all at once, and give those providers whose command printed none."""
        asked = [one for one in providers if one.key_command and self._keys.at_once(one, environment) is None]

        def run(one: Provider) -> Found | None:
            began, at = clock.monotonic(), clock.now()
            try:
                self._keys.of(one, environment)
            except PanError as error:
                took = round((clock.monotonic() - began) * 1000, 1)
                return Found(provider=one.id, at=at, took_ms=took, error=error.problem)
            return None

        with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
            return [failed for failed in pool.map(run, asked) if failed is not None]

    def _endpoint(self, one: Provider, environment: Mapping[str, str]) -> Endpoint | None:
        key = self._keys.at_once(one, environment)
        if key is None and (one.needs_key or one.key_command):
            return None
        parts = urlsplit(one.url)
        proxy = None if one.local else proxy_for(environment, parts.scheme, parts.hostname or "")
        return Endpoint(
            provider=one.id, engine=one.engine, url=one.url, local=one.local, key=key, proxy=proxy
        )

    def due(self, environment: Mapping[str, str]) -> set[str]:
        """Give the providers that can be asked and whose answers are missing or too old."""
        cache, now = read(self._home), clock.now()
        return {
            one.id
            for one in self._providers()
            if cache.is_stale(one.id, one.url, now) and self._endpoint(one, environment) is not None
        }

    async def keep_fresh(self, environment: Mapping[str, str]) -> None:
        """Ask what is due, for as long as the session lives; at first also engines that came or went."""
        await clock.pause(FIRST_PAUSE_S)
        changed = await self._came_or_went()
        while True:
            due = self.due(environment) | changed
            if due:
                try:
                    await asyncio.to_thread(self.refresh, environment, due)
                except (OSError, PanError) as error:
                    log.warning("the model providers can't be asked: %s", error)
            changed = set()
            await clock.pause(LOOK_S)

    async def _came_or_went(self) -> set[str]:
        """Give the engines that listen although they didn't answer last time, or the other way round."""
        cache = read(self._home)
        known = [one for one in self._providers() if one.local and one.id in cache.kept]
        listens = await asyncio.gather(*(_listens(one.url) for one in known))
        return {
            one.id
            for one, is_there in zip(known, listens, strict=True)
            if is_there == (cache.kept[one.id].error is not None)
        }


async def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError:  # A timeout among them.
        return False
    writer.close()
    return True


@contextlib.contextmanager
def _alone(home: str) -> Iterator[None]:
    """Let one process at a time read and write the cache."""
    os.makedirs(home, mode=0o700, exist_ok=True)
    with open(os.path.join(home, ".model-cache.lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
