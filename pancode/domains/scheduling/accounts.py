"""The accounts of live runs: what is reserved, what is settled, and whether one request more still fits.

Pure. For what is shared (a session, a day, a project) each request reserves its worst case beforehand, so
settled and reserved together never exceed the limit, however many ask at once. A run's own limit lets one
request begin as long as anything is left of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pancode.domains.scheduling.amounts import FIGURES, Amount, Figure, Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One live run's: `estimate` was reserved when it was admitted, `calls` are requests under way.

    `counted` is what its ended requests have cost by the gateway's count, `told` what the agent itself says.
    `raised` is what the operator has added to a scope's limit, for this run alone. `tree` is what the run and
    all that it asks for may spend together; `parent` is the run that asks for this one, and `beneath` what
    ended runs that this one asked for, or those asked for, have spent.
    """

    limit: Limit = field(default_factory=Limit)
    estimate: Amount = field(default_factory=Amount)
    counted: Amount = field(default_factory=Amount)
    told: Amount = field(default_factory=Amount)
    calls: Mapping[str, Amount] = field(default_factory=dict)
    raised: Mapping[str, Amount] = field(default_factory=dict)
    tree: Limit = field(default_factory=Limit)
    parent: str | None = None
    beneath: Amount = field(default_factory=Amount)

    @property
    def settled(self) -> Amount:
        """What it has really spent: the larger word counts, as neither invents anything."""
        return self.counted.peak(self.told)

    @property
    def reserved(self) -> Amount:
        """What the requests under way may cost."""
        return total(self.calls.values())

    @property
    def committed(self) -> Amount:
        """What is spent or promised: its requests, and at least what was reserved at the start."""
        return (self.settled + self.reserved).peak(self.estimate)


@dataclass(frozen=True, slots=True)
class Scope:
    """A limit that runs share; `before`: spent by ended runs, and spent or promised in other sessions."""

    name: str
    limit: Limit
    before: Amount = field(default_factory=Amount)


Book: TypeAlias = Mapping[str, Account]
"""The accounts of every live run, by run id."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why something doesn't fit: `held` is spent or promised already, `needs` would come on top.

    `passes`: it would fit once the requests under way have told what they really cost.
    """

    scope: str
    figure: Figure
    limit: int
    held: int
    needs: int
    passes: bool = False


def total(amounts: Iterable[Amount]) -> Amount:
    """Add up."""
    found = Amount()
    for one in amounts:
        found += one
    return found


def committed(book: Book) -> Amount:
    """Give what all live runs have spent or been promised."""
    return total(account.committed for account in book.values())


def lineage(book: Book, run: str) -> list[Account]:
    """Give the accounts of a run, of the run that asks for it, and so on upwards, as far as they live."""
    found: list[Account] = []
    name: str | None = run
    while name is not None and name in book and book[name] not in found:
        found.append(book[name])
        name = book[name].parent
    return found


def spent_by_tree(book: Book, top: Account, *, promised: bool) -> Amount:
    """Give what a run and all that it has asked for have spent, with what their requests may cost."""
    found = Amount()
    for run in book:
        if any(one is top for one in lineage(book, run)):
            account = book[run]
            found += account.settled + account.beneath + (account.reserved if promised else Amount())
    return found


def possible(
    book: Book, scopes: Iterable[Scope], estimate: Amount, limit: Limit, parent: str | None = None
) -> Shortfall | None:
    """Give why one more run can't be started even if those that live needed nothing more."""
    scopes = tuple(scopes)
    if not scopes and parent is None:
        return None  # Nothing is shared that it could use up.
    quiet = {run: replace(account, estimate=Amount(), calls={}) for run, account in book.items()}
    return admit(quiet, scopes, "", estimate, limit, parent=parent)[1]


def admit(
    book: Book,
    scopes: Iterable[Scope],
    run: str,
    estimate: Amount,
    limit: Limit,
    *,
    tree: Limit | None = None,
    parent: str | None = None,
) -> tuple[Book, Shortfall | None]:
    """Open an account for a run that is about to start; unchanged, with the reason, if it doesn't fit."""
    account = Account(limit=limit, estimate=limit.cap(estimate), tree=tree or Limit(), parent=parent)
    after = {**book, run: account}
    if (short := _of_trees(after, run, Amount())) is not None:
        return book, short
    for scope in scopes:
        now = scope.before + committed(book)
        figure = scope.limit.beyond(scope.before + committed(after)) or scope.limit.used_up(now)
        if figure is not None:
            return book, _short(scope.name, figure, scope.limit, now, account.estimate)
    return after, None


def own_limit(account: Account) -> Limit:
    """Give a run's own limit, with what a person has added to it."""
    return account.limit.raised(account.raised.get("run", Amount()))


def reserve(
    book: Book, scopes: Iterable[Scope], run: str, call: str, worst: Amount
) -> tuple[Book, Shortfall | None]:
    """Promise a model request its worst case; unchanged, with the reason, if it doesn't fit.

    KeyError for a run without an account. A request that has its promise already keeps it.
    """
    account = book[run]
    if call in account.calls:
        return book, None
    after = {**book, run: replace(account, calls={**account.calls, call: worst})}
    own = own_limit(account)
    figure = own.used_up(account.settled + account.reserved)
    if figure is not None:
        passes = own.used_up(account.settled) is None
        return book, _short("run", figure, own, account.settled + account.reserved, worst, passes=passes)
    if (short := _of_trees(book, run, worst)) is not None:
        return book, short
    for scope in scopes:
        limit = scope.limit.raised(account.raised.get(scope.name, Amount()))
        figure = limit.beyond(scope.before + committed(after))
        if figure is not None:
            quiet = scope.before + total(one.settled for one in book.values()) + worst
            passes = any(one.calls for one in book.values()) and limit.beyond(quiet) is None
            return book, _short(
                scope.name, figure, limit, scope.before + committed(book), worst, passes=passes
            )
    return after, None


def settle(book: Book, run: str, call: str, cost: Amount) -> Book:
    """Put what a request has really cost in the place of its promise; one without a promise counts too."""
    account = book.get(run)
    if account is None:
        return book
    left = {id_: worst for id_, worst in account.calls.items() if id_ != call}
    return {**book, run: replace(account, counted=account.counted + cost, calls=left)}


def charge(book: Book, run: str, so_far: Amount) -> Book:
    """Take the run's own word for all that it has spent so far; it never takes anything back."""
    account = book.get(run)
    if account is None:
        return book
    told = account.told.peak(so_far)
    return book if told == account.told else {**book, run: replace(account, told=told)}


def raise_limit(book: Book, run: str, scope: str, by: Amount) -> Book:
    """Add to a scope's limit for one run: a person has said yes."""
    account = book.get(run)
    if account is None:
        return book
    more = account.raised.get(scope, Amount()) + by
    return {**book, run: replace(account, raised={**account.raised, scope: more})}


def relimit(book: Book, run: str, limit: Limit) -> Book:
    """Put another limit in the place of a run's own; what a yes has given stays given, and isn't doubled."""
    account = book[run]
    given = account.raised.get("run")
    raised = account.raised
    if given is not None:
        before = account.limit.raised(given)
        left = (_given(one, before, limit, given) for one in FIGURES)
        raised = {**raised, "run": Amount(*left)}
    return {**book, run: replace(account, limit=limit, raised=raised)}


def _given(figure: Figure, before: Limit, limit: Limit, given: Amount) -> int:
    """Give by how much a limit stays raised so that nothing of what was given is taken back."""
    most: int | None = getattr(limit, figure)
    was: int | None = getattr(before, figure)
    by: int = getattr(given, figure)
    return by if not by or most is None or was is None else max(0, was - most)


def close(book: Book, run: str) -> Book:
    """Drop the account of a run that has ended; what it has spent is in the ledger from then on.

    It still counts for the run that asked for it, and so does what the runs do that it has asked for itself.
    """
    ended = book.get(run)
    if ended is None:
        return book
    left = {id_: account for id_, account in book.items() if id_ != run}
    for id_, account in left.items():
        if id_ == ended.parent:
            left[id_] = replace(account, beneath=account.beneath + ended.settled + ended.beneath)
        elif account.parent == run:
            left[id_] = replace(account, parent=ended.parent)
    return left


def reached(book: Book, scopes: Iterable[Scope], run: str) -> Shortfall | None:
    """Give the limit of which nothing is left for this run, counting only what is really spent."""
    account = book[run]
    own = own_limit(account)
    figure = own.used_up(account.settled)
    if figure is not None:
        return _short("run", figure, own, account.settled, Amount())
    for one in lineage(book, run):
        tree = _tree(one, account)
        held = spent_by_tree(book, one, promised=False)
        if (figure := tree.used_up(held)) is not None:
            return _short("tree", figure, tree, held, Amount())
    spent = total(one.settled for one in book.values())
    for scope in scopes:
        limit = scope.limit.raised(account.raised.get(scope.name, Amount()))
        figure = limit.used_up(scope.before + spent)
        if figure is not None:
            return _short(scope.name, figure, limit, scope.before + spent, Amount())
    return None


def _of_trees(book: Book, run: str, needs: Amount) -> Shortfall | None:
    """Give the limit of a tree to which the run belongs, of which nothing is left."""
    for one in lineage(book, run):
        tree = _tree(one, book[run])
        if not tree:
            continue
        held = spent_by_tree(book, one, promised=True)
        if (figure := tree.used_up(held)) is not None:
            passes = tree.used_up(spent_by_tree(book, one, promised=False)) is None
            return _short("tree", figure, tree, held, needs, passes=passes)
    return None


def _tree(top: Account, account: Account) -> Limit:
    """Give the limit of the tree below `top`, with what was added to it for all, and for this run alone."""
    added = total(one.raised.get(scope, Amount()) for one, scope in ((top, "run"), (account, "tree")))
    return top.tree.raised(added)


def _short(
    scope: str, figure: Figure, limit: Limit, held: Amount, needs: Amount, *, passes: bool = False
) -> Shortfall:
    most = getattr(limit, figure)
    return Shortfall(scope, figure, most, getattr(held, figure), getattr(needs, figure), passes)
