"""The accounts of live runs: many at once never spend more than there is."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pancode.domains.scheduling.accounts import (
    Account,
    Book,
    Scope,
    admit,
    charge,
    close,
    committed,
    raise_limit,
    reached,
    reserve,
    settle,
    total,
)
from pancode.domains.scheduling.amounts import FIGURES, Amount, Limit

SESSION = Limit(nano=1000, tokens=500, turns=40)
DAY = Limit(nano=1500)

amounts = st.builds(Amount, st.integers(0, 300), st.integers(0, 150), st.just(1))


def within(limit: Limit, amount: Amount) -> bool:
    return all(getattr(limit, one) is None or getattr(amount, one) <= getattr(limit, one) for one in FIGURES)


class ManyAtOnce(RuleBasedStateMachine):
    """Runs start, ask for requests and end in any order; each request costs at most what was promised."""

    runs = Bundle("runs")
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.book: Book = {}
        self.ended = Amount()
        self.elsewhere = Amount(nano=200)
        self.number = 0
        self.spent: dict[str, Amount] = {}
        self.limits: dict[str, Limit] = {}
        self.newest: dict[str, tuple[str, Amount]] = {}

    def scopes(self) -> Iterable[Scope]:
        return [Scope("session", SESSION, self.ended), Scope("day", DAY, self.ended + self.elsewhere)]

    @rule(target=runs, estimate=amounts, limit=st.sampled_from([Limit(), Limit(nano=250), Limit(turns=3)]))
    def start(self, estimate: Amount, limit: Limit) -> str:
        self.number += 1
        name = f"r{self.number}"
        before = self.book
        self.book, short = admit(self.book, self.scopes(), name, estimate, limit)
        assert (name in self.book) == (short is None)
        if short is not None:
            assert self.book is before
        else:
            self.spent[name], self.limits[name] = Amount(), limit
        return name

    @rule(target=calls, run=runs, worst=amounts)
    def ask(self, run: str, worst: Amount) -> tuple[str, str, Amount] | None:
        self.number += 1
        if run not in self.book:
            return None
        account, before = self.book[run], self.book
        self.book, short = reserve(self.book, self.scopes(), run, f"c{self.number}", worst)
        if short is not None:
            assert self.book is before
            # Somebody will wake whoever is told to wait: a request is under way.
            assert not short.passes or any(one.calls for one in self.book.values())
            return None
        # A run's own limit lets a request begin only while something is left of it.
        assert account.limit.used_up(account.settled + account.reserved) is None
        self.newest[run] = f"c{self.number}", worst
        return run, f"c{self.number}", worst

    @rule(call=consumes(calls), share=st.integers(0, 100))
    def end_request(self, call: tuple[str, str, Amount] | None, share: int) -> None:
        if call is None or call[0] not in self.book:
            return
        run, name, worst = call
        cost = Amount(worst.nano * share // 100, worst.tokens * share // 100, worst.turns)
        self.book = settle(self.book, run, name, cost)
        self.spent[run] += cost
        if self.newest[run][0] == name:
            self.newest[run] = name, cost
        assert name not in self.book[run].calls

    @rule(run=runs)
    def agent_tells_the_same(self, run: str) -> None:
        if run in self.book:
            self.book = charge(self.book, run, self.spent[run])

    @rule(run=consumes(runs))
    def end(self, run: str) -> None:
        if run not in self.book:
            return
        # Its requests die with it: what they may have cost counts, as nobody has told.
        account = self.book[run]
        self.ended += account.settled + account.reserved
        self.book = close(self.book, run)
        assert run not in self.book

    @invariant()
    def nothing_is_overspent(self) -> None:
        promised = total(account.settled + account.reserved for account in self.book.values())
        assert within(SESSION, self.ended + promised)
        assert within(DAY, self.ended + promised + self.elsewhere)

    @invariant()
    def no_run_is_beyond_its_own_limit_by_more_than_one_request(self) -> None:
        for run, account in self.book.items():
            if run in self.newest:
                without = (account.settled + account.reserved).less(self.newest[run][1])
                assert self.limits[run].used_up(without) is None

    @invariant()
    def what_is_counted_twice_is_spent_once(self) -> None:
        for run, account in self.book.items():
            assert account.settled == self.spent[run]


TestManyAtOnce = ManyAtOnce.TestCase
TestManyAtOnce.settings = settings(max_examples=50, stateful_step_count=30)


def session(limit: Limit) -> list[Scope]:
    return [Scope("session", limit)]


def test_an_estimate_is_held_until_the_run_has_spent_it() -> None:
    book, short = admit({}, session(Limit(nano=100)), "a", Amount(nano=60), Limit())
    assert short is None
    same, short = admit(book, session(Limit(nano=100)), "b", Amount(nano=60), Limit())
    assert short is not None
    assert (short.scope, short.figure, short.limit, short.held, short.needs) == (
        "session",
        "nano",
        100,
        60,
        60,
    )
    assert same is book
    assert committed(charge(book, "a", Amount(nano=70))) == Amount(nano=70)


def test_a_request_waits_where_others_may_leave_room() -> None:
    book: Book = {"a": Account(), "b": Account()}
    book, _ = reserve(book, session(Limit(tokens=100)), "a", "1", Amount(tokens=80))
    _, short = reserve(book, session(Limit(tokens=100)), "b", "2", Amount(tokens=80))
    assert short is not None
    assert short.passes
    book = settle(book, "a", "1", Amount(tokens=30))
    _, short = reserve(book, session(Limit(tokens=100)), "b", "2", Amount(tokens=80))
    assert short is not None
    assert not short.passes
    raised = raise_limit(book, "b", "session", Amount(tokens=25))
    assert reserve(raised, session(Limit(tokens=100)), "b", "2", Amount(tokens=80))[1] is None


def test_a_run_without_the_gateway_has_reached_its_limit_when_nothing_is_left() -> None:
    book: Book = {"a": Account(limit=Limit(tokens=100))}
    assert reached(charge(book, "a", Amount(tokens=99)), [], "a") is None
    short = reached(charge(book, "a", Amount(tokens=120)), [], "a")
    assert short is not None
    assert (short.scope, short.held) == ("run", 120)
    assert reached(charge(book, "a", Amount(tokens=50)), session(Limit(tokens=50)), "a") is not None


def test_what_the_gateway_and_the_agent_count_is_not_added_up() -> None:
    book: Book = {"a": Account()}
    book = settle(charge(book, "a", Amount(tokens=90)), "a", "1", Amount(tokens=100))
    assert book["a"].settled == Amount(tokens=100)
    assert charge(book, "a", Amount(tokens=95)) != book
    assert charge(book, "a", Amount(tokens=95))["a"].settled == Amount(tokens=100)


def test_a_run_that_is_gone_changes_nothing() -> None:
    assert settle({}, "a", "1", Amount(1, 1, 1)) == {}
    assert charge({}, "a", Amount(1, 1, 1)) == {}
    assert raise_limit({}, "a", "run", Amount(1)) == {}
    assert close({}, "a") == {}
