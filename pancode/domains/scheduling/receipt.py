"""A receipt: what was run, under which grant, what it has cost and how it ended, sealed by hashes. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.redact import redact, redact_value
from pancode.domains.scheduling.charges import Charge, differences
from pancode.version import __version__

VERSION = 1
FIRST = "0" * 64
"""What stands for the hash before a session's first receipt."""
BEGINNING = 200
"""Letters of the task that the receipt shows."""
_AGENT = {"name": "agent", "runtime": "runtime", "version": "agent_version"}
_ABOUT = (
    "continues",
    "parent",
    "group",
    "node",
    "provider",
    "limits",
    "contract",
    "meter",
    "prompt",
    "routing",
)


@dataclass(frozen=True, slots=True)
class Chain:
    """A journal as it was sealed: its records, its bytes, the hash of the last line over all before it."""

    records: int
    size: int
    hash: str

    def to_json(self) -> dict[str, Any]:
        """Give it as the receipt has it."""
        return {"records": self.records, "bytes": self.size, "hash": self.hash}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a receipt is made of. `texts` maps the names of what the agent was given to its bytes."""

    spec: Mapping[str, Any]
    result: Mapping[str, Any]
    charge: Charge
    metered: Mapping[str, Any] | None
    raised: Mapping[str, Any]
    limits: Mapping[str, Any]
    journal: Chain
    calls: Chain | None
    files: Mapping[str, str]
    texts: Mapping[str, str]
    policy: str
    role: str
    project: str
    session: str


def receipt_of(facts: Facts, seq: int, previous: str) -> dict[str, Any]:
    """Give the receipt, redacted and sealed: its `hash` is over all of it, `prev` is the one before it."""
    body = {
        "v": VERSION,
        "run": facts.spec.get("run"),
        "session": facts.session,
        "project": facts.project,
        "seq": seq,
        "prev": previous,
        "pancode": __version__,
        **_asked(facts),
        **_spent(facts),
        **_ended(facts),
        "policy": facts.policy,
    }
    # What an oddity becomes on its way through JSON is what is hashed.
    body = json.loads(canonical(redact_value(body)))
    return {**body, "hash": seal(body)}


def _asked(facts: Facts) -> dict[str, Any]:
    """Give who was to do what, with which grant, and in what."""
    spec, result = facts.spec, facts.result
    sandbox, isolation = spec.get("sandbox") or {}, spec.get("isolation") or {}
    grade, task = sandbox.get("grade") or {}, str(spec.get("task") or "")
    return {
        "agent": {key: spec.get(name) for key, name in _AGENT.items()},
        "role": facts.role,
        "model": result.get("model") or spec.get("model"),
        "task": {"hash": text_hash(task), "beginning": redact(task)[:BEGINNING]},
        "given": dict(facts.texts),
        "base": isolation.get("base"),
        "isolated": bool(isolation),
        "grant": spec.get("grant"),
        "sandbox": {key: grade.get(key) for key in ("sandbox", "net", "unix", "limits", "hook", "landlock")},
        "accepted": list(grade.get("accepted") or ()),
        "refused": spec.get("refused"),
        **{key: spec.get(key) for key in _ABOUT},
    }


def _spent(facts: Facts) -> dict[str, Any]:
    """Give what it might spend and what it has, by whose word."""
    usage = facts.result.get("usage") or {}
    return {
        "budget": {"limits": dict(facts.limits), "raised": dict(facts.raised)},
        "spent": facts.charge.to_json(),
        "usage": usage,
        "cost": facts.result.get("cost"),
        "comparison": differences(usage, facts.metered),
    }


def _ended(facts: Facts) -> dict[str, Any]:
    """Give when and how it ended, and what proves it."""
    started, ended = facts.result.get("started"), facts.result.get("ended")
    queued = facts.spec.get("created")
    wall = _between(started, ended)
    return {
        "times": {"queued": queued, "started": started, "ended": ended, "wall_s": wall},
        "end": {key: facts.result.get(key) for key in ("status", "reason", "evidence")},
        "journal": facts.journal.to_json(),
        "calls": facts.calls.to_json() if facts.calls else None,
        "files": dict(facts.files),
    }


def canonical(value: Mapping[str, Any]) -> bytes:
    """Give the one way in which a receipt is written for its hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr).encode()


def seal(receipt: Mapping[str, Any]) -> str:
    """Give the hash of a receipt: of all of it but the hash itself."""
    return hashlib.sha256(canonical({key: receipt[key] for key in receipt if key != "hash"})).hexdigest()


def text_hash(text: str | bytes) -> str:
    """Give the hash of a text."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "replace")).hexdigest()


def chain_of(lines: Iterable[bytes], most: int | None = None) -> Chain:
    r"""Give the chain of a journal's whole lines, or of those within its first `most` bytes.

    >>> chain_of([b"{}\n", b"cut off"]).records
    1
    """
    last, records, size = bytes(32), 0, 0
    for line in lines:
        if not line.endswith(b"\n") or (most is not None and size + len(line) > most):
            break
        last = hashlib.sha256(last + line).digest()
        records, size = records + 1, size + len(line)
    return Chain(records, size, last.hex())


def _between(begin: object, end: object) -> float | None:
    if not isinstance(begin, int | float) or not isinstance(end, int | float):
        return None
    return round(end - begin, 3)
