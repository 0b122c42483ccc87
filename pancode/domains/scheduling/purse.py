"""The accounts of this session's live runs, kept current, and held against every limit that is set.

The folders and the world are the truth: a new controller opens the accounts anew from both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import PanError
from pancode.core.state import Queued, Run, World
from pancode.domains.scheduling import accounts
from pancode.domains.scheduling.accounts import Account, Book, Scope, Shortfall
from pancode.domains.scheduling.amounts import FIGURES, Amount, Limit, figure_words, limit_from_json
from pancode.domains.scheduling.budgetfile import BudgetFiles, Budgets, ScopeName
from pancode.domains.scheduling.charges import Charge
from pancode.domains.scheduling.ledger import Ledger, where
from pancode.domains.scheduling.rates import Rates
from pancode.engine.ledgerindex import LedgerIndex

SPENDING_KINDS = frozenset({"usage", "cost", "turn"})
_SHARED: tuple[ScopeName, ...] = ("session", "project", "day")


@dataclass(frozen=True, slots=True)
class Around:
    """What the purse works with: `spec` reads a run's spec.json, `raised` what a person has added to it.

    `boot` names this boot of the machine.
    """

    world: Callable[[], World]
    post: Callable[[ev.Event], None]
    now: Callable[[], float]
    spec: Callable[[str], Mapping[str, Any]]
    raised: Callable[[str], Mapping[str, Amount]]
    note: Callable[[str], None]
    project: str
    boot: str


class Purse:
    """Knows what is spent and promised at this moment; all in the controller's one thread."""

    def __init__(self, ledger: Ledger, spending: LedgerIndex, budgets: BudgetFiles, around: Around) -> None:
        """Begin without accounts."""
        self.ledger = ledger
        self.budgets = budgets
        self.around = around
        self.book: Book = {}
        self._spending = spending
        self._told: dict[str, tuple[int, int, int]] = {}

    def begin(self) -> list[str]:
        """Open the accounts of what lives, and charge what has ended meanwhile; give the runs charged."""
        with self._spending.alone():  # No other session may see what is held here as free.
            kept = self._spending.held(self.ledger.place)
            self._spending.release(self.ledger.place)
            self._told.clear()
            for run in self.around.world().runs.values():
                if run.id in self.book:
                    self._publish(run.id)
                elif run.is_live and not (isinstance(run.state, Queued) and not run.state.cleared):
                    self.open(run, kept.get(run.id))
        # One whose shim has just written its result, which nobody has told yet, is charged when it is told.
        found = [name for name in self.ledger.missing() if name not in self.book]
        for name in found:
            self.ledger.close(name, self.unknown())
        return found

    def start(self, run: Run) -> str | None:
        """Reserve what a run is expected to cost that is about to start; or say why it has to wait."""
        try:
            limit, tree, estimate = self._terms(run)
            with self._spending.alone():
                self.book, short = accounts.admit(
                    self.book, self.scopes(), run.id, estimate, limit, tree=tree, parent=run.parent
                )
                if short is None:
                    self._opened(run)
        except PanError as error:
            self.book = accounts.close(self.book, run.id)
            return error.problem
        if short is not None:
            return f"{words(short)}; some of it is promised to others" if self.book else words(short)
        return None

    def open(self, run: Run, kept: tuple[int, int, int] | None = None) -> None:
        """Open a live run's account; `kept` is what it held before this controller began.

        What it held above what it has spent was promised to its requests under way, and stays so.
        """
        limit, tree, expected = self._terms(run)
        estimate = limit.cap(expected) if kept is None else Amount(*kept)
        promised = Amount() if kept is None else estimate.less(self._known(run))
        calls = {call: Amount() if place else promised for place, call in enumerate(run.metered.inflight)}
        account = Account(limit=limit, estimate=estimate, calls=calls, tree=tree, parent=run.parent)
        if tree:
            account = replace(account, beneath=self.ledger.beneath(run.id, self.unknown()))
        self.book = {**self.book, run.id: account}
        self._opened(run)

    def _terms(self, run: Run) -> tuple[Limit, Limit, Amount]:
        """Give a run's own limit, that of its tree, and what it is expected to cost by itself."""
        budgets = self.settings()
        request = self.around.spec(run.id).get("request") or {}
        expected = self.ledger.estimate(run.agent, run.model, budgets.estimate).amount
        return limit_of_run(request, budgets), tree_limit(request), expected

    def _opened(self, run: Run) -> None:
        for scope, by in self.around.raised(run.id).items():
            self.book = accounts.raise_limit(self.book, run.id, scope, by)
        self.take(run)
        self._publish(run.id)

    def take(self, run: Run) -> None:
        """Take in what a live run is known to have spent so far."""
        self.book = accounts.charge(self.book, run.id, self._known(run))

    def _known(self, run: Run) -> Amount:
        charge = self.ledger.of_run(run, self.rates(run))
        requests = charge.turns or run.metered.calls or 0
        return charge.amount(self.unknown() * requests if charge.nano is None else 0)

    def close(self, run: str) -> Charge | None:
        """Close the account of an ended run, and write down what it has cost; None if it has no result."""
        self.book = accounts.close(self.book, run)
        self._told.pop(run, None)
        return self.ledger.close(run, self.unknown())

    def rates(self, run: Run) -> Rates | None:
        """Give the rates of a run's model, as far as they are known at once."""
        return self.ledger.prices.known(run.model, run.provider)[0]

    def current(self) -> Budgets:
        """Give the budgets in force; PanError CONFIG where their file can't be used."""
        return self.budgets.current()

    def scopes(self) -> list[Scope]:
        """Give the shared limits that are set, each with what counts against it but for live runs here."""
        budgets = self.current()
        return [
            Scope(name, budgets.limits[name], self.before(name)) for name in _SHARED if name in budgets.limits
        ]

    def before(self, scope: str) -> Amount:
        """Give what ended runs have spent in a scope, and what other sessions' live ones hold in it."""
        found = where(self.ledger, scope, self.around.project, self.around.now())
        ended = Amount(*self._spending.charged(found))
        if scope == "session":
            return ended
        project = self.around.project if scope == "project" else None
        return ended + Amount(*self._spending.held_elsewhere(self.ledger.place, self.around.boot, project))

    def fits(self, agent: str, model: str | None, own: Limit, parent: str | None = None) -> Shortfall | None:
        """Give why one more run can't be started, now or when others have told what they cost."""
        estimate = self.ledger.estimate(agent, model, self.current().estimate).amount
        return accounts.possible(self.book, self.scopes(), estimate, own, parent)

    def prices_nobody(self, agent: str, model: str | None, own: Limit) -> str | None:
        """Say why an agent is blocked whose cost nobody knows, where money is limited; None where not.

        What its newest run has told decides, unless its model has a price: the first one may begin.
        """
        budgets = self.current()
        money = own.nano is not None or any(budgets.limit(name).nano is not None for name in _SHARED)
        newest = self._spending.newest(agent) if money and budgets.unknown == "block" else None
        if newest is None or newest[0] is not None:
            return None
        wanted = model or newest[1]
        if self.ledger.prices.rates(wanted) is not None:
            return None
        named = f' with the model "{wanted}"' if wanted else ""
        return f'money is limited, and nobody knows what a run of "{agent}"{named} costs'

    def blocks(self, run: str) -> str | None:
        """Say why a request of unknown cost is blocked; None where it isn't."""
        budgets, account = self.current(), self.book[run]
        money = account.limit.nano is not None or any(budgets.limit(one).nano is not None for one in _SHARED)
        return "money is limited" if money and budgets.unknown == "block" else None

    def reserve(self, run: str, call: str, worst: Amount) -> Shortfall | None:
        """Promise a model request its worst case; nothing changes where it doesn't fit."""
        with self._spending.alone():
            self.book, short = accounts.reserve(self.book, self.scopes(), run, call, worst)
            if short is None:
                self._publish(run)
        return short

    def settle(self, run: str, call: str, cost: Amount) -> None:
        """Put what a request has cost in the place of its promise."""
        self.book = accounts.settle(self.book, run, call, cost)
        self._publish(run)

    def room(self, run: str, short: Shortfall) -> bool:
        """Whether what was in the way is so no longer: the limit is another one, or is gone."""
        if run not in self.book or self.reached(run) is not None:
            return False
        if short.scope == "tree":
            return True
        limits = {scope.name: scope.limit for scope in self.scopes()}
        limits["run"] = accounts.own_limit(self.book[run])
        most = getattr(limits.get(short.scope, Limit()), short.figure)
        return most is None or most > short.limit

    def relimit(self) -> list[str]:
        """Let the budget for every run hold for those that live, too; give those whose limit that changes."""
        specs = {run: self.around.spec(run).get("request") or {} for run in self.book}
        limits = {run: limit_of_run(request, self.settings()) for run, request in specs.items()}
        changed = [run for run, limit in limits.items() if limit != self.book[run].limit]
        for run in changed:
            self.book = accounts.relimit(self.book, run, limits[run])
        return changed

    def raise_limit(self, run: str, scope: str, by: Amount) -> None:
        """Add to a limit for one run: a person has said yes."""
        self.book = accounts.raise_limit(self.book, run, scope, by)

    def reached(self, run: str) -> Shortfall | None:
        """Give the limit of which nothing is left for this run."""
        if run not in self.book:
            return None
        return accounts.reached(self.book, self.scopes(), run)

    def unknown(self) -> int:
        """Give the billionths of a dollar that a model request of unknown cost counts as."""
        budgets = self.settings()
        return budgets.count_as if budgets.unknown == "count-as" else 0

    def settings(self) -> Budgets:
        """Give the budgets in force, and none where their file can't be used: that refuses new runs alone."""
        try:
            return self.current()
        except PanError:
            return Budgets()

    def _publish(self, run: str) -> None:
        """Tell the other sessions what the run holds, where that has changed."""
        account = self.book.get(run)
        if account is None:
            return
        held = account.committed
        figures = (held.nano, held.tokens, held.turns)
        if self._told.get(run) != figures:
            around = self.around
            self._spending.hold(self.ledger.place, run, around.project, around.boot, figures)
            self._told[run] = figures


def limit_of_run(request: Mapping[str, Any], budgets: Budgets) -> Limit:
    """Give a run's own limit: each figure as its request says, else as the budget for every run does.

    What a run asks for another run can only be less.

    >>> limit_of_run({"budget": {"tokens": 9}}, Budgets(limits={"run": Limit(nano=9, tokens=7)}))
    Limit(nano=9, tokens=9, turns=None)
    >>> limit_of_run({"budget": {"tokens": 9}, "parent": "k3f"}, Budgets(limits={"run": Limit(tokens=7)}))
    Limit(nano=None, tokens=7, turns=None)
    """
    asked = tree_limit(request)
    general, figures = budgets.limit("run"), []
    for one in FIGURES:
        mine, theirs = getattr(asked, one), getattr(general, one)
        tighter = request.get("parent") and mine is not None and theirs is not None
        figures.append(min(mine, theirs) if tighter else theirs if mine is None else mine)
    return Limit(*figures)


def tree_limit(request: Mapping[str, Any]) -> Limit:
    """Give what a run and all that it asks for may spend together: what its request says, and no more."""
    try:
        return limit_from_json(request.get("budget"))
    except ValueError:
        return Limit()


def words(short: Shortfall) -> str:
    """Give why something doesn't fit, in words.

    >>> words(Shortfall("session", "tokens", 5000, 4000, 2000))
    "the session's budget of 5k tokens has 1k tokens left, and up to 2k tokens are needed"
    """
    left = max(0, short.limit - short.held)
    limit, rest = figure_words(short.figure, short.limit), figure_words(short.figure, left)
    budget = f"{whose(short.scope)} budget of {limit}"
    if left == 0:
        return f"{budget} is used up"
    needs = figure_words(short.figure, short.needs)
    return f"{budget} has {rest} left, and up to {needs} are needed"


def whose(scope: str) -> str:
    """Give a scope as it stands before the word budget."""
    return f"the {scope}'s"
