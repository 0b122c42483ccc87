"""The reckoning after chaos: folders, index and the agents' own files are set against each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.bench.chaos.actor import CALLS, CHANGES, STARTS

COUNTERS = (
    "lost_events",
    "lost_results",
    "lost_changes",
    "lost_calls",
    "double_runs",
    "double_calls",
    "leftover_processes",
)
EXCUSED = frozenset({"done", "failed", "lost", "cancelled"})
"""How a run may end that was hit, or whose session was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that is known of one run afterwards.

    `hit`: it, or the tmux server above it, was killed. `stopped`: chaos asked it to stop. `told`: the
    sequence numbers that a subscriber was told of. `indexed`: how many of its records the index has.
    `starts` and `changes`: the marks and the lines that its agent left. `patch`: the lines among what was
    collected of a clone; None for a run that had none. `asked`: what its agent says of its model calls;
    `calls`: the gateway's books about them; `metered`: how many there were by the controller's word.
    """

    run: str
    hit: bool
    stopped: bool
    told: frozenset[int]
    lines: tuple[str, ...]
    result: Mapping[str, Any] | None
    indexed_status: str | None
    indexed: int
    starts: int
    changes: tuple[str, ...]
    patch: tuple[str, ...] | None = None
    asked: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    metered: int | None = None


@dataclass(slots=True)
class Account:
    """The counters, and a sentence for each thing that was counted."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    faults: list[str] = field(default_factory=list)

    def charge(self, counter: str, sentence: str, count: int = 1) -> None:
        """Count a fault."""
        self.counts[counter] += count
        self.faults.append(f"{counter}: {sentence}")


def reckon(account: Account, seen: Seen) -> None:
    """Charge what is wrong with one run; pure but for the account.

    >>> account = Account()
    >>> reckon(account, Seen(run="k3f", hit=True, stopped=False, told=frozenset({1}), lines=(), result=None,
    ...                      indexed_status=None, indexed=0, starts=2, changes=()))
    >>> account.counts["double_runs"], account.counts["lost_results"], account.counts["lost_events"]
    (1, 1, 1)
    """
    records, torn = _records(seen.lines)
    _events(account, seen, records, torn)
    _result(account, seen, records)
    written = [str(each.get("text")) for each in records if each.get("kind") == "text"]
    for text in written:
        verb, _, number = text.partition(" ")
        if verb == "wrote" and f"line {number}" not in seen.changes:
            account.charge("lost_changes", f"run {seen.run} said that it wrote line {number}; it isn't there")
    if seen.patch is not None and (gone := [line for line in seen.changes if line not in seen.patch]):
        account.charge("lost_changes", f"of run {seen.run}, {gone} were not collected", len(gone))
    _calls(account, seen)
    execs = sum(each.get("kind") == "exec" for each in records)
    if max(execs, seen.starts) > 1:
        account.charge("double_runs", f"run {seen.run} was started {max(execs, seen.starts)} times")


def _records(lines: Iterable[str]) -> tuple[list[dict[str, Any]], int]:
    records, torn = [], 0
    for line in lines:
        try:
            records.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            torn += 1
    return records, torn


def _events(account: Account, seen: Seen, records: list[dict[str, Any]], torn: int) -> None:
    numbers = [each.get("seq") for each in records]
    expected = list(range(1, len(records) + 1))
    if torn or numbers != expected:
        sentence = f"the journal of run {seen.run} has gaps, or {torn} torn lines: {numbers}"
        account.charge("lost_events", sentence)
    if gone := sorted(seen.told - set(expected)):
        account.charge("lost_events", f"of run {seen.run}, {gone} were told and are in no journal", len(gone))
    if seen.indexed < len(records):
        count = len(records) - seen.indexed
        account.charge("lost_events", f"the index lacks {count} records of run {seen.run}", count)
    status = (seen.result or {}).get("status")
    said = {each.get("text") for each in records if each.get("kind") == "text"}
    if status == "done" and any(each.get("kind") == "finished" for each in records):
        missing = [line for line in seen.changes if line.replace("line", "wrote") not in said]
        if missing:
            sentence = f"run {seen.run} is done, and its journal lacks what it said of {missing}"
            account.charge("lost_events", sentence, len(missing))


def _calls(account: Account, seen: Seen) -> None:
    """Set what the agent has asked and been answered against what was counted of it."""
    records, torn = _records(seen.calls)
    begun = [each.get("call") for each in records if each.get("kind") == "call_started"]
    ended = [each.get("call") for each in records if each.get("kind") == "call_ended"]
    answered, asked = seen.asked.count("answered"), seen.asked.count("asked")
    if torn or answered > len(begun):
        sentence = f"run {seen.run} had {answered} answers, and {len(begun)} calls are in its books"
        account.charge("lost_calls", f"{sentence}, {torn} lines of which are torn")
    if gone := set(begun) - set(ended):
        account.charge("lost_calls", f"of run {seen.run}, {len(gone)} calls never ended", len(gone))
    if seen.metered is not None and seen.metered < len(begun):
        account.charge("lost_calls", f"run {seen.run} made {len(begun)} calls, {seen.metered} are known")
    if (more := max(len(begun), seen.metered or 0) - asked) > 0:
        account.charge(
            "double_calls", f"run {seen.run} has asked {asked} times, {more} more were counted", more
        )
    if twice := len(begun) - len(set(begun)) + len(ended) - len(set(ended)):
        account.charge("double_calls", f"{twice} calls of run {seen.run} are in its books twice", twice)


def _result(account: Account, seen: Seen, records: list[dict[str, Any]]) -> None:
    status = (seen.result or {}).get("status")
    ends = [each.get("status") for each in records if each.get("kind") == "ended"]
    if seen.result is None or ends != [status]:
        account.charge("lost_results", f"run {seen.run}: result {status}, ends in its journal {ends}")
    elif seen.indexed_status != status:
        account.charge("lost_results", f"run {seen.run} is {status}, its index says {seen.indexed_status}")
    elif status != "done" and not (seen.stopped and status == "cancelled") and not seen.hit:
        kinds = " ".join(str(each.get("kind")) for each in records if each.get("kind") != "text")
        why = (seen.result.get("evidence") or {}).get("record")
        sentence = f"run {seen.run} is {status}, though nothing of it was killed: {why}; {kinds}"
        account.charge("lost_results", sentence)
    elif status not in EXCUSED:
        account.charge("lost_results", f"run {seen.run} is {status}")


def look_at(run: str, folder: str, project: str) -> dict[str, Any]:
    """Read what a run's folder and its working directory say, as far as Seen wants it."""
    spec, result = _json(os.path.join(folder, "spec.json")), _json(os.path.join(folder, "result.json"))
    cwd = str((spec or {}).get("cwd") or project)
    starts = _names(os.path.join(cwd, STARTS)) | _names(os.path.join(project, STARTS))
    lines = _lines(os.path.join(folder, "events.jsonl"))
    return {
        "lines": lines,
        "result": result,
        "starts": sum(name.partition(".")[0] == run for name in starts),
        "changes": _lines(os.path.join(cwd, CHANGES, run)),
        "asked": _lines(os.path.join(cwd, CALLS, run)),
        "calls": _lines(os.path.join(folder, "calls.jsonl")),
        "patch": _collected(folder) if ((spec or {}).get("isolation") or {}).get("base") else None,
    }


def _collected(folder: str) -> tuple[str, ...]:
    """Give the lines that a collected patch adds; those of the marks are none."""
    patch = _lines(os.path.join(folder, "changes.patch"))
    return tuple(line[1:] for line in patch if line.startswith("+line "))


def _json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return None


def _lines(path: str) -> tuple[str, ...]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return tuple(file.read().splitlines())
    except OSError:
        return ()


def _names(path: str) -> set[str]:
    try:
        return set(os.listdir(path))
    except OSError:
        return set()
