"""Writes a receipt into the folder of every run that has ended, once, and chains those of a session."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.scheduling.amounts import to_json
from pancode.domains.scheduling.budgetfile import Budgets, kept_raises
from pancode.domains.scheduling.charges import Charge
from pancode.domains.scheduling.ledger import calls_of, role_of
from pancode.domains.scheduling.receipt import (
    FIRST,
    Chain,
    Facts,
    chain_of,
    receipt_of,
    seal,
    text_hash,
)
from pancode.engine import files
from pancode.engine.places import Places

LIST = "receipts.jsonl"
"""The session's list of receipts: number, run and hash of each, one a line."""
_GIVEN = ("files", "given")
_LARGEST_GIVEN = 4_000_000
"""Bytes of a file that an agent was given; of a larger one only its name is told."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a receipt's facts come from, besides the folder: rules in force, and budgets."""

    policy: Callable[[], str]
    budgets: Callable[[], Budgets]


class Receipts:
    """One session's receipts, oldest first in its list."""

    def __init__(self, places: Places, sources: Sources) -> None:
        """Nothing is read until the first is written."""
        self._places = places
        self._sources = sources
        self._path = os.path.join(places.state, LIST)
        self._last: tuple[int, str] | None = None

    def missing(self) -> list[str]:
        """Give the ended runs without a receipt, in the order in which they ended.

        Receipts that a crash has kept out of the list get their line.
        """
        listed = {line["run"] for line in read_list(self._path)}
        found, unlisted = [], []
        for name in _names(self._places.runs):
            folder = os.path.join(self._places.runs, name)
            if os.path.exists(f"{folder}/receipt.json"):
                receipt = None if name in listed else files.read_json(f"{folder}/receipt.json")
                unlisted += [receipt] if receipt is not None and isinstance(receipt.get("seq"), int) else []
            elif os.path.exists(f"{folder}/result.json"):
                ended = (files.read_json(f"{folder}/result.json") or {}).get("ended")
                found.append((float(ended) if isinstance(ended, int | float) else 0.0, name))
        for receipt in sorted(unlisted, key=lambda one: int(one["seq"])):
            if receipt.get("prev") == self._head()[1]:
                self._list(receipt)
        return [name for _, name in sorted(found)]

    def write(self, run: str, charge: Charge) -> bool:
        """Write a run's receipt and its line in the list; False if it has one. PanError where it can't be."""
        folder = os.path.join(self._places.runs, run)
        spec, result = files.read_json(f"{folder}/spec.json"), files.read_json(f"{folder}/result.json")
        if spec is None or result is None or os.path.exists(f"{folder}/receipt.json"):
            return False
        seq, previous = self._head()
        receipt = receipt_of(self._facts(folder, spec, result, charge), seq + 1, previous)
        files.write_json(f"{folder}/receipt.json", receipt)
        self._list(receipt)
        return True

    def _list(self, receipt: Mapping[str, Any]) -> None:
        line = {key: receipt.get(key) for key in ("seq", "run", "hash", "prev")}
        try:
            with open(
                self._path, "ab"
            ) as file:  # No matter if a crash takes it back: the receipts say it too.
                file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise files.unusable(f"can't write {self._path}", error, "free some space") from None
        self._last = (int(receipt["seq"]), str(receipt["hash"]))

    def _head(self) -> tuple[int, str]:
        """Give number and hash of the session's newest receipt."""
        if self._last is None:
            listed = read_list(self._path)
            self._last = (int(listed[-1]["seq"]), str(listed[-1]["hash"])) if listed else (0, FIRST)
        return self._last

    def _facts(self, folder: str, spec: dict[str, Any], result: dict[str, Any], charge: Charge) -> Facts:
        budgets = self._sources.budgets()
        limits: dict[str, Any] = {name: to_json(limit) for name, limit in budgets.limits.items()}
        asked = (spec.get("request") or {}).get("budget")
        return Facts(
            spec=spec,
            result=result,
            charge=charge,
            metered=calls_of(f"{folder}/calls.jsonl"),
            raised={name: to_json(by) for name, by in kept_raises(f"{folder}/budget.json").items()},
            limits=limits | {"asked": asked},
            journal=chain_at(f"{folder}/events.jsonl") or chain_of(()),
            calls=chain_at(f"{folder}/calls.jsonl"),
            files={
                name: digest for name in ("spec.json", "result.json") if (digest := digest_of(folder, name))
            },
            texts=_given(folder, spec),
            policy=self._sources.policy(),
            role=role_of(spec),
            project=self._places.project,
            session=self._places.session,
        )


def read_list(path: str) -> list[dict[str, Any]]:
    """Read a session's list of receipts; lines that are none are left out."""
    keys = {"seq": int, "run": str, "hash": str, "prev": str}
    lines = files.read_journal(path)
    return [line for line in lines if all(isinstance(line.get(key), kind) for key, kind in keys.items())]


def verify(places: Places, run: str) -> tuple[dict[str, Any], list[str]]:
    """Give a run's receipt, and what is wrong with it, in sentences; PanError NOT_FOUND if there is none."""
    folder = os.path.join(places.runs, run)
    receipt = files.read_json(f"{folder}/receipt.json")
    if receipt is None:
        raise PanError(
            f"run {run} has no receipt", remedy="a run gets it when it has ended", code=ExitCode.NOT_FOUND
        )
    wrong = [] if seal(receipt) == receipt.get("hash") else ["the receipt is not as it was sealed"]
    wrong += _listed(places, run, receipt)
    for name in ("events.jsonl", "calls.jsonl"):
        told = receipt.get("journal" if name == "events.jsonl" else "calls")
        now = chain_at(f"{folder}/{name}")
        if told != (now.to_json() if now else None):
            wrong.append(f"{name} is not as it was when the run ended")
    for name, digest in (receipt.get("files") or {}).items():
        if digest_of(folder, name) != digest:
            wrong.append(f"{name} is not as it was when the run ended")
    return receipt, wrong


def _listed(places: Places, run: str, receipt: Mapping[str, Any]) -> list[str]:
    """Compare a receipt with its session's list, and with the one before it there."""
    listed = read_list(os.path.join(places.state, LIST))
    place = next((place for place, line in enumerate(listed) if line["run"] == run), None)
    if place is None:
        return ["the session's list doesn't have it"]
    wrong = (
        [] if listed[place]["hash"] == receipt.get("hash") else ["the session's list has another hash for it"]
    )
    before = listed[place - 1]["hash"] if place else FIRST
    if receipt.get("prev") != before:
        wrong.append("it doesn't follow the receipt before it in the session's list")
    return wrong


def chain_at(path: str) -> Chain | None:
    """Give the chain of a journal on the disk; None where there is none."""
    try:
        with open(path, "rb") as file:
            return chain_of(file)
    except OSError:
        return None


def digest_of(folder: str, name: str) -> str | None:
    """Give the hash of a file in a run's folder; None where it can't be read, or is far too large."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_GIVEN + 1)
    except OSError:
        return None
    return text_hash(content) if len(content) <= _LARGEST_GIVEN else None


def _given(folder: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Give the hashes of all that the agent was given: command line, input, files with the prompts."""
    found = {"argv": text_hash(json.dumps(spec.get("argv")))}
    if isinstance(spec.get("stdin"), str):
        found["stdin"] = text_hash(str(spec["stdin"]))
    for part in _GIVEN:
        for above, _, names in os.walk(os.path.join(folder, part)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(above, name), folder)
                found[path] = digest_of(folder, path) or "-"
    return found


def _names(runs: str) -> list[str]:
    try:
        return os.listdir(runs)
    except OSError:
        return []
