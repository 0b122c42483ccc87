"""Which models the operator's own settings reach: what projects and workers may choose among."""

from __future__ import annotations

import os

from pancode.domains.panconfigure.api import Settings
from pancode.domains.providers.api import Provider
from pancode.domains.providers.entries import Entries, named
from pancode.domains.providers.loader import NAME
from pancode.domains.providers.models import Models
from pancode.domains.providers.table import VENDOR_OF


class OwnReach:
    """Implements `Reach` for one home directory."""

    def __init__(self, home: str) -> None:
        """Read nothing yet."""
        self._entries = Entries(os.path.join(home, NAME))
        self._known = Models(home)

    def too_far(self, model: str, own: Settings, who: str) -> str | None:
        """Say why `who` may not choose the model; None: what the operator has named reaches it."""
        providers = self._entries.usable(own)
        reached = {one.id for one in providers if one.local or one.source != "built-in"}
        for mine in (own.model, own.worker_model, own.scout_model):
            goes_to = self._receivers(mine, own, providers) if mine else set()
            # A bare name that several have says of none that it is meant.
            reached |= goes_to if len(goes_to) == 1 else set()
        far = sorted(self._receivers(model, own, providers) - reached)
        if not far:
            return None
        return (
            f'{who} can\'t choose "{model}": nothing of yours names the provider {far[0]}; name a model '
            f"of it in your own settings, or list it in {NAME}"
        )

    def _receivers(self, model: str, own: Settings, providers: tuple[Provider, ...]) -> set[str]:
        """Give the providers that may get calls for the name; empty: the endpoint, or an agent CLI's own."""
        known = named(model, providers)
        if known is not None:
            return {known.id}
        if own.endpoint is not None:
            return set()
        having = {one.id for one in providers if any(each.model == model for each in self._known.of(one))}
        if having:
            return having
        first, slash, _ = model.partition("/")
        if slash:  # As agents for many vendors name them, which PanCode needn't know.
            return {first}
        return {vendor for start, vendor in VENDOR_OF if model.startswith(start)}
