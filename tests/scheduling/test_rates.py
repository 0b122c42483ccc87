"""What tokens cost, by whose word; the table of the user and the list that is shipped."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.scheduling.charges import AGENT, UNKNOWN, Charge, charge_of, differences
from pancode.domains.scheduling.prices import Prices
from pancode.domains.scheduling.pricetable import read_table
from pancode.domains.scheduling.rates import USER, Rate, Rates, price, rates_from_json

SONNET = Rates(
    source="list 1",
    input=Rate(Decimal("0.000003"), ((200_000, Decimal("0.000006")),)),
    output=Rate(Decimal("0.000015")),
    cache_read=Rate(Decimal("0.0000003")),
    cache_write=Rate(Decimal("0.00000375")),
)
BARE = Rates(source=USER, input=Rate(Decimal("0.000001")), output=Rate(Decimal("0.000002")))
DOLLAR = 1_000_000_000


@pytest.mark.parametrize(
    ("usage", "requests", "nano"),
    [
        ({"input": 1_000_000, "output": 0}, 10, 3 * DOLLAR),
        ({"input": 1_000_000, "output": 0}, 1, 6 * DOLLAR),  # one request of a million is in the upper tier
        (
            {"input": 0, "output": 1_000_000, "reasoning": 900_000},
            1,
            15 * DOLLAR,
        ),  # reasoning is in the output
        ({"input": 0, "output": 0, "cache_read": 100_000}, 1, DOLLAR * 3 // 100),
        ({"input": 0, "output": 0, "cache_write": 100_000}, 1, DOLLAR * 375 // 1000),
        ({"input": 1, "output": 1, "cache_read": None}, 1, 18_000),
        ({"input": None, "output": 5}, 1, None),
        ({"output": 5}, 1, None),
        ({}, 1, None),
    ],
)
def test_a_price_counts_each_kind_of_token_by_its_rate(
    usage: dict[str, int], requests: int, nano: int | None
) -> None:
    assert price(SONNET, usage, requests) == nano


def test_the_cache_costs_what_input_costs_where_no_rate_is_told() -> None:
    assert price(BARE, {"input": 1, "output": 1, "cache_read": 2, "cache_write": 3}) == 8_000


def test_a_part_of_a_billionth_is_rounded_up() -> None:
    tiny = Rates(source=USER, input=Rate(Decimal("0.0000000001")), output=Rate(Decimal(0)))
    assert price(tiny, {"input": 1, "output": 0}) == 1


TOLD = {"input": 10, "output": 5, "turns": 2}
SEEN = {"input": 12, "output": 6, "calls": 3}


@pytest.mark.parametrize(
    ("told", "usd", "seen", "rates", "charge"),
    [
        (TOLD, 0.5, None, SONNET, Charge(DOLLAR // 2, 15, 2, AGENT, AGENT)),
        (TOLD, None, None, SONNET, Charge(105_000, 15, 2, "list 1", AGENT)),
        (TOLD, None, None, None, Charge(None, 15, 2, UNKNOWN, AGENT)),
        # An agent that says 0 for a model that it has no price for has said nothing.
        (TOLD, 0.0, None, None, Charge(None, 15, 2, UNKNOWN, AGENT)),
        ({}, None, None, SONNET, Charge(None, None, None, UNKNOWN, UNKNOWN)),
        (
            {},
            None,
            {**SEEN, "usd": 0.25, "usd_source": "list 1"},
            None,
            Charge(DOLLAR // 4, 18, 3, "list 1", "gateway"),
        ),
        (TOLD, None, SEEN, BARE, Charge(24_000, 18, 3, USER, "gateway")),
        # The gateway has seen only a part: the larger count holds.
        (TOLD, None, {"input": 1, "output": 1, "calls": 1}, BARE, Charge(20_000, 15, 1, USER, AGENT)),
    ],
)
def test_whose_figures_count(
    told: dict[str, int], usd: float | None, seen: dict[str, object], rates: Rates | None, charge: Charge
) -> None:
    assert charge_of(told, usd, seen, rates) == charge


def test_a_row_of_the_users_can_come_before_the_agents_own_figure() -> None:
    mine = Rates(source=USER, input=BARE.input, output=BARE.output, overrides=True)
    assert charge_of(TOLD, 0.5, None, mine) == Charge(20_000, 15, 2, USER, AGENT)


def test_what_gateway_and_agent_say_is_compared_figure_by_figure() -> None:
    assert differences(TOLD, None) is None
    found = differences(TOLD, SEEN)
    assert found is not None
    assert found["agree"] is False
    assert found["figures"]["input"] == {"agent": 10, "gateway": 12}
    same = differences(TOLD, {**TOLD, "calls": 1})
    assert same is not None
    assert same["agree"] is True


def table(tmp_path: Path, text: str) -> str:
    path = tmp_path / "panprices.yaml"
    path.write_text(text)
    return str(path)


def test_the_users_table_is_in_dollars_for_a_million(tmp_path: Path) -> None:
    found = read_table(
        table(tmp_path, "models:\n  our/*: {input: 1, output: 4}\n  our/big: {input: 2, output: 8}\n")
    )
    rates = [found.find(name) for name in ("our/small", "our/big", "other")]
    usage = {"input": 1_000_000, "output": 0}
    assert [one and price(one, usage) for one in rates] == [DOLLAR, 2 * DOLLAR, None]


def test_every_mistake_in_the_table_is_named_with_its_line(tmp_path: Path) -> None:
    path = table(
        tmp_path, "models:\n  a: {input: 1}\n  b:\n    input: much\n    output: 1\n    inpt: 2\nmodel: 1\n"
    )
    with pytest.raises(PanError) as caught:
        read_table(path)
    assert caught.value.code == ExitCode.CONFIG
    told = str(caught.value)
    assert f'{path}:2: the model "a" has no "output"' in told
    assert f'{path}:4: "input" is "much"' in told
    assert f'{path}:6: there is no key "inpt"' in told
    assert f'{path}:7: there is no key "model"' in told


def test_prices_come_from_the_list_that_was_shipped_and_are_kept_for_a_day(tmp_path: Path) -> None:
    days, notes = ["2026-01-01"], list[str]()
    prices = Prices(str(tmp_path), lambda: days[-1], notes.append)
    assert prices.known("claude-sonnet-4-5") == (None, False)
    found = prices.rates("claude-sonnet-4-5")
    assert found is not None
    assert found.source.startswith("genai-prices ")
    assert found.output.usd > found.input.usd > (found.cache_read or found.input).usd > 0
    assert Prices(str(tmp_path), lambda: days[-1], notes.append).known("claude-sonnet-4-5") == (found, True)
    days.append("2026-01-02")
    assert prices.known("claude-sonnet-4-5") == (None, False)
    assert notes == []


def test_a_model_of_the_users_own_has_the_price_that_he_says(tmp_path: Path) -> None:
    table(
        tmp_path,
        "models:\n  scripted: {input: 1, output: 2}\n  gpt-5: {input: 9, output: 9, override: true}\n",
    )
    notes = list[str]()
    prices = Prices(str(tmp_path), lambda: "2026-01-01", notes.append)
    assert prices.known("gpt-5")[1]  # No list is looked into for a row that comes before it.
    mine = prices.rates("scripted")
    assert (mine or SONNET).source == USER
    assert prices.rates("nobody-knows-this") is None
    table(tmp_path, "models: [")
    assert prices.rates("scripted") is None
    assert "panprices.yaml:" in notes[-1]


def test_rates_that_are_none_are_not_read() -> None:
    assert rates_from_json(None) is None
    assert rates_from_json({"input": {"usd": "x"}}) is None
    assert rates_from_json({"source": "s", "input": {"usd": "1"}}) is None


def test_what_runs_on_a_machine_of_the_users_costs_nothing_unless_a_row_says_so(
    tmp_path: Path,
) -> None:
    def refuse(words: str) -> None:
        raise AssertionError(words)

    def free(model: str, provider: str | None) -> bool:
        return model.startswith("qwen") and provider != "company"

    prices = Prices(str(tmp_path), lambda: "2026-01-01", refuse, free)
    assert prices.known("qwen3:30b", "company") == (None, False)
    rates, is_all = prices.known("qwen3:30b", "ollama")
    assert is_all
    assert rates is not None
    assert price(rates, {"input": 1_000_000, "output": 1_000_000}) == 0
    (tmp_path / "panprices.yaml").write_text("models: {qwen3:30b: {input: 1, output: 1}}\n", encoding="utf-8")
    dear, _ = prices.known("qwen3:30b")
    assert dear is not None
    assert price(dear, {"input": 1_000_000, "output": 0}) == DOLLAR
