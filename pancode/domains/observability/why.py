"""The chain of evidence about a run: every claim with who says so and how old that is; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pancode.core.effects import RETRYABLE
from pancode.core.health import span

Record = Mapping[str, Any]

_STATES = {
    "started": "starting",
    "exec": "working",
    "paused": "paused",
    "resumed": "working",
    "stop_requested": "stopping",
    "ended": "ended",
}
"""Records of a journal that say what state a run is in."""
_LETTERS = {
    "R": "runs",
    "S": "waits",
    "D": "waits for a disk",
    "T": "is stopped",
    "t": "is traced",
    "I": "waits",
}
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that is said about a run: by whom, from when (None: it doesn't age), on what ground."""

    claim: str
    value: str
    source: str
    at: float | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that there is to look at: `row` if a controller knows the run, `shown` as `runs show` gives it.

    `processes` maps a pid to the kernel's letter for what it does, None if there is no such process.
    """

    row: Record | None
    shown: Record
    spec: Record
    journal: Sequence[Record]
    processes: Mapping[int, str | None]


def chain(known: Known, now: float) -> list[Claim]:
    """Give the claims in the order in which a person asks: how is it, why, what may it, what did it do."""
    found = [*_state(known), *_waiting(known), *_signs(known, now), *_may(known), *_figures(known, now)]
    return [
        Claim(one.claim, one.value[:_LONGEST], one.source, one.at, one.because and one.because[:_LONGEST])
        for one in found
    ]


def _last(known: Known, *kinds: str, src: str | None = None) -> Record | None:
    return next(
        (
            record
            for record in reversed(known.journal)
            if (not kinds or record.get("kind") in kinds) and (src is None or record.get("src") == src)
        ),
        None,
    )


def _from(record: Record) -> str:
    """Name a record of the journal.

    >>> _from({"seq": 3, "kind": "exec"})
    'journal, record 3 (exec)'
    """
    return f"journal, record {record.get('seq')} ({record.get('kind')})"


def _again(shown: Record, spec: Record) -> Claim:
    """Say what becomes of a run that ended for a reason that passes, such as a stream that was cut.

    >>> _again({"run_id": "k3f", "agent_session": "s"}, {"retry": False}).because
    'pancode say k3f TEXT goes on with its conversation, pancode retry k3f begins anew'
    """
    if spec.get("retry"):
        return Claim("again", "it is begun once more by itself", "spec.json, retry_on_failure of its agent")
    run = shown.get("run_id")
    ways = [f"pancode say {run} TEXT goes on with its conversation"] if shown.get("agent_session") else []
    words = "not by itself: its agent has no retry_on_failure, or this was the second try"
    return Claim("again", words, "spec.json", None, ", ".join([*ways, f"pancode retry {run} begins anew"]))


def _state(known: Known) -> Iterator[Claim]:
    row, shown = known.row, known.shown
    status = shown.get("status")
    if status:
        record = _last(known, "ended")
        source = "result.json" if record is None else _from(record)
        yield Claim("state", str(status), source, _number(shown.get("ended")))
        evidence = shown.get("evidence") or {}
        decided = evidence.get("record") or {}
        words = decided.get("message") or decided.get("problem") or decided.get("why") or ""
        how = evidence.get("signal") or (
            f"exit {evidence['exit']}" if evidence.get("exit") is not None else ""
        )
        grounds = ", ".join(text for text in (str(words), how) if text)
        yield Claim("reason", str(shown.get("reason")), "result.json", None, grounds or None)
        if shown.get("reason") in RETRYABLE:
            yield _again(shown, known.spec)
        for item in decided.get("unmet") or ():
            yield Claim("unmet", str(item), "result.json, the check of the outcome")
        return
    record = _last(known, *_STATES)
    if row is None:
        word = "unknown" if record is None else _STATES[str(record["kind"])]
        words = "no controller is up; the folder has no result"
        yield Claim("state", word, "run folder" if record is None else _from(record), _at(record), words)
        return
    if row["state_source"] == "journal" and record is not None:
        yield Claim("state", str(row["state"]), _from(record), _at(record))
    else:
        yield Claim("state", str(row["state"]), str(row["state_source"]), _number(row.get("since")))
    health = row.get("health")
    if health:
        yield Claim(
            "health", str(health["state"]), str(health["source"]), _number(health["at"]), str(health["why"])
        )


def _waiting(known: Known) -> Iterator[Claim]:
    row = known.row
    if row is None or known.shown.get("status"):
        return
    if row.get("waits"):
        yield Claim("waits", str(row["waits"]), "scheduler", _number(row.get("queued")))
    for question in row.get("questions") or ():
        said = f"{question['class']}: {question['why']}"
        ground = f"{said} (rule {question['rule']}, {question['source']}); pancode approve {question['id']}"
        yield Claim("question", str(question["what"]), "policy", _number(question.get("since")), ground)
    if row.get("retrying"):
        record = _last(known, "retrying")
        yield Claim("waits", f"asks its model again: {row['retrying']}", "agent's stream", _at(record))
    record = _last(known, "paused", "resumed")
    if row["state"] == "paused" and record is not None:
        why = str(record.get("why") or "") or None
        yield Claim("waits", f"stands still, by {record.get('by')}", _from(record), _at(record), why)


def _signs(known: Known, now: float) -> Iterator[Claim]:
    row = known.row
    live = row is not None and not known.shown.get("status")
    if row is not None and live:
        for name, pid in (("agent", row.get("pid")), ("shim", row.get("shim_pid"))):
            if pid:
                letter = known.processes.get(pid)
                words = f"process {pid} " + ("is gone" if letter is None else _LETTERS.get(letter, letter))
                yield Claim(name, words, "process table", now)
    beat = _last(known, "heartbeat")
    if beat is not None:
        tool = f", tool {beat['tool']}" if beat.get("tool") else ""
        words = (
            f"{beat.get('state')}, {beat.get('procs')} processes, {beat.get('cpu_s')} s of processor{tool}"
        )
        yield Claim("heartbeat", words, _from(beat), _at(beat))
    last = next((one for one in reversed(known.journal) if one.get("src") == "agent"), None)
    if last is not None:
        yield Claim("last word", str(last.get("kind")), _from(last), _at(last))


def _may(known: Known) -> Iterator[Claim]:
    spec, shown = known.spec, known.shown
    grant = spec.get("grant") or {}
    created = _number(spec.get("created"))
    yield Claim("mode", str(grant.get("mode")), "spec.json, the session's mode at its start", created)
    only = ", read-only" if grant.get("read_only") else ""
    yield Claim(
        "safety", f"{grant.get('level')}{only}", "spec.json, the least of session, agent and order", created
    )
    if chosen := (spec.get("routing") or {}).get("why"):
        yield Claim("worker", str(chosen), "routing, as the run was asked for", created)
    grade = (spec.get("sandbox") or {}).get("grade")
    if grade:
        lost = "; ".join(map(str, grade.get("lost") or ())) or None
        weaker = f", accepted: {' '.join(grade['accepted'])}" if grade.get("accepted") else ""
        words = f"sandbox {grade.get('sandbox')}, net {grade.get('net')}{weaker}"
        yield Claim("grade", words, "spec.json, as the sandbox was made", created, lost)
    limits = spec.get("limits") or {}
    said = [
        f"{name} {limits[key]:g} s"
        for key, name in (("wall_s", "in all"), ("idle_s", "idle"))
        if limits.get(key)
    ]
    if said:
        yield Claim("limits", ", ".join(said), "spec.json", created)
    for key, words in (("continues", "goes on with"), ("retries", "repeats")):
        if shown.get(key):
            yield Claim("origin", f"{words} {shown[key]}", "spec.json", created)


def _figures(known: Known, now: float) -> Iterator[Claim]:
    source = known.row if known.row is not None and not known.shown.get("status") else known.shown
    cost = source.get("cost") or {}
    usd = cost.get("usd")
    record = _last(known, "cost", "usage")
    words = "unknown" if usd is None else f"${usd:.4f}"
    ground = "nobody has told it" if usd is None else None
    yield Claim("cost", words, str(cost.get("source") or "unknown"), _at(record), ground)
    began, ended = _number(source.get("started")), _number(source.get("ended"))
    if began is not None:
        took = (now if ended is None else ended) - began
        yield Claim("time", span(took), "journal", began)


def _at(record: Record | None) -> float | None:
    return None if record is None else _number(record.get("t"))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
