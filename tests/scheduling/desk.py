"""A world with money in it: real accounts, ledger and budgets in a directory, facts reduced at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pancode.core import events as ev
from pancode.core.grants import Grant, Level, Mode
from pancode.core.reduce import reduce
from pancode.core.state import World
from pancode.domains.safety.inbox_others import OtherQuestions
from pancode.domains.scheduling.atlimit import AtLimit
from pancode.domains.scheduling.budgetfile import BudgetFiles, kept_raises
from pancode.domains.scheduling.calls import Calls
from pancode.domains.scheduling.ledger import Ledger, day_of
from pancode.domains.scheduling.money import Money
from pancode.domains.scheduling.prices import Prices
from pancode.domains.scheduling.purse import Around, Purse
from pancode.domains.scheduling.receipts import Receipts, Sources
from pancode.domains.scheduling.told import Telling
from pancode.engine.ledgerindex import LedgerIndex
from pancode.engine.places import Places

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)
GATEWAY, WORKER = 1, 2


class Client:
    """The gateway's connection."""

    def __init__(self, pid: int = GATEWAY) -> None:
        self.gone = False
        self.pid: int | None = pid

    async def send(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)


class Desk:
    """One session's money; `home` is shared by all sessions of a user."""

    def __init__(self, home: Path, session: str = "main") -> None:
        self.places = Places("/project", session, str(home), str(home / "run"))
        Path(self.places.runs).mkdir(parents=True, exist_ok=True)
        self.world = World()
        self.posted: list[ev.Event] = []
        self.specs: dict[str, dict[str, Any]] = {}
        self.now = 1_800_000_000.0
        self.index = LedgerIndex(str(home / "ledger.db"))
        self.prices = Prices(str(home), lambda: day_of(self.now), self.note)
        self.notes: list[str] = []
        self.told: list[str] = []
        self.budgets = BudgetFiles(str(home), self.places.state, self.places.project)
        ledger = Ledger(self.places, self.index, self.prices)
        around = Around(
            world=lambda: self.world, post=self.post, now=lambda: self.now,
            spec=lambda run: self.specs.get(run, {}),
            raised=lambda run: kept_raises(f"{self.places.runs}/{run}/budget.json"),
            note=self.note, project=self.places.project, boot="boot",
        )  # fmt: skip
        self.purse = Purse(ledger, self.index, self.budgets, around)
        self.others = OtherQuestions(self.post, lambda: self.now, lambda _: None, session)
        self.limits = AtLimit(self.purse, self.others, lambda run: f"{self.places.runs}/{run}")
        self.calls = Calls(self.purse, self.prices, self.limits, lambda pid: pid == WORKER)
        self.telling = Telling(self.purse, self.index)
        self.receipts = Receipts(self.places, Sources(lambda: "rules", self.purse.settings))
        self.money = Money(
            self.purse, self.telling, self.prices, self.calls, self.limits, self.receipts, self.tell
        )

    def tell(self, sentence: str, about: Mapping[str, Any]) -> None:
        assert about["limits"]
        self.told.append(sentence)

    def note(self, text: str, *_: object) -> None:
        self.notes.append(text)

    def post(self, event: ev.Event) -> None:
        self.posted.append(event)
        before = self.world
        self.world = reduce(before, event)
        run = getattr(event, "run", None)
        if isinstance(event, ev.CallSaid):
            self.money.on_call(event)
        if run is not None and before.runs.get(run) is not self.world.runs.get(run):
            was, now = before.runs.get(run), self.world.runs[run]
            if was is not None and was.is_live and not now.is_live:
                self.limits.on_run(ev.RunChanged(run, ended=True))
                self.others.on_run(ev.RunChanged(run, ended=True))

    def start(self, run: str, budget: dict[str, Any] | None = None, model: str | None = None) -> None:
        """Queue a run, let it work, and open its account."""
        self.specs[run] = {"request": {"budget": budget}, "cwd": "/project"}
        Path(self.places.runs, run).mkdir(exist_ok=True)
        self.post(
            ev.RunQueued(run=run, at=1.0, agent="codex", task="t", model=model, grant=GRANT, runtime="codex")
        )
        self.post(ev.WorkerSaid(run=run, at=1.0, seq=1, record={"kind": "exec", "pid": 7}))
        self.purse.open(self.world.runs[run])

    async def admit(
        self, run: str, call: str, asks: int = 100, most: int = 900, **more: Any
    ) -> Mapping[str, Any]:
        """Ask as the gateway does."""
        args = {"run": run, "call": call, "model": None, "input_estimate": asks, "max_output": most, **more}
        return await self.calls.admit(args, Client())

    def ended(self, run: str, call: str, tokens: int, **more: Any) -> None:
        """Say what the gateway says of a request that has ended."""
        usage = {"input": tokens, "output": 0, "cache_read": None, "cache_write": None, "reasoning": None}
        record = {"kind": "call_ended", "call": call, "ok": True, "usage": usage, "usd": None, **more}
        seq = self.world.runs[run].metered.seq + 1
        self.post(ev.CallSaid(run=run, at=2.0, seq=seq, record=record))

    def stopped(self) -> dict[str, str]:
        """Give which runs were stopped, and why."""
        return {event.run: event.why for event in self.posted if isinstance(event, ev.StopAsked)}
