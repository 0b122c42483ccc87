"""How well a model provider answers: when nothing should be sent to it, and who tries it next. Pure.

Two measures, from the same evidence. The *back-off* comes from failures in a row: 2 s, doubled with each up
to 60 s, and up to a quarter longer by chance; a provider that says "too many requests" is left alone for as
long as it says, or 30 s. The *breaker* looks at the last ten requests: when fewer than 30 % of them were
answered it opens, and after a cool-down one run tries the provider before the others follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0
LIMITED_PAUSE = 30.0
"""Seconds after "too many requests" when the provider doesn't say how long."""
LONGEST_SAID = 900.0
"""No word of a provider counts for longer: it is asked again then."""
JITTER = 0.25
ATTEMPTS = 10
FEWEST = 5
"""With fewer requests than this the breaker knows too little to open."""
HEALTHY = 0.3
REMEMBERED = 900.0
"""Seconds since its last run for which a provider's failures tell something about the next one."""
COOL_DOWN = 60.0
LONGEST_COOL_DOWN = 600.0
LONGEST_TRIAL = 120.0
"""Seconds without a word from the run that tries a provider, after which another one does."""
TOO_MANY = 429
_WRONG, _SERVER_ERROR = 400, 500
HUNG_UP = "the agent hung up"
"""The gateway's words for a call that ended by no fault of the provider's."""
_BAD_ENDS = frozenset({"rate-limit", "overload", "network", "stream-cut", "auth"})
_ANSWERS = frozenset({"usage", "tool_started"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of one provider. Times are wall-clock seconds.

    `until`: nothing starts before. `opened`: since when the breaker is open, None while it is closed;
    `probe`: the run that tries the provider meanwhile.
    """

    attempts: tuple[bool, ...] = ()
    failures: int = 0
    until: float = 0.0
    why: str = ""
    is_said: bool = False
    opened: float | None = None
    cooling: float = COOL_DOWN
    probe: str | None = None
    last_start: float | None = None

    @property
    def answered(self) -> int:
        """How many of the last requests were answered."""
        return sum(self.attempts)

    @property
    def tried_until(self) -> float | None:
        """Until when the run that tries has the provider for itself; None while none does."""
        if self.probe is None or self.last_start is None:
            return None
        return self.last_start + LONGEST_TRIAL

    @property
    def retry_at(self) -> float | None:
        """When the open breaker lets a run try; None while it is closed."""
        return None if self.opened is None else self.opened + self.cooling


@dataclass(frozen=True, slots=True)
class Began:
    """A run was let start."""

    run: str
    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider has answered a request."""

    run: str
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed by the provider's fault, or on the way to it.

    `wait` is what the provider said to wait, in seconds; `chance` is from 0 to 1.
    """

    run: str
    at: float
    why: str
    is_limited: bool = False
    wait: float | None = None
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over, and its end says nothing about the provider."""

    run: str
    at: float


Evidence: TypeAlias = Began | Answered | Failed | Ended


def after(health: Health, evidence: Evidence) -> Health:
    """Give what is known after one more piece of evidence.

    >>> after(Health(), Failed("k3f", 100.0, "overload")).until
    102.0
    """
    match evidence:
        case Began(run=run, at=at):
            probe = health.probe if health.opened is None else run
            return replace(health, last_start=at, probe=probe)
        case Answered(at=at):
            return _answered(health, at)
        case Failed():
            return _failed(health, evidence)
        case Ended(run=run):
            return replace(health, probe=None) if health.probe == run else health


def share(health: Health, now: float) -> tuple[int, int] | None:
    """Give how many of how many last requests were answered; None where they are too few, or long past.

    >>> share(Health(attempts=(True, False, False, True, False), last_start=100.0), 160.0)
    (2, 5)
    >>> share(Health(attempts=(True, False, False, True, False), last_start=100.0), 9000.0)
    """
    if len(health.attempts) < FEWEST or health.last_start is None or now - health.last_start > REMEMBERED:
        return None
    return health.answered, len(health.attempts)


def _answered(health: Health, at: float) -> Health:
    """Success resets; only a wait that the provider itself has asked for goes on."""
    attempts = (*health.attempts, True)[-ATTEMPTS:]
    kept = health.is_said and at < health.until
    after = replace(
        health,
        attempts=attempts,
        failures=0,
        until=health.until if kept else 0.0,
        why=health.why if kept else "",
        is_said=kept,
    )
    if health.opened is not None and (health.probe is not None or _is_healthy(attempts)):
        return replace(after, attempts=(True,), opened=None, cooling=COOL_DOWN, probe=None)
    return after


def _failed(health: Health, failed: Failed) -> Health:
    attempts = (*health.attempts, False)[-ATTEMPTS:]
    after = replace(_paused(health, failed), attempts=attempts)
    if health.opened is None:
        is_open = len(attempts) >= FEWEST and not _is_healthy(attempts)
        return replace(after, opened=failed.at, cooling=COOL_DOWN) if is_open else after
    if health.probe == failed.run:
        cooling = min(health.cooling * 2, LONGEST_COOL_DOWN)
        return replace(after, opened=failed.at, cooling=cooling, probe=None)
    return after


def _paused(health: Health, failed: Failed) -> Health:
    """Give the provider its pause; what was under way when one began doesn't make it longer."""
    if failed.is_limited:
        said = failed.wait is not None
        seconds = LIMITED_PAUSE if failed.wait is None else min(failed.wait, LONGEST_SAID)
        until = max(health.until, failed.at + seconds * (1 if said else 1 + JITTER * failed.chance))
        return replace(health, failures=health.failures + 1, until=until, why=failed.why, is_said=True)
    if failed.at < health.until:
        return health
    seconds = min(FIRST_PAUSE * 2.0 ** min(health.failures, 10), LONGEST_PAUSE)
    until = failed.at + seconds * (1 + JITTER * failed.chance)
    return replace(health, failures=health.failures + 1, until=until, why=failed.why, is_said=False)


def _is_healthy(attempts: tuple[bool, ...]) -> bool:
    return sum(attempts) >= HEALTHY * len(attempts)


def said(run: str, record: Mapping[str, Any], at: float, chance: float) -> Evidence | None:
    """Give what a record of a run's journal says about its provider; None for most.

    >>> said("k3f", {"kind": "retrying", "http": 529, "why": "overloaded", "wait_s": 1.0}, 5.0, 0.0)
    Failed(run='k3f', at=5.0, why='overloaded (HTTP 529)', is_limited=False, wait=None, chance=0.0)
    """
    kind = record.get("kind")
    if kind in _ANSWERS:
        return Answered(run, at)
    if kind == "retrying":
        http = record.get("http")
        return _http_failure(run, http, str(record.get("why") or ""), at, (record.get("wait_s"), chance))
    if kind != "ended":
        return None
    if record.get("status") == "done":
        return Answered(run, at)
    reason = str(record.get("reason"))
    if reason in _BAD_ENDS:
        return Failed(run, at, f"run {run} failed: {reason}", reason == "rate-limit", None, chance)
    return Ended(run, at)


def called(run: str, record: Mapping[str, Any], at: float, chance: float) -> Evidence | None:
    """Give what the gateway's record of one model call says about the provider; None for most."""
    if record.get("kind") != "call_ended":
        return None
    if record.get("ok"):
        return Answered(run, at)
    http, why = record.get("http"), str(record.get("why") or "")
    is_asked_wrongly = isinstance(http, int) and _WRONG <= http < _SERVER_ERROR and http != TOO_MANY
    if is_asked_wrongly or why == HUNG_UP:
        return None
    return _http_failure(run, http, why, at, (record.get("wait_s"), chance))


def _http_failure(run: str, http: object, why: str, at: float, more: tuple[object, float]) -> Failed:
    wait, chance = more
    number = http if isinstance(http, int) else None
    status = "" if number is None or str(number) in why else f"HTTP {number}"
    told = f"{why} ({status})" if why and status else why or status or "it didn't answer"
    limited = number == TOO_MANY
    seconds = float(wait) if limited and isinstance(wait, int | float) and wait > 0 else None
    return Failed(run, at, told[:120], limited, seconds, chance)
