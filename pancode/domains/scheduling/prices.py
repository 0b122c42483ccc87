"""Finds what a model costs: in the user's table, and in the price list; what nobody knows stays unknown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.scheduling.pricetable import NAME, PriceTable, read_table
from pancode.domains.scheduling.rates import Rate, Rates, rates_from_json
from pancode.engine import files, pricelist
from pancode.version import __version__

NOTHING = Rates(source="a machine of yours", input=Rate(Decimal(0)), output=Rate(Decimal(0)))
MOST_KEPT = 500
"""Models whose rates are kept in the file."""


class Prices:
    """The rates of models. What the price list has said is kept in a file for a day, in `home`."""

    def __init__(
        self,
        home: str,
        today: Callable[[], str],
        note: Callable[[str], None],
        free: Callable[[str, str | None], bool] = lambda _, __: False,
    ) -> None:
        """Read nothing yet; `today` gives the date, `note` is told of a table that can't be used.

        `free` says of a model, and of the provider that a run's calls go to (None: nobody knows), whether it
        runs on machines of the operator's alone.
        """
        self._free = free
        self._table_path = os.path.join(home, NAME)
        self._kept_path = os.path.join(home, "cache", "prices.json")
        self._today = today
        self._note = note
        self._stamp: tuple[int, int] | None = None
        self._table = PriceTable()
        self._kept: dict[str, Any] | None = None
        self._kept_for = ""
        self._looking = asyncio.Lock()

    def known(self, model: str | None, provider: str | None = None) -> tuple[Rates | None, bool]:
        """Give the rates that are known at once, and whether that is all that can be known.

        `provider` is whom the calls go to, as runs have it; None: by the model's name alone. A row of the
        user's that says `override` comes first, then the list, then the user's others. What runs on machines
        of the user's alone costs nothing, unless a row says otherwise.
        """
        if not model:
            return None, True
        own = self._own().find(model)
        if own is not None and own.overrides:
            return own, True
        if own is None and self._free(model, provider):
            return NOTHING, True
        listed = self._listed()
        if model in listed:
            return rates_from_json(listed[model]) or own, True
        return own, False

    def rates(self, model: str | None, provider: str | None = None) -> Rates | None:
        """Give the rates of a model, looking into the price list where nobody has yet (half a second)."""
        rates, is_all = self.known(model, provider)
        if not is_all and model:
            self._keep(self._looked_up([model]))
            rates, _ = self.known(model, provider)
        return rates

    async def learn(self, models: Iterable[str | None], provider: str | None = None) -> None:
        """Look up the rates of these models, beside everything else, so that they are known at once."""
        wanted = [model for model in dict.fromkeys(models) if model and not self.known(model, provider)[1]]
        if not wanted:
            return
        async with self._looking:  # Many requests for one new model need one look.
            if new := [model for model in wanted if not self.known(model, provider)[1]]:
                self._keep(await asyncio.to_thread(self._looked_up, new))

    def check(self) -> None:
        """Raise PanError CONFIG if the user's table has a mistake."""
        read_table(self._table_path)

    def _own(self) -> PriceTable:
        try:
            found = os.stat(self._table_path)
        except OSError:
            return PriceTable()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._table = read_table(self._table_path)
            except PanError as error:
                self._table = PriceTable()
                self._note(f"no price of yours counts until it is mended: {error}")
        return self._table

    def _listed(self) -> Mapping[str, Any]:
        key = f"{__version__} {self._today()}"
        if self._kept is None or self._kept_for != key:
            found = files.read_json(self._kept_path) or {}
            models = found.get("models")
            is_ours = found.get("for") == key and isinstance(models, dict)
            self._kept, self._kept_for = models if is_ours and isinstance(models, dict) else {}, key
        return self._kept

    def _looked_up(self, models: list[str]) -> dict[str, Any]:
        try:
            return dict(pricelist.look_up(models))
        except (OSError, ValueError) as error:
            self._note(f"no prices from the list: {error}")
            return {}

    def _keep(self, found: dict[str, Any]) -> None:
        kept = {**self._listed(), **found}
        self._kept = dict(list(kept.items())[-MOST_KEPT:])
        try:
            os.makedirs(os.path.dirname(self._kept_path), mode=0o700, exist_ok=True)
            files.write_json(self._kept_path, {"for": self._kept_for, "models": self._kept})
        except (OSError, PanError) as error:
            self._note(f"prices are not kept: {error}")
