"""How a live run is, from evidence alone: healthy, stale, dead, or recovered; pure, the clock comes in."""

from __future__ import annotations

from typing import assert_never

from pancode.core.state import (
    Asking,
    Finished,
    Health,
    Paused,
    Queued,
    Run,
    Seconds,
    Starting,
    Stopping,
    Working,
)

STALE = 6
"""Intervals of the heartbeat without a sign after which a run is stale."""
DEAD = 12
"""Intervals without anything from its shim after which it is dead."""
PROGRAMS = frozenset({"shell", "command"})
"""Runtimes without a stream of events: that such a program is quiet says nothing."""
NO_PROGRESS = frozenset({"heartbeat", "retrying", "notice", "unknown", "unheard", "net"})
"""Records of a journal that don't show that the agent gets on."""

_Found = tuple[str, str, Seconds | None, str]
"""Word, source, the time of the evidence, and the sentence."""


def assess(run: Run, now: Seconds, *, shim: str | None = None) -> Health | None:
    """Give how the run is; None for one that nothing beats for yet, or any more.

    `shim` is what the process table says of its shim: "gone", or a state letter; None if nobody looked.
    A run that gives a sign again is `recovered` until the beat after that.
    """
    found = _found(run, now, shim)
    if found is None:
        return None
    word, source, at, why = found
    before = run.health
    if word == "healthy" and before is not None and _is_recovering(run, before):
        word = "recovered"
    since = before.since if before is not None and before.word == word else now
    return Health(word, since, source, at, why)


def _is_recovering(run: Run, before: Health) -> bool:
    if before.word != "recovered":
        return before.word in ("stale", "dead")
    return run.beat is None or run.beat.at <= before.since


def _found(run: Run, now: Seconds, shim: str | None) -> _Found | None:
    if isinstance(run.state, Queued | Finished):
        return None
    if shim == "gone":
        return "dead", "process table", now, f"its shim (pid {run.shim_pid}) is gone"
    last, every = last_sign(run), run.heartbeat_s
    silence = now - last
    if silence > STALE * every:
        held = " and is stopped itself" if shim in ("T", "t") else ""
        why = f"nothing was heard of its shim for {span(silence)}; it beats every {every:g} s{held}"
        return ("dead" if silence > DEAD * every else "stale"), "heartbeat", last, why
    match run.state:
        case Starting():
            return "healthy", "tmux", run.state.since, f"its pane is open since {span(now - run.state.since)}"
        case Paused(by=by):
            return "healthy", "journal", run.state.since, f"it stands still, paused by {by}"
        case Asking():
            return "healthy", "controller", run.state.since, "it waits for the answer to a question"
        case Stopping(by=by):
            took = now - run.state.since
            why = f"asked to stop by {by} {span(took)} ago"
            return ("stale" if took > STALE * every else "healthy"), "journal", run.state.since, why
        case Working():
            return _working(run, now)
        case _:
            assert_never(run.state)


def _working(run: Run, now: Seconds) -> _Found:
    limit = STALE * run.heartbeat_s
    quiet = now - (run.progress or run.started or run.queued)
    beat = run.beat
    evidence = {} if beat is None else beat.evidence
    at = run.progress if beat is None else beat.at
    if run.metered.inflight:
        since = min(run.metered.inflight.values())
        return "healthy", "gateway", since, f"a model call is under way for {span(now - since)}"
    if run.retrying is not None:
        why = f"it tries again ({run.retrying}); the last progress was {span(quiet)} ago"
        return ("stale" if quiet > limit else "healthy"), "journal", run.progress, why
    if beat is None or (run.progress is not None and run.progress > beat.at):
        return "healthy", "journal", run.progress, f"its last record is {span(quiet)} old"
    if evidence.get("state") != "quiet":
        tool = evidence.get("tool")
        why = f"the tool {tool} is at work" if tool else "it writes, or uses the processor"
        return "healthy", "heartbeat", at, why
    if run.runtime in PROGRAMS:
        return "healthy", "heartbeat", at, "its processes wait, as programs may"
    why = f"no output, no work, no tool and no known model call for {span(quiet)}"
    return ("stale" if quiet > limit else "healthy"), "heartbeat", at, why


def last_sign(run: Run) -> Seconds:
    """Give when anything was last heard from the run's worker; for one that says nothing yet, its start."""
    signs = (run.heard, run.beat.at if run.beat is not None else None, run.metered.last_at)
    since = run.state.since if isinstance(run.state, Starting) else run.started or run.queued
    return max((sign for sign in signs if sign is not None), default=since)


def span(seconds: Seconds) -> str:
    """Give a time span for people.

    >>> span(4.2), span(75), span(7260)
    ('4 s', '1:15 min', '2:01 h')
    """
    whole = max(0, int(seconds))
    if whole < 60:  # noqa: PLR2004 -- seconds of a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 -- seconds of an hour
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
