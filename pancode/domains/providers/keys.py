"""Finds a provider's key: in the operator's environment, or by the command that prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pancode.core.errors import ExitCode, PanError
from pancode.core.patience import NotYetError
from pancode.domains.providers.api import Provider
from pancode.engine import clock
from pancode.engine.keycommand import printed_key

if TYPE_CHECKING:
    from asyncio import Task

KEPT_S = 900.0
"""Seconds that a printed key is kept in memory; it is stored nowhere else."""
FAILED_S = 2.0
"""Seconds for which those who waited for a key hear why there is none; then its command is asked again."""


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
        self._failed: dict[tuple[str, ...], tuple[float, PanError]] = {}
        self._asking: dict[tuple[str, ...], Task[None]] = {}

    def of(self, provider: Provider, environment: Mapping[str, str]) -> str | None:
        """Give the key; None for a provider that needs none. PanError CONFIG says how to give one.

        Where an event loop runs it isn't kept waiting for a command: NotYetError, until that has printed.
        """
        found = self.at_once(provider, environment)
        if found is not None:
            return found
        if provider.key_command:
            return self._by_command(provider, environment)
        if not provider.needs_key:
            return None
        names = " or ".join(provider.key_env)
        raise PanError(
            f"{provider.name} needs a key, and {names} is not set",
            remedy=f"export {provider.key_env[0]}, or name a key_env or key_command in panproviders.yaml",
            code=ExitCode.CONFIG,
        )

    def _by_command(self, provider: Provider, environment: Mapping[str, str]) -> str:
        import asyncio

        command = provider.key_command
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._ask(command, environment)
        at, error = self._failed.get(command, (-FAILED_S, None))
        if error is not None and self._now() - at < FAILED_S:
            raise error
        if command not in self._asking:
            self._asking[command] = loop.create_task(self._ask_beside(command, environment))
        asking = self._asking[command]
        raise NotYetError(f"the key of {provider.name} is waited for", lambda: asyncio.wait([asking]))

    async def _ask_beside(self, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
        import asyncio

        try:
            await asyncio.to_thread(self._ask, command, environment)
        except PanError as error:
            self._failed[command] = self._now(), error
        finally:
            del self._asking[command]

    def _ask(self, command: tuple[str, ...], environment: Mapping[str, str]) -> str:
        key = self._run(command, environment)
        self._printed[command] = (self._now(), key)
        return key

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
