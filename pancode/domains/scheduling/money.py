"""Connects money with the controller: what it hears, what it is asked, and what it does at a limit."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import PanError
from pancode.core.gates import placed
from pancode.core.host import Args, Asked, Caller, Host, Refusal
from pancode.core.state import Asking, Paused, Run, Working
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.providers.api import Providers
from pancode.domains.safety.api import Announcer, OtherQuestions, RuleFiles, is_worker
from pancode.domains.scheduling.api import Spending
from pancode.domains.scheduling.atlimit import AtLimit
from pancode.domains.scheduling.budgetfile import BudgetFiles, Configured, ScopeName, kept_raises
from pancode.domains.scheduling.calls import PRICELESS, Calls
from pancode.domains.scheduling.charges import Charge
from pancode.domains.scheduling.ledger import Ledger, day_of
from pancode.domains.scheduling.moneyverbs import MoneyVerbs
from pancode.domains.scheduling.prices import Prices
from pancode.domains.scheduling.purse import SPENDING_KINDS, Around, Purse, limit_of_run, words
from pancode.domains.scheduling.receipts import Receipts, Sources
from pancode.domains.scheduling.told import FRESH_S, Telling
from pancode.engine import clock, files
from pancode.engine.ledgerindex import LedgerIndex
from pancode.engine.places import Places
from pancode.engine.tmux.environment import Operator

BREATH_S = 0.05
"""Seconds between what an agent says that it has spent and a look at the limits."""
log = logging.getLogger("pancode")


class Money:
    """Listens: opens, charges and closes accounts, and looks whether anything is left."""

    def __init__(
        self,
        purse: Purse,
        telling: Telling,
        prices: Prices,
        calls: Calls,
        limits: AtLimit,
        receipts: Receipts,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        """Nothing is open until `begin`; `tell` tells a person what needs no answer."""
        self._tell = tell
        self._near: set[str] = set()
        self._warning = False
        self._receipts = receipts
        self._purse = purse
        self._telling = telling
        self._prices = prices
        self._calls = calls
        self._limits = limits
        self._wanted: asyncio.Queue[str] = asyncio.Queue()
        self._closing: set[asyncio.Task[None]] = set()
        self._looking: set[str] = set()
        self._finished: set[str] = set()

    async def begin(self) -> None:
        """Take up what lives and what has ended meanwhile; then look up prices as they are wanted."""
        for run in self._purse.begin():
            log.info("run %s is charged", run)
        for run in self._receipts.missing():
            found = None if run in self._purse.book else self._purse.ledger.of_folder(run)
            if found is not None:
                self._receipt(run, found[0])
        self._telling.forget()
        for run_id in list(self._purse.book):
            self._look_soon(run_id)
        while True:
            await self._prices.learn([await self._wanted.get()])

    def on_queued(self, event: ev.RunQueued) -> None:
        """Have the price at hand of the model that will be used."""
        self._want(event.model)

    def on_said(self, event: ev.WorkerSaid) -> None:
        """Take in what the agent says that it has spent, and that it has finished."""
        kind = event.record.get("kind")
        if kind in SPENDING_KINDS:
            self._take(event.run)
        elif kind == "finished":
            self._finished.add(event.run)

    def on_call(self, event: ev.CallSaid) -> None:
        """Take in what the gateway has counted."""
        if event.record.get("kind") == "call_started":
            self._want(event.record.get("model"))
            return
        self._calls.on_call(event)
        if event.record.get("kind") == "call_ended":
            self._take(event.run)

    def on_run(self, event: ev.RunChanged) -> None:
        """Charge a run that has ended."""
        if not event.ended:
            return
        run = self._run(event.run_id)
        self._limits.on_run(event)
        self._finished.discard(run.id)
        self._calls.forget(run.id)
        if self._prices.known(run.model, run.provider)[1]:
            self._close(run.id)
            return
        task = asyncio.get_running_loop().create_task(self._closed_later(run))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def receipts_written(self, _: Args, __: Caller) -> Mapping[str, object]:
        """Answer when every run that has ended is charged, and has its receipt."""
        while self._closing:
            await asyncio.wait(self._closing)
        return {}

    async def _closed_later(self, run: Run) -> None:
        await self._prices.learn([run.model], run.provider)
        self._close(run.id)

    def _close(self, run: str) -> None:
        charge = self._purse.close(run)
        if charge is not None:
            self._receipt(run, charge)
        self._telling.forget()
        self._calls.wake()
        self._warn_soon()

    def _warn_soon(self) -> None:
        """Look, once a second at most, whether a limit is nearly used; each is told once."""
        if not self._warning:
            self._warning = True
            asyncio.get_running_loop().call_later(FRESH_S, self._warn)

    def _warn(self) -> None:
        self._warning = False
        near = self._telling.near()
        for limit, sentence in near.items():
            if limit not in self._near:
                log.warning("%s", sentence)
                self._tell(sentence, {"budget": sentence, "limits": self._telling.spent()["limits"]})
        self._near = set(near)

    def _receipt(self, run: str, charge: Charge) -> None:
        """Write a run's receipt; where the disk refuses, the next controller will."""
        try:
            self._receipts.write(run, charge)
        except (PanError, OSError) as error:
            log.warning("run %s has no receipt yet: %s", run, error)

    def changed(self) -> None:
        """Look at every limit anew: a person has set one."""
        self._telling.forget()
        self._limits.look_again()
        self._calls.wake()

    def _take(self, run_id: str) -> None:
        run = self._run(run_id)
        if not run.is_live or run_id not in self._purse.book:
            return
        self._purse.take(run)
        self._look_soon(run_id)
        self._warn_soon()

    def _look_soon(self, run: str) -> None:
        """Look whether anything is left, once what is said in the same breath is here: its end, perhaps."""
        if run not in self._looking:
            self._looking.add(run)
            asyncio.get_running_loop().call_later(BREATH_S, self._look, run)

    def _look(self, run_id: str) -> None:
        self._looking.discard(run_id)
        run = self._purse.around.world().runs.get(run_id)
        if run is None or not isinstance(run.state, Working | Asking | Paused) or run_id in self._finished:
            return
        if run.metered.calls:
            return  # Its next request asks by itself, and a run that needs no more of them may finish.
        try:
            short = self._purse.reached(run_id)
        except PanError as error:
            log.warning("the budget of %s can't be held: %s", run_id, error.problem)
            return
        if short is not None:
            self._limits.reached(run, short)

    def _run(self, run: str) -> Run:
        return self._purse.around.world().runs[run]

    def _want(self, model: object) -> None:
        if isinstance(model, str) and not self._prices.known(model)[1]:
            self._wanted.put_nowait(model)

    def check(self, asked: Asked) -> Refusal | None:
        """Refuse a run for which too little is left; a file of budgets that can't be used refuses all."""
        try:
            request = {"budget": asked.budget, "parent": asked.parent}
            own = limit_of_run(request, self._purse.current())
            short = self._purse.fits(asked.agent, asked.model, own, asked.parent)
            blocked = self._purse.prices_nobody(asked.agent, asked.model, own)
        except PanError as error:
            return Refusal("budget", error.problem, error.remedy)
        if short is not None and short.scope == "tree":
            return Refusal("budget", words(short), "the run that asks for this one was given it by --budget")
        if short is not None:
            return Refusal("budget", words(short), f"raise it: pancode budget set {short.scope} AMOUNT")
        return None if blocked is None else Refusal("budget", blocked, PRICELESS)


def register_money(host: Host) -> None:
    """Keep the ledger, hold runs against their budgets, and answer for both."""
    places = host.need(Places)
    index = LedgerIndex(os.path.join(places.home, "ledger.db"))
    prices = Prices(places.home, lambda: day_of(clock.now()), log.warning, _free_by(host))
    configuration = host.need(Configuration)
    configured = partial(_configured, configuration)
    budgets = BudgetFiles(places.home, places.state, places.project, configured)
    purse = Purse(Ledger(places, index, prices), index, budgets, _around(host, places))
    telling = Telling(purse, index)
    limits = AtLimit(purse, host.need(OtherQuestions), lambda run: os.path.join(places.runs, run))
    calls = Calls(purse, prices, limits, lambda pid: is_worker(host.world, pid))
    rules = host.need(RuleFiles)
    receipts = Receipts(places, Sources(lambda: rules.current().digest, purse.settings))
    money = Money(purse, telling, prices, calls, limits, receipts, host.need(Announcer).tell)
    host.provide(Spending, telling)
    host.provide(Purse, purse)
    host.gate(placed("budget", money.check))
    host.on(ev.RunQueued, money.on_queued)
    host.on_record({*SPENDING_KINDS, "finished"}, money.on_said)
    host.on(ev.CallSaid, money.on_call)
    host.on(ev.RunChanged, money.on_run)
    host.on(ev.SettingsChanged, lambda _: money.changed())
    host.background("money", money.begin)
    mine = (purse.ledger.place, places.project)
    verbs = MoneyVerbs(telling, budgets, index, mine, lambda pid: is_worker(host.world, pid), money.changed)
    host.serve("call_admit", calls.admit)
    host.serve("budget", verbs.budget)
    host.serve("budget_set", verbs.set)
    host.serve("cost", verbs.cost)
    host.serve("receipts_written", money.receipts_written)


def _free_by(host: Host) -> Callable[[str, str | None], bool]:
    """Give what says whether a model runs on machines of the operator's alone."""
    providers, operator = host.need(Providers), host.need(Operator)
    return lambda model, provider: providers.costs_nothing(model, operator.current(), provider)


def _configured(configuration: Configuration) -> Configured:
    settings = configuration.current()
    found: dict[ScopeName, tuple[str, str]] = {}
    if settings.budget_ceiling is not None:
        found["session"] = "budget.ceiling", settings.budget_ceiling
    if settings.budget_per_run is not None:
        found["run"] = "budget.perRun", settings.budget_per_run
    return found


def _around(host: Host, places: Places) -> Around:
    def in_folder(run: str, name: str) -> str:
        return os.path.join(places.runs, run, name)

    return Around(
        world=lambda: host.world,
        post=host.post,
        now=clock.now,
        spec=lambda run: files.read_kept(in_folder(run, "spec.json")) or {},
        raised=lambda run: kept_raises(in_folder(run, "budget.json")),
        note=log.warning,
        project=places.project,
        boot=clock.boot(),
    )
