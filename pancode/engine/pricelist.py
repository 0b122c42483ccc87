"""The only door to the price list of `genai-prices`, which is looked into by a process of its own.

Its data take 30 MB and a third of a second, which a controller is not to carry for a few rates. It reads
what it has shipped with, and asks nobody on the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

SECONDS = 20.0
"""How long a look may take on a machine that is very busy."""
_MILLION = Decimal(1_000_000)
_NAMES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}


def look_up(models: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """Give for each model its rates in dollars a token, as JSON, or None where the list has none.

    Such as {"source": "genai-prices 0.2.3", "input": {"usd": "0.000003", "tiers": [[200000, "0.000006"]]}}
    with `output`, `cache_read` and `cache_write` beside. OSError where it can't be read.
    """
    words = [sys.executable, "-P", "-m", "pancode.engine.pricelist", *models]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise TimeoutError("the price list doesn't answer") from None
    if done.returncode != 0:
        raise OSError(f"the price list can't be read: {done.stderr.strip()[-300:]}")
    found: dict[str, dict[str, Any] | None] = json.loads(done.stdout)
    return found


def facts(model: str, provider: str) -> dict[str, Any]:
    """Give `context` (tokens), `usd_in` and `usd_out` (dollars a token) of a model, as far as listed.

    For processes that may carry the list.
    """
    found = _found(f"{provider}/{model}")
    if found is None:
        return {}
    prices = found.get_prices(datetime.now(UTC))
    usd = {"usd_in": _rate(prices.input_mtok), "usd_out": _rate(prices.output_mtok)}
    return {"context": found.context_window, **{key: float(r["usd"]) for key, r in usd.items() if r}}


def main(models: list[str]) -> None:
    """Print the rates of these models."""
    from genai_prices import __version__

    source = f"genai-prices {__version__}"
    sys.stdout.write(json.dumps({model: _rates(model, source) for model in models}))


def _rates(model: str, source: str) -> dict[str, Any] | None:
    found = _found(model)
    if found is None:
        return None
    prices = found.get_prices(datetime.now(UTC))
    rates = {ours: _rate(getattr(prices, theirs, None)) for ours, theirs in _NAMES.items()}
    if rates["input"] is None or rates["output"] is None:
        return None
    return {"source": source, **rates}


def _found(model: str) -> Any:  # noqa: ANN401 -- the library's own type
    """Look the model up as it is written, then as provider/model, then without the provider."""
    from genai_prices.data_snapshot import get_snapshot

    provider, _, name = model.partition("/")
    ways = [(model, None)] + ([(name, provider), (name, None)] if name else [])
    for wanted, of in ways:
        try:
            return get_snapshot().find_provider_model(wanted, None, of, None)[1]
        except LookupError:
            continue
    return None


def _rate(price: Any) -> dict[str, Any] | None:  # noqa: ANN401 -- a Decimal, or the library's tiers
    if price is None:
        return None
    base = getattr(price, "base", price)
    tiers = [[tier.start, str(Decimal(tier.price) / _MILLION)] for tier in getattr(price, "tiers", ())]
    return {"usd": str(Decimal(base) / _MILLION), "tiers": tiers}


if __name__ == "__main__":
    main(sys.argv[1:])
