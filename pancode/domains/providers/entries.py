"""The providers there are: panproviders.yaml as it is now, the operator's machines, the built-in ones."""

from __future__ import annotations

from pancode.domains.panconfigure.api import Settings
from pancode.domains.providers.api import Provider
from pancode.domains.providers.loader import Loaded, load
from pancode.domains.providers.machines import on_machines
from pancode.domains.providers.table import BUILT_IN
from pancode.engine import files


class Entries:
    """One panproviders.yaml, read again when it has changed."""

    def __init__(self, path: str) -> None:
        """Read nothing yet."""
        self.path = path
        self._loaded = Loaded()
        self._stamp: object = self

    def loaded(self) -> Loaded:
        """Give what the file says at this moment."""
        stamp = files.stamp(self.path)
        if stamp != self._stamp:
            self._loaded, self._stamp = load(self.path), stamp
        return self._loaded

    def usable(self, settings: Settings) -> tuple[Provider, ...]:
        """Give every usable provider: those of the file, the machines', then the built-in ones."""
        loaded = self.loaded()
        taken = {*loaded.providers, *loaded.off, *loaded.bad}
        others = (*on_machines(settings), *BUILT_IN)
        return (*loaded.providers.values(), *(one for one in others if one.id not in taken))


def named(asked: str, providers: tuple[Provider, ...]) -> Provider | None:
    """Give the provider that the name begins with."""
    first, slash, rest = asked.partition("/")
    return next((one for one in providers if one.id == first), None) if slash and rest else None
