"""How budgets and costs are told: to the status, to `pancode budget`, and to `pancode cost`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.core.state import Run
from pancode.domains.scheduling import accounts
from pancode.domains.scheduling.accounts import Account
from pancode.domains.scheduling.amounts import Amount, Limit, to_json, usd_of
from pancode.domains.scheduling.budgetfile import SCOPES, Budgets, policy_json
from pancode.domains.scheduling.charges import NO_MODEL
from pancode.domains.scheduling.ledger import where
from pancode.domains.scheduling.purse import Purse
from pancode.engine import clock
from pancode.engine.ledgerindex import LedgerIndex, Where

WARN_AT = 0.8
"""Share of a limit from which a person is warned."""
FRESH_S = 1.0
"""Seconds for which what other sessions have spent is not asked again, on screens."""
UNKNOWN = "unknown"
BY = ("agent", "model", "day", "run")


class Telling:
    """Tells what is spent and what is left; what ended runs add up to is asked once a second at most."""

    def __init__(self, purse: Purse, index: LedgerIndex) -> None:
        """Tell of `purse`."""
        self._purse = purse
        self._index = index
        self._sums: dict[str, tuple[float, Amount, int, int]] = {}

    def forget(self) -> None:
        """Ask the ledger anew: something has changed."""
        self._sums.clear()

    def spent(self) -> dict[str, Any]:
        """Give the session's budget as the status has it."""
        purse = self._purse
        budgets, problem = self._budgets()
        _, known, unknown = self._ended("session")
        live = [run for run in purse.around.world().runs.values() if run.is_live]
        charges = [purse.ledger.of_run(run, purse.rates(run)) for run in live]
        limits = [self._limit(name, budgets) for name in SCOPES if name != "run" and name in budgets.limits]
        full = [one for one in limits if one["used"] >= WARN_AT]
        return {
            "limit_usd": usd_of(budgets.limit("session").nano),
            "spent_usd": round((usd_of(known + sum(one.nano or 0 for one in charges)) or 0.0), 6),
            "unknown_runs": unknown,
            "limits": limits,
            "used": max((one["used"] for one in limits), default=None),
            "warning": problem or (warning(max(full, key=lambda one: float(one["used"]))) if full else None),
        }

    def _budgets(self) -> tuple[Budgets, str | None]:
        """Give the budgets in force; for screens, a file that can't be used is a sentence."""
        try:
            return self._purse.current(), None
        except PanError as error:
            return Budgets(), error.problem

    def cost(self, run: Run) -> dict[str, Any]:
        """Give what a run has cost so far, and whose figure that is; a command calls no model."""
        charge = self._purse.ledger.of_run(run, self._purse.rates(run))
        return {"usd": None if charge.source == NO_MODEL else usd_of(charge.nano), "source": charge.source}

    def expected(self, agent: str, model: str | None) -> dict[str, Any]:
        """Give what a run of this agent and model is expected to cost."""
        found = self._purse.ledger.estimate(agent, model, self._purse.settings().estimate)
        return {
            "median": to_json(found.median),
            "high": to_json(found.amount),
            "basis": found.basis,
            "told": found.is_told,
            "priced": found.is_priced,
        }

    def rates(self, model: str | None) -> tuple[float, float] | None:
        """Give dollars a token, in and out, where they are known at once."""
        rates, _ = self._purse.ledger.prices.known(model)
        return None if rates is None else (float(rates.input.usd), float(rates.output.usd))

    async def learn(self, models: Iterable[str]) -> None:
        """Look up the rates of these models."""
        await self._purse.ledger.prices.learn(models)

    def near(self) -> dict[str, str]:
        """Give for each limit that is nearly used, by its scope and size, the sentence about it."""
        limits = self.spent()["limits"]
        return {f"{one['scope']} {one['limit']}": warning(one) for one in limits if one["used"] >= WARN_AT}

    def budget(self) -> dict[str, Any]:
        """Give all that `pancode budget` shows."""
        purse = self._purse
        budgets = purse.current()
        self.forget()
        runs = [
            _run(run, purse.book[run.id])
            for run in purse.around.world().runs.values()
            if run.id in purse.book
        ]
        general = budgets.limit("run")
        return {
            "limits": [self._limit(name, budgets) for name in SCOPES if name != "run"],
            "each_run": {"limit": to_json(general), "source": budgets.sources.get("run")},
            "runs": runs,
            "unknown_runs": self._ended("session")[2],
            **policy_json(budgets),
        }

    def _limit(self, scope: Any, budgets: Budgets) -> dict[str, Any]:  # noqa: ANN401 -- a ScopeName
        limit, book = budgets.limit(scope), self._purse.book
        ended = self._ended(scope)[0]
        spent = ended + accounts.total(one.settled for one in book.values())
        promised = accounts.committed(book).less(accounts.total(one.settled for one in book.values()))
        left = limit.raised(Amount()).cap(Amount(*(1 << 62,) * 3)).less(spent + promised)
        known = {one: getattr(limit, one) is not None for one in ("nano", "tokens", "turns")}
        return {
            "scope": scope,
            "limit": to_json(limit),
            "spent": to_json(spent),
            "reserved": to_json(promised),
            "left": to_json(Limit(*(getattr(left, one) if known[one] else None for one in known))),
            "used": round(limit.fullness(spent), 4),
            "source": budgets.sources.get(scope),
        }

    def _ended(self, scope: str) -> tuple[Amount, int, int]:
        """Give what counts against a scope but for the live runs here; what is known of it; unknown runs."""
        now = clock.monotonic()
        kept = self._sums.get(scope)
        if kept is None or now - kept[0] > FRESH_S:
            rows = where(self._purse.ledger, scope, self._purse.around.project, self._purse.around.now())
            kept = (now, self._purse.before(scope), *self._index.known(rows))
            self._sums[scope] = kept
        return kept[1:]


def warning(told: Mapping[str, Any]) -> str:
    """Give the sentence about a limit that is nearly used.

    >>> warning({"scope": "day", "used": 0.834})
    "83 % of the day's budget is used"
    """
    return f"{float(told['used']):.0%} of the {told['scope']}'s budget is used".replace("%", " %", 1)


def _run(run: Run, account: Account) -> dict[str, Any]:
    reserved = account.committed.less(account.settled)
    return {
        "run_id": run.id,
        "agent": run.agent,
        "limit": to_json(account.limit.raised(account.raised.get("run", Amount()))),
        "spent": to_json(account.settled),
        "reserved": to_json(reserved),
        "requests": len(account.calls),
        "raised": {scope: to_json(by) for scope, by in account.raised.items()},
    }


def costs(rows: Iterable[Mapping[str, Any]], by: str | None) -> dict[str, Any]:
    """Add up charges: in all, and for each agent, model, day or run; what nobody knows is counted apart."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    every = list(rows)
    for row in every:
        key = str(row.get(by) or "-") if by else ""
        found.setdefault(key, []).append(row)
    groups = [{by: key, **_added(group)} for key, group in found.items()] if by else []
    return {"total": _added(every), "by": by, "rows": groups}


def _added(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    known = [row for row in rows if row["nano"] is not None]
    sources: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = sources.setdefault(str(row["source"]), {"usd": None, "runs": 0})
        one["runs"] += 1
        if row["nano"] is not None:
            one["usd"] = round((one["usd"] or 0.0) + (usd_of(row["nano"]) or 0.0), 9)
    tokens = [row["tokens"] for row in rows if row["tokens"] is not None]
    turns = [row["turns"] for row in rows if row["turns"] is not None]
    return {
        "usd": round(usd_of(sum(row["nano"] for row in known)) or 0.0, 9) if known else None,
        "tokens": sum(tokens) if tokens else None,
        "turns": sum(turns) if turns else None,
        "runs": len(rows),
        "unknown_runs": len(rows) - len(known),
        "sources": sources,
    }


def chosen(place: str, project: str, scope: str, since: float | None) -> Where:
    """Give which charges `pancode cost` adds up: the session's, the project's, or all."""
    return Where(
        place=place if scope == "session" else None,
        project=project if scope == "project" else None,
        since=since,
    )
