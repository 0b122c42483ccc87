"""Finds a provider's key: in the operator's environment, or by the command that prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.domains.providers.api import Provider
from pancode.engine import clock
from pancode.engine.keycommand import printed_key

KEPT_S = 900.0
"""Seconds that a printed key is kept in memory; it is stored nowhere else."""


class Keys:
    """The keys of the providers; those that a command has printed are kept in memory for a while."""

    def __init__(
        self,
        run: Callable[[tuple[str, ...], Mapping[str, str]], str] = printed_key,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        """`run` runs a key command; `now` gives seconds."""
        self._run = run
        self._now = now
        self._printed: dict[tuple[str, ...], tuple[float, str]] = {}

    def of(self, provider: Provider, environment: Mapping[str, str]) -> str | None:
        """Give the key; None for a provider that needs none. PanError CONFIG says how to give one."""
        found = self.at_once(provider, environment)
        if found is not None:
            return found
        if provider.key_command:
            key = self._run(provider.key_command, environment)
            self._printed[provider.key_command] = (self._now(), key)
            return key
        if not provider.needs_key:
            return None
        names = " or ".join(provider.key_env)
        raise PanError(
            f"{provider.name} needs a key, and {names} is not set",
            remedy=f"export {provider.key_env[0]}, or name a key_env or key_command in panproviders.yaml",
            code=ExitCode.CONFIG,
        )

    def at_once(self, provider: Provider, environment: Mapping[str, str]) -> str | None:
        """Give the key if no command has to be run for it."""
        for name in provider.key_env:
            if key := environment.get(name, "").strip():
                return key
        printed = self._printed.get(provider.key_command)
        if printed is not None and self._now() - printed[0] < KEPT_S:
            return printed[1]
        return None

    def has(self, provider: Provider, environment: Mapping[str, str]) -> bool:
        """Whether calls to the provider can be made, as far as its key goes; no command is run."""
        if not provider.needs_key or provider.key_command:
            return True
        return self.at_once(provider, environment) is not None
