"""What is known of each way to do a task: whether it stays on the operator's machines, and what it costs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.agents.api import Agent, Choice
from pancode.domains.panconfigure.api import Settings
from pancode.domains.providers.api import Facts, Model
from pancode.domains.routing.api import Wanted
from pancode.domains.routing.candidates import Services
from pancode.domains.routing.router import Routing
from pancode.domains.scheduling.amounts import Amount, to_json
from pancode.domains.scheduling.ledger import estimate_of

AGENT = Agent(name="dev", source="user")
ABLE = Facts(tools=True)
QWEN = Model(provider="ollama", model="qwen3:8b", facts=ABLE, local=True, usd_in=0.0, usd_out=0.0)
CLAUDE = Choice(runtime="claude", tier="cli", status="available", reaches="a login", vendor="anthropic")
NATIVE = Choice(
    runtime="native", tier="native", status="available", reaches=None, vendor=None, chooses_model=True
)
DEFAULT = Amount(nano=50_000_000, tokens=20_000, turns=1)


def routing(
    *choices: Choice, past: list[tuple[int | None, int | None, int | None]] | None = None, **settings: Any
) -> Routing:
    found = estimate_of(past or [], DEFAULT)
    expected = {"median": to_json(found.median), "told": found.is_told, "priced": found.is_priced}
    agents = SimpleNamespace(
        get=lambda _: AGENT, all=lambda: [AGENT], choices=lambda *_: choices, model_of=lambda *_: None
    )
    world: Any = SimpleNamespace(runs={})
    services = Services(
        agents,
        SimpleNamespace(ready=lambda _: [QWEN], facts=lambda _: ABLE),
        SimpleNamespace(forecast=lambda _: None, answered=lambda _: None),
        SimpleNamespace(expected=lambda *_: expected, rates=lambda _: None),
        lambda: world,
    )
    reads = SimpleNamespace(read=lambda _: Settings(home="", **settings))
    return Routing(services, reads)


LOCAL = Wanted(model="qwen3:8b", needs=("local",))


def test_a_local_models_name_keeps_nothing_here_that_a_vendors_own_cli_does() -> None:
    with pytest.raises(PanError, match="it runs on no machine of yours"):
        routing(CLAUDE).route(LOCAL, {})
    found = routing(CLAUDE, NATIVE).route(LOCAL, {})
    assert found is not None
    assert found.runtime == "native"


def test_a_local_models_name_means_nothing_at_an_endpoint_elsewhere() -> None:
    with pytest.raises(PanError, match="it runs on no machine of yours"):
        routing(NATIVE, endpoint="https://llm.example").route(LOCAL, {})
    for name, endpoint in (("ollama/qwen3:8b", "https://llm.example"), ("qwen3:8b", "http://127.0.0.1:1/v1")):
        wanted = Wanted(model=name, needs=("local",))
        assert routing(NATIVE, endpoint=endpoint).route(wanted, {}) is not None


def test_runs_that_told_tokens_alone_say_nothing_of_what_it_costs() -> None:
    wanted = Wanted(max_cost=1.0)
    with pytest.raises(PanError, match="nobody knows what it costs"):
        routing(CLAUDE, past=[(None, 9_000, 1)] * 3).route(wanted, {})


@pytest.mark.parametrize("nano", [0, 20_000_000])
def test_a_run_is_held_to_the_most_whatever_earlier_ones_have_cost(nano: int) -> None:
    found = routing(CLAUDE, past=[(nano, 9_000, 1)] * 3).route(Wanted(max_cost=0.1), {})
    assert found is not None
    assert found.hold_to == 0.1


def test_what_a_machine_of_the_operators_does_is_held_to_nothing() -> None:
    found = routing(NATIVE).route(Wanted(model="qwen3:8b", max_cost=0.1), {})
    assert found is not None
    assert found.hold_to is None
