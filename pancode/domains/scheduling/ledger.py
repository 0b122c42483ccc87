"""The ledger: what every ended run has cost, written once, rebuilt from the run folders where it is lost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from pancode.core.state import Run, Tally
from pancode.domains.scheduling.amounts import Amount, nano_of
from pancode.domains.scheduling.charges import FREE, Charge, charge_of, tokens_of
from pancode.domains.scheduling.prices import Prices
from pancode.domains.scheduling.rates import Rates
from pancode.engine import files
from pancode.engine.ledgerindex import LedgerIndex, Where
from pancode.engine.places import Places

SHELL = "shell"
"""The runtime of the built-in agent: it calls no model."""
MOST_SAMPLES = 50
FEWEST_SAMPLES = 3
PERCENT = 90


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is expected to cost, and how that is known; figures that nobody knows are the default's.

    `is_told`: its past tells some figure; `is_priced`: it tells the dollars.
    """

    amount: Amount
    median: Amount
    basis: str
    is_told: bool = False
    is_priced: bool = False


class Ledger:
    """One session's part of the user's ledger."""

    def __init__(self, places: Places, spending: LedgerIndex, prices: Prices) -> None:
        """Write to `spending` for the session of `places`."""
        self.place = os.path.relpath(places.state, places.home)
        self.prices = prices
        self._places = places
        self._spending = spending

    def of_run(self, run: Run, rates: Rates | None) -> Charge:
        """Give what a run has cost so far, by what is in memory."""
        if SHELL in (run.runtime, run.agent):
            return FREE
        return _so_far(run.tally, run.metered.tally, run.metered.calls, rates)

    def of_folder(self, run: str) -> tuple[Charge, dict[str, Any], dict[str, Any]] | None:
        """Give what an ended run has cost by its folder, its spec and its result; None while it lives."""
        folder = os.path.join(self._places.runs, run)
        spec, result = files.read_kept(f"{folder}/spec.json"), files.read_json(f"{folder}/result.json")
        if spec is None or result is None or not isinstance(result.get("usage"), dict):
            return None
        receipt = files.read_json(f"{folder}/receipt.json") or {}
        kept = charge_from_json(receipt.get("spent"))
        if kept is not None:
            return kept, spec, result
        metered = calls_of(f"{folder}/calls.jsonl")
        never_began = result.get("started") is None and metered is None and not tokens_of(result["usage"])
        if never_began or SHELL in (spec.get("runtime"), spec.get("agent")):
            return FREE, spec, result
        model = model_of(spec, result, metered)
        usd = (result.get("cost") or {}).get("usd")
        told = usd if isinstance(usd, int | float) else None
        return (
            charge_of(result["usage"], told, metered, self.prices.rates(model, spec.get("provider"))),
            spec,
            result,
        )

    def close(self, run: str, unknown: int) -> Charge | None:
        """Write down what an ended run has cost; a request of unknown cost counts `unknown` billionths."""
        found = self.of_folder(run)
        if found is None:
            return None
        charge, spec, result = found
        ended = float(result.get("ended") or 0.0)
        requests = max(1, charge.turns or 1)
        counted = unknown * requests if charge.nano is None else charge.nano
        seen = calls_of(os.path.join(self._places.runs, run, "calls.jsonl"))
        if seen is not None and seen["usd"] is not None:  # What an agent says can't make its calls cheaper.
            counted = max(counted, nano_of(float(seen["usd"])) + unknown * int(seen["unpriced"]))
        self._spending.charge({
            "place": self.place, "run": run, "day": day_of(ended), "at": ended,
            "project": self._places.project, "session": self._places.session, "agent": str(spec.get("agent")),
            "model": result.get("model") or spec.get("model"), "role": role_of(spec),
            "status": str(result.get("status")), "nano": charge.nano, "tokens": charge.tokens,
            "turns": charge.turns, "counted": counted, "source": charge.source, "meter": charge.meter,
        })  # fmt: skip
        self._spending.release(self.place, run)
        return charge

    def beneath(self, run: str, unknown: int) -> Amount:
        """Add up what ended runs have spent that a run, or those it asked for, asked for.

        Reads every spec of the session: for a new controller, and for runs with a budget of their own.
        """
        asked_by: dict[str, list[str]] = {}
        for name in self._folders():
            spec = files.read_json(os.path.join(self._places.runs, name, "spec.json")) or {}
            if isinstance(spec.get("parent"), str):
                asked_by.setdefault(spec["parent"], []).append(name)
        found, waiting = Amount(), [run]
        while waiting:
            for name in asked_by.pop(waiting.pop(), ()):
                waiting.append(name)
                ended = self.of_folder(name)
                if ended is not None:
                    found += ended[0].amount(unknown * max(1, ended[0].turns or 1))
        return found

    def _folders(self) -> list[str]:
        try:
            return os.listdir(self._places.runs)
        except OSError:
            return []

    def missing(self) -> list[str]:
        """Give the ended runs of this session that have no row."""
        known = self._spending.runs(self.place)
        return [name for name in self._folders() if name not in known and self._has_ended(name)]

    def _has_ended(self, run: str) -> bool:
        return os.path.exists(os.path.join(self._places.runs, run, "result.json"))

    def estimate(self, agent: str, model: str | None, default: Amount) -> Estimate:
        """Give what a run of this agent and model is expected to cost: nine of ten cost less.

        A figure that fewer than three of its newest fifty runs tell is the default's.
        """
        if agent == SHELL:
            return Estimate(Amount(), Amount(), "a command calls no model")
        return estimate_of(self._spending.recent(agent, model, MOST_SAMPLES), default)


def estimate_of(samples: list[tuple[int | None, int | None, int | None]], default: Amount) -> Estimate:
    """Give the estimate that samples of (billionths, tokens, turns) make.

    >>> estimate_of([(10, 5, 1), (20, 5, 1), (30, None, 1)], Amount(7, 7, 7)).amount
    Amount(nano=30, tokens=7, turns=1)
    """
    columns = [[row[place] for row in samples] for place in range(3)]
    known = [sorted(one for one in column if one is not None) for column in columns]
    fallback = (default.nano, default.tokens, default.turns)
    high, middle = list(fallback), list(fallback)
    told = 0
    for place, column in enumerate(known):
        if len(column) >= FEWEST_SAMPLES:
            told = max(told, len(column))
            high[place] = column[min(len(column) - 1, -(-PERCENT * len(column) // 100) - 1)]
            middle[place] = column[len(column) // 2]
    basis = (
        f"nine of ten of its last {told} runs cost less" if told else "the default for agents without a past"
    )
    is_priced = len(known[0]) >= FEWEST_SAMPLES
    return Estimate(Amount(*high), Amount(*middle), basis, is_told=bool(told), is_priced=is_priced)


def calls_of(path: str) -> dict[str, Any] | None:
    """Add up the gateway's journal of a run: tokens, `usd`, `calls`, `model`; None where there is none.

    `unpriced` counts the calls that used tokens and have no price, so that `usd` is not all of it.
    """
    found: dict[str, Any] = {"calls": 0, "usd": None, "model": None, "unpriced": 0}
    for record in files.read_journal(path):
        if record.get("kind") == "call_started":
            found["calls"] += 1
            found["model"] = record.get("model") or found["model"]
        elif record.get("kind") == "call_ended":
            usage = record.get("usage")
            for key, count in (usage if isinstance(usage, Mapping) else {}).items():
                if isinstance(count, int):
                    found[key] = (found.get(key) or 0) + count
            if isinstance(record.get("usd"), int | float):
                found["usd"] = (found["usd"] or 0.0) + record["usd"]
                found["usd_source"] = record.get("usd_source")
            elif isinstance(usage, Mapping) and tokens_of(usage):
                found["unpriced"] += 1
    return found if found["calls"] else None


def model_of(
    spec: Mapping[str, Any], result: Mapping[str, Any], metered: Mapping[str, Any] | None
) -> str | None:
    """Give the model by whose rates a run is priced: what it was started with, else what the gateway saw."""
    for told in (result.get("model"), spec.get("model"), (metered or {}).get("model")):
        if isinstance(told, str) and told:
            return told
    return None


def role_of(spec: Mapping[str, Any]) -> str:
    """Give what a run was for: `worker`, `scout` or `orchestrator`."""
    role = spec.get("role")
    return str(role) if role else "scout" if spec.get("agent") == "scout" else "worker"


def day_of(at: float) -> str:
    """Give the local date of a wall time."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"


def charge_from_json(value: object) -> Charge | None:
    """Read back what a receipt says was spent; None for what is none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("source"), str):
        return None
    nano = value.get("nano")
    kept = Charge(
        nano, value.get("tokens"), value.get("turns"), value["source"], str(value.get("counted_by"))
    )
    whole = all(one is None or isinstance(one, int) for one in (kept.nano, kept.tokens, kept.turns))
    return kept if whole and "nano" in value else None


def where(ledger: Ledger, scope: str, project: str, now: float) -> Where:
    """Give the rows that a scope's limit counts."""
    match scope:
        case "session":
            return Where(place=ledger.place)
        case "project":
            return Where(project=project)
        case _:
            return Where(day=day_of(now))


@lru_cache(maxsize=256)
def _so_far(told: Tally, counted: Tally, calls: int, rates: Rates | None) -> Charge:
    """Give what these figures make: screens ask it of every live run, and most of them stand still."""
    metered = {**_tokens(counted), "calls": calls, "usd": counted.usd} if calls else None
    return charge_of({**_tokens(told), "turns": told.turns}, told.usd, metered, rates)


def _tokens(tally: Tally) -> dict[str, Any]:
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    return {name: getattr(tally, name) for name in names}
