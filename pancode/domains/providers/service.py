"""The providers service: the table, the operator's file, and what a model's name resolves to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.api import (
    LOOPBACK,
    Configuration,
    Settings,
    check_key_travels_safely,
    is_endpoint,
)
from pancode.domains.providers.api import Facts, Model, Provider, Role, Slip, Target
from pancode.domains.providers.entries import Entries, named
from pancode.domains.providers.families import known
from pancode.domains.providers.keys import Keys
from pancode.domains.providers.loader import seed
from pancode.domains.providers.models import Models, best
from pancode.domains.providers.refreshing import Refresher
from pancode.domains.providers.table import VENDOR_OF
from pancode.engine.documents import suggestion

ANY_MODEL = "default"
"""What a server is asked for that was named by its address alone; those with one model don't look."""
_VARIABLES: Mapping[Role, str] = {
    "orchestrator": "PANCODE_MODEL",
    "worker": "PANCODE_WORKER_MODEL",
    "scout": "PANCODE_SCOUT_MODEL",
}


class Service:
    """Implements `Providers` for one home directory."""

    def __init__(self, configuration: Configuration, home: str, keys: Keys | None = None) -> None:
        """Seed panproviders.yaml where there is none; it and the cache are read when they are needed."""
        self._configuration = configuration
        self._entries = Entries(seed(home))
        self.home = home
        self.keys = keys or Keys()
        self.known = Models(home)
        self._own: tuple[tuple[object, ...], frozenset[str]] | None = None

    def refresher(self, environment: Mapping[str, str]) -> Refresher:
        """Give what asks the providers again."""
        return Refresher(self.home, lambda: self.all(environment), self.keys)

    def all(self, environment: Mapping[str, str]) -> tuple[Provider, ...]:
        """Give every usable provider: those of the file, the machines', then the built-in ones."""
        return self._entries.usable(self._configuration.read(environment))

    def settings(self, environment: Mapping[str, str]) -> Settings:
        """Give the settings in force for who asks from that environment."""
        return self._configuration.read(environment)

    def models(self, environment: Mapping[str, str]) -> Sequence[Model]:
        """Give every model that some provider has told of, or that the file names."""
        return [model for one in self.all(environment) for model in self.known.of(one)]

    def ready(self, environment: Mapping[str, str]) -> Sequence[Model]:
        """Give the models that can be asked now."""
        return [one for one in self._usable(self.all(environment), environment) if one.error is None]

    def costs_nothing(self, model: str, environment: Mapping[str, str], provider: str | None = None) -> bool:
        """Whether a model of this name runs on machines of the operator's alone."""
        if provider is not None and not self._is_own(provider, environment):
            return False
        stamp = (self.known.cache(), self._entries.loaded(), environment.get("PANCODE_LOCAL_MACHINES"))
        if self._own is None or any(now is not then for now, then in zip(stamp, self._own[0], strict=True)):
            names: dict[bool, set[str]] = {True: set(), False: set()}
            for one in self.models(environment):
                names[one.local] |= {one.name, one.model}
            self._own = stamp, frozenset(names[True] - names[False])
        return model in self._own[1]

    def _is_own(self, provider: str, environment: Mapping[str, str]) -> bool:
        own = [one for one in self.all(environment) if one.local]
        hosts = {urlsplit(one.url).hostname for one in own} | {*LOOPBACK}
        host = (provider.rpartition(":")[0] or provider).strip("[]")
        return host in hosts or any(one.id == provider for one in own)

    def facts(self, model: str) -> Facts:
        """Give what is known of a vendor's model by its name alone."""
        return known(model, Facts(), local=False)

    def slips(self) -> Sequence[Slip]:
        """Give what is wrong in the file."""
        return tuple(self._entries.loaded().slips)

    def resolve(
        self,
        model: str | None,
        environment: Mapping[str, str],
        role: Role = "worker",
        endpoint: str | None = None,
    ) -> Target:
        """Give where calls to the model go."""
        settings = self._configuration.read(environment)
        asked = model or _of_role(role, settings)
        providers = self.all(environment)
        found = None if asked is None else named(asked, providers)
        url = endpoint or (None if found is not None else settings.endpoint)
        if url is not None:
            target = _at(url, asked, settings, environment)
            if endpoint is None and target.key:  # Who names another one gives it a key of its own.
                check_key_travels_safely(url, settings)
            return target
        if asked is None:
            chosen = best(self._usable(providers, environment), role)
            if chosen is None:
                raise _nothing_found(role)
            return self._target(chosen, providers, environment, "no model was named, and it is the best here")
        provider, name, why = self._find(asked, providers, environment)
        return self._target(self.known.one(provider, name), providers, environment, why)

    def _usable(self, providers: tuple[Provider, ...], environment: Mapping[str, str]) -> list[Model]:
        ready = (one for one in providers if self.keys.has(one, environment))
        return [model for one in ready for model in self.known.of(one)]

    def _target(
        self, model: Model, providers: tuple[Provider, ...], environment: Mapping[str, str], why: str
    ) -> Target:
        provider = next(one for one in providers if one.id == model.provider)
        facts = model.facts
        return Target(
            provider=provider.id,
            model=model.model,
            wire=provider.wire,
            url=provider.url,
            key=self.keys.of(provider, environment),
            context=facts.context,
            tools=facts.tools,
            reasoning=facts.reasoning,
            vision=facts.vision,
            tier=facts.tier,
            local=provider.local,
            why=why,
        )

    def _find(
        self, asked: str, providers: tuple[Provider, ...], environment: Mapping[str, str]
    ) -> tuple[Provider, str, str]:
        first, slash, rest = asked.partition("/")
        if slash and (slip := self._entries.loaded().bad.get(first)) is not None:
            raise PanError(
                f'the provider "{first}" has a mistake: {slip.problem}',
                remedy=f"{slip.remedy or 'mend it'}, in {slip.file}:{slip.line}",
                code=ExitCode.CONFIG,
            )
        if (provider := named(asked, providers)) is not None:
            return provider, rest, f"{asked} was named"
        having = [one for one in providers if any(model.model == asked for model in self.known.of(one))]
        ready = [one for one in having if self.keys.has(one, environment)]
        if having:
            chosen = (ready or having)[0]
            return chosen, asked, f"{asked} is a model of {chosen.id}"
        for start, vendor in VENDOR_OF:
            one = next((one for one in providers if one.id == vendor), None)
            if one is not None and asked.startswith(start):
                return one, asked, f"{asked} looks like a model of {vendor}"
        raise self._unknown(asked, providers)

    def _unknown(self, asked: str, providers: tuple[Provider, ...]) -> PanError:
        first, slash, _ = asked.partition("/")
        if slash and first in self._entries.loaded().off:
            return PanError(
                f'the provider "{first}" is switched off',
                remedy=f"take `enabled: false` out of {self._entries.path}",
                code=ExitCode.CONFIG,
            )
        every = [model.model for one in providers for model in self.known.of(one)]
        near = suggestion(first, [one.id for one in providers]) if slash else suggestion(asked, every[:500])
        hint = near if near.startswith("rename") else "write provider/model"
        return PanError(
            f'no provider has a model "{asked}"',
            remedy=f"{hint.replace('rename it to', 'perhaps')}; `pancode models --refresh` lists them",
            code=ExitCode.NOT_FOUND,
        )


def _at(url: str, asked: str | None, settings: Settings, environment: Mapping[str, str]) -> Target:
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
    local = parts.hostname in LOOPBACK
    facts = Facts() if asked is None else known(asked, Facts(), local=True)
    return Target(
        provider=parts.netloc,
        model=asked or ANY_MODEL,
        wire="openai-chat",
        url=url.rstrip("/") if parts.path.strip("/") else f"{url.rstrip('/')}/v1",
        key=key,
        tools=facts.tools,
        reasoning=facts.reasoning,
        vision=facts.vision,
        tier=facts.tier,
        local=local,
        why=f"{url} was named",
    )


def _of_role(role: Role, settings: Settings) -> str | None:
    """Give the model that the environment names for a role; a scout falls back to the worker's."""
    if role == "orchestrator":
        return settings.model
    if role == "scout" and settings.scout_model:
        return settings.scout_model
    return settings.worker_model


def _nothing_found(role: Role) -> PanError:
    return PanError(
        "no model is named, and no provider with one answers",
        remedy=f"--model provider/model, or export {_VARIABLES[role]}; `pancode providers` shows who answers",
        code=ExitCode.NOT_FOUND,
    )
