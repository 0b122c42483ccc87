"""The providers service: the table, the operator's file, and what a model's name resolves to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.api import Configuration, Settings, is_endpoint
from pancode.domains.providers.api import Facts, Provider, Role, Slip, Target
from pancode.domains.providers.keys import Keys
from pancode.domains.providers.loader import Loaded, load, seed
from pancode.domains.providers.table import BUILT_IN, VENDOR_OF
from pancode.engine.documents import suggestion

ANY_MODEL = "default"
"""What a server is asked for that was named by its address alone; those with one model don't look."""


class Service:
    """Implements `Providers` for one home directory."""

    def __init__(self, configuration: Configuration, home: str, keys: Keys | None = None) -> None:
        """Seed panproviders.yaml where there is none; it is read when it is first needed."""
        self._configuration = configuration
        self._path = seed(home)
        self._keys = keys or Keys()
        self._loaded = Loaded()
        self._stamp: object = self

    def all(self) -> Sequence[Provider]:
        """Give every usable provider: those of the file, then the built-in ones."""
        loaded = self._current()
        taken = {*loaded.providers, *loaded.off, *loaded.bad}
        return (*loaded.providers.values(), *(one for one in BUILT_IN if one.id not in taken))

    def slips(self) -> Sequence[Slip]:
        """Give what is wrong in the file."""
        return tuple(self._current().slips)

    def resolve(
        self,
        model: str | None,
        environment: Mapping[str, str],
        role: Role = "worker",
        endpoint: str | None = None,
    ) -> Target:
        """Give where calls to the model go."""
        settings = self._configuration.read(environment)
        asked = model or _of_role(role, settings, environment)
        url = endpoint or (None if asked and self._named(asked) else settings.endpoint)
        if url is not None:
            return self._at(url, asked, settings, environment)
        if asked is None:
            raise self._nothing_named(role)
        provider, name, why = self._find(asked, environment)
        return self._target(provider, name, environment, why)

    def _target(self, provider: Provider, name: str, environment: Mapping[str, str], why: str) -> Target:
        facts = provider.models.get(name, Facts())
        return Target(
            provider=provider.id,
            model=name,
            wire=provider.wire,
            url=provider.url,
            key=self._keys.of(provider, environment),
            context=facts.context,
            tools=facts.tools,
            reasoning=facts.reasoning,
            vision=facts.vision,
            tier=facts.tier,
            local=provider.local,
            why=why,
        )

    def _at(self, url: str, asked: str | None, settings: Settings, environment: Mapping[str, str]) -> Target:
        """Give the target of an address that the operator has chosen, whatever provider that is."""
        if not is_endpoint(url):
            raise PanError(
                f'"{url}" is not an endpoint',
                remedy="give an http:// or https:// URL, such as http://127.0.0.1:8080/v1",
                code=ExitCode.USAGE,
            )
        parts = urlsplit(url)
        variable = settings.endpoint_key_env
        key = environment.get(variable, "").strip() if variable else None
        if variable and not key:
            raise PanError(
                f"the key for {url} comes from {variable}, which is not set",
                remedy=f"export {variable}, or unset PANCODE_ENDPOINT_KEY_ENV if it needs no key",
                code=ExitCode.CONFIG,
            )
        where = url.rstrip("/") if parts.path.strip("/") else f"{url.rstrip('/')}/v1"
        return Target(
            provider=parts.netloc,
            model=asked or ANY_MODEL,
            wire="openai-chat",
            url=where,
            key=key,
            local=parts.hostname in ("localhost", "127.0.0.1", "::1"),
            why=f"{url} was named",
        )

    def _named(self, asked: str) -> Provider | None:
        """Give the provider that the name begins with."""
        first, slash, rest = asked.partition("/")
        return next((one for one in self.all() if one.id == first), None) if slash and rest else None

    def _find(self, asked: str, environment: Mapping[str, str]) -> tuple[Provider, str, str]:
        first, slash, rest = asked.partition("/")
        if slash and (slip := self._current().bad.get(first)) is not None:
            raise PanError(
                f'the provider "{first}" has a mistake: {slip.problem}',
                remedy=f"{slip.remedy or 'mend it'}, in {slip.file}:{slip.line}",
                code=ExitCode.CONFIG,
            )
        if (provider := self._named(asked)) is not None:
            return provider, rest, f"{asked} was named"
        having = [one for one in self.all() if asked in one.models]
        ready = [one for one in having if self._keys.has(one, environment)]
        if having:
            chosen = (ready or having)[0]
            return chosen, asked, f"{asked} is a model of {chosen.id}"
        for start, vendor in VENDOR_OF:
            one = next((one for one in self.all() if one.id == vendor), None)
            if one is not None and asked.startswith(start):
                return one, asked, f"{asked} looks like a model of {vendor}"
        raise self._unknown(asked)

    def _unknown(self, asked: str) -> PanError:
        first, slash, _ = asked.partition("/")
        names = [one.id for one in self.all()]
        if slash and first in self._current().off:
            return PanError(
                f'the provider "{first}" is switched off',
                remedy=f"take `enabled: false` out of {self._path}",
                code=ExitCode.CONFIG,
            )
        return PanError(
            f'no provider has a model "{asked}"',
            remedy=f"{suggestion(first, names)}; write provider/model; `pancode models` lists them",
            code=ExitCode.NOT_FOUND,
        )

    def _nothing_named(self, role: Role) -> PanError:
        variable = {"orchestrator": "PANCODE_MODEL", "scout": "PANCODE_SCOUT_MODEL"}.get(
            role, "PANCODE_WORKER_MODEL"
        )
        return PanError(
            "no model is named, and none is found by itself",
            remedy=f"--model provider/model, or export {variable}; `pancode models` lists them",
            code=ExitCode.NOT_FOUND,
        )

    def _current(self) -> Loaded:
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._loaded, self._stamp = load(self._path), stamp
        return self._loaded


def _of_role(role: Role, settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Give the model that the environment names for a role; a scout falls back to the worker's."""
    if role == "orchestrator":
        return environment.get("PANCODE_MODEL") or None
    if role == "scout" and settings.scout_model:
        return settings.scout_model
    return settings.worker_model


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
