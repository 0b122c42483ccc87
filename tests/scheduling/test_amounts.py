"""Amounts and limits: how they are written, added up and held against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.errors import ExitCode, PanError
from pancode.domains.scheduling.amounts import (
    Amount,
    Limit,
    figure_words,
    limit_from_json,
    limit_words,
    parse_limit,
    to_json,
)

CENT = 10_000_000


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("10usd", Limit(nano=1000 * CENT)),
        ("10 USD", Limit(nano=1000 * CENT)),
        ("$0.5", Limit(nano=50 * CENT)),
        ("$.25 usd", Limit(nano=25 * CENT)),
        ("200k tokens", Limit(tokens=200_000)),
        ("100k", Limit(tokens=100_000)),
        ("1.5M", Limit(tokens=1_500_000)),
        ("500 tokens", Limit(tokens=500)),
        ("30 turns", Limit(turns=30)),
        ("1 turn", Limit(turns=1)),
        ("0.50usd,100k", Limit(nano=50 * CENT, tokens=100_000)),
        ("0usd", Limit(nano=0)),
        ("3usd 2k tokens 5 requests", Limit(nano=300 * CENT, tokens=2000, turns=5)),
    ],
)
def test_a_limit_is_read_as_people_write_it(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "10", "ten usd", "5usd 6usd", "1.5 turns", "-3usd", "5 euro", "1e9usd x", "$5 tokens", "nan", "0.5"],
)
def test_what_is_no_limit_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(PanError) as caught:
        parse_limit(text)
    assert caught.value.code == ExitCode.USAGE
    assert "10usd" in str(caught.value)


@given(
    st.builds(
        Limit,
        nano=st.none() | st.integers(0, 10**13).map(lambda cents: cents * CENT // 100),
        tokens=st.none() | st.integers(0, 10**9),
        turns=st.none() | st.integers(0, 10**6),
    )
)
def test_a_limit_survives_its_way_through_json(limit: Limit) -> None:
    assert limit_from_json(to_json(limit)) == limit


@pytest.mark.parametrize(
    "value", [{"usd": "5"}, {"usd": -1}, {"euro": 1}, [], {"tokens": 1.5}, {"turns": True}, 7]
)
def test_a_broken_limit_is_no_limit(value: object) -> None:
    with pytest.raises(ValueError, match=r"limit|number"):
        limit_from_json(value)


def test_each_figure_is_limited_for_itself() -> None:
    limit = Limit(nano=100, turns=2)
    assert limit.beyond(Amount(100, 10**9, 2)) is None
    assert limit.beyond(Amount(100, 0, 3)) == "turns"
    assert limit.used_up(Amount(99, 0, 1)) is None
    assert limit.used_up(Amount(100, 0, 1)) == "nano"
    assert limit.cap(Amount(500, 500, 1)) == Amount(100, 500, 1)
    assert limit.raised(Amount(1, 1, 1)) == Limit(nano=101, turns=3)
    assert limit.fullness(Amount(50, 0, 2)) == 1.0
    assert not Limit()


def test_words() -> None:
    assert limit_words(Limit(nano=10_000 * CENT, turns=3)) == "$100.00, 3 turns"
    assert figure_words("nano", 1_234_567) == "$0.001235"
