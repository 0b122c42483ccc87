"""`call_admit`: the gateway asks before each model request, and gets its yes once the worst case is reserved.

A request that only fits when others have told what they really cost waits for that; one that doesn't fit
at all is a question for a person, or the end of its run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.domains.scheduling.accounts import Shortfall
from pancode.domains.scheduling.amounts import Amount, nano_of
from pancode.domains.scheduling.budgetfile import Budgets
from pancode.domains.scheduling.charges import tokens_of
from pancode.domains.scheduling.prices import Prices
from pancode.domains.scheduling.purse import Purse, words
from pancode.domains.scheduling.rates import Rates, price, told_rates

OUTPUT = 32_000
"""Tokens that a request which names no maximum is taken to be answered with at most."""
LOOK_S = 1.0
"""Seconds after which a request that waits looks whether its client is still there."""
PRICELESS = "name its price in panprices.yaml, or: pancode budget set unknown allow (or count-as 0.02usd)"
REMEDY = "pancode budget; pancode budget set SCOPE AMOUNT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A model request that asks to begin; `rates` None: nobody knows what it costs."""

    run: str
    call: str
    model: str | None
    input: int
    output: int
    rates: Rates | None

    def worst(self, budgets: Budgets) -> Amount:
        """Give what it costs at most; one of unknown cost counts as the budgets say."""
        usage = {"input": self.input, "output": self.output}
        nano = None if self.rates is None else price(_dearest(self.rates), usage)
        unknown = budgets.count_as if budgets.unknown == "count-as" else 0
        return Amount(unknown if nano is None else nano, self.input + self.output, 1)


class Limits(Protocol):
    """What is done where a request doesn't fit."""

    async def ask(self, wanted: Wanted, short: Shortfall) -> bool:
        """Ask a person to raise the limit; whether it was raised. Where it wasn't, the run is stopped."""

    def stop(self, run: str, why: str) -> None:
        """End a run."""


class Calls:
    """Admits model requests and settles them; all in the controller's one thread."""

    def __init__(
        self, purse: Purse, prices: Prices, limits: Limits, is_worker: Callable[[int | None], bool]
    ) -> None:
        """`limits` knows what is done where a request doesn't fit."""
        self._purse = purse
        self._prices = prices
        self._limits = limits
        self._is_worker = is_worker
        self._rates: dict[tuple[str, str], Rates | None] = {}
        self._waiting: set[tuple[str, str]] = set()
        self._changed = asyncio.Event()

    async def admit(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Answer {"allow": true, "rates": ...} or {"allow": false, "why", "remedy"}; it may take minutes."""
        if self._is_worker(caller.pid):
            raise PanError("only the gateway asks for this", code=ExitCode.REFUSED)
        wanted = await self._wanted(args)
        self._waiting.add((wanted.run, wanted.call))
        try:
            return await self._admitted(wanted, caller)
        finally:
            self._waiting.discard((wanted.run, wanted.call))

    async def _admitted(self, wanted: Wanted, caller: Caller) -> Mapping[str, Any]:
        while not caller.gone and (wanted.run, wanted.call) in self._waiting:
            if wanted.run not in self._purse.book:
                return _no(f"run {wanted.run} has ended", "")
            try:
                blocked = self._purse.blocks(wanted.run) if wanted.rates is None else None
                short = None if blocked else self._purse.reserve(wanted.run, wanted.call, self._worst(wanted))
            except PanError as error:
                return _no(error.problem, error.remedy or REMEDY)
            if blocked:
                why = f'{blocked}, and the model "{wanted.model}" has no price'
                self._limits.stop(wanted.run, why)
                return _no(why, PRICELESS)
            if short is None:
                self._rates[wanted.run, wanted.call] = wanted.rates
                told = None if wanted.rates is None else told_rates(wanted.rates, wanted.input)
                return {"allow": True, "rates": told}
            if short.passes:
                await self._until_changed()
            elif not await self._limits.ask(wanted, short):
                return _no(words(short), REMEDY)
        return _no("nobody waits for it any more", "")

    def on_call(self, event: ev.CallSaid) -> None:
        """Settle a request that has ended, or was refused elsewhere."""
        kind, call = event.record.get("kind"), str(event.record.get("call"))
        if kind not in ("call_ended", "call_refused"):
            return
        self._waiting.discard((event.run, call))
        rates = self._rates.pop((event.run, call), None)
        self._purse.settle(event.run, call, self._cost(event.run, call, event.record, rates))
        self.wake()

    def forget(self, run: str) -> None:
        """Let go of the rates of requests that an ended run has left open."""
        for one in [one for one in self._rates if one[0] == run]:
            del self._rates[one]

    def wake(self) -> None:
        """Let those that wait look again: something was settled, closed or raised."""
        self._changed.set()

    def _worst(self, wanted: Wanted) -> Amount:
        return wanted.worst(self._purse.current())

    async def _wanted(self, args: Args) -> Wanted:
        run, call, model = args.get("run"), args.get("call"), args.get("model")
        asks, answer = args.get("input_estimate"), args.get("max_output")
        if not isinstance(run, str) or not isinstance(call, str) or not isinstance(asks, int) or asks < 0:
            raise PanError('"run", "call" and "input_estimate" are needed', code=ExitCode.USAGE)
        named = model if isinstance(model, str) and model else None
        live = self._purse.around.world().runs.get(run)
        provider = None if live is None else live.provider
        await self._prices.learn([named], provider)
        most = answer if isinstance(answer, int) and answer > 0 else OUTPUT
        rates, _ = self._prices.known(named, provider)
        return Wanted(run=run, call=call, model=named, input=asks, output=most, rates=rates)

    def _cost(self, run: str, call: str, record: Mapping[str, Any], rates: Rates | None) -> Amount:
        """Give what an ended request has cost; where it was answered and nobody counted, its worst case."""
        if record.get("kind") == "call_refused":
            return Amount()
        account, usage = self._purse.book.get(run), record.get("usage")
        tokens = tokens_of(usage) if isinstance(usage, Mapping) else None
        worst = account.calls.get(call, Amount(turns=1)) if account else Amount(turns=1)
        if tokens is None:
            return worst if record.get("ok") else Amount(turns=1)
        if isinstance(usage, Mapping) and usage.get("output") is None and record.get("estimate"):
            return worst.peak(Amount(0, tokens, 1))  # The gateway was killed while it was answered.
        usd = record.get("usd")
        nano = nano_of(float(usd)) if isinstance(usd, int | float) else None
        if nano is None and rates is not None and isinstance(usage, Mapping):
            nano = price(rates, usage)
        return Amount(self._purse.unknown() if nano is None else nano, tokens, 1)

    async def _until_changed(self) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), LOOK_S)
        except TimeoutError:
            return


def _dearest(rates: Rates) -> Rates:
    """Give the rates at which input that is not read from a cache may cost most: written to it, say."""
    write = rates.cache_write
    dearer = write if write is not None and write.usd > rates.input.usd else rates.input
    return Rates(source=rates.source, input=dearer, output=rates.output)


def _no(why: str, remedy: str) -> dict[str, Any]:
    return {"allow": False, "why": why, "remedy": remedy}
