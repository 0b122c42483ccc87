"""From a session's updates to PanCode's records; purely, and whatever an update says it ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.bridges.acp.actions import Call
from pancode.bridges.wire import cut

if TYPE_CHECKING:
    from pancode.worker.protocol import Reason

QUIET = frozenset(
    ("agent_thought_chunk", "user_message_chunk", "plan", "available_commands_update", "current_mode_update")
) | frozenset(("config_option_update", "session_info_update", "usage_update", "plan_update", "plan_removed"))
"""Updates that say nothing a record is for."""
MOST_CALLS = 10_000
_OVER = ("completed", "failed")
_REASONS: Mapping[str, Reason] = {
    "s budget:": "budget",
    "401": "auth",
    "403": "auth",
    "unauthor": "auth",
    "authenticat": "auth",
    "api key": "auth",
    "429": "rate-limit",
    "rate limit": "rate-limit",
    "quota": "rate-limit",
    "too many requests": "rate-limit",
    "404": "model-unknown",
    "529": "overload",
    "503": "overload",
    "overload": "overload",
    "unavailable": "overload",
    "terminated": "stream-cut",
    "eof": "stream-cut",
    "reset": "stream-cut",
    "stream": "stream-cut",
    "connect": "network",
    "fetch failed": "network",
}


class Reader:
    """What one session has told so far; `emit` is given each record.

    `asides` and `errors` are how this program's own remarks begin where it says them as if its model did;
    "" if it does no such thing.
    """

    def __init__(self, emit: Callable[[dict[str, Any]], None], asides: str = "", errors: str = "") -> None:
        """Begin with nothing told."""
        self._emit = emit
        self._asides, self._errors = asides, errors
        self._calls: dict[str, Call] = {}
        self._answering = False
        self.replaying = False  # what is told again of an earlier turn is no news
        self.said = ""  # the model's last message
        self.trouble = ""  # the program's own last word that something failed
        self.refusal: str | None = None  # why the last call was refused, if nothing came after it

    def update(self, update: Mapping[str, Any]) -> None:
        """Take one update."""
        if self.replaying:
            return
        kind = update.get("sessionUpdate")
        if kind == "agent_message_chunk":
            self._chunk(update.get("content"))
        elif kind in ("tool_call", "tool_call_update"):
            self._tool(update)
        elif kind == "usage_update":
            self._cost(update.get("cost"))
        elif kind not in QUIET:
            self.odd(f"update {cut(kind, 60)}")

    def odd(self, what: str) -> None:
        """Count something that this client doesn't know."""
        self._emit({"kind": f"acp: {what}"})

    def call(self, told: object) -> Call:
        """Give the call that an update or a question is about, with what that says of it."""
        about = told if isinstance(told, dict) else {}
        name = str(about.get("toolCallId") or f"call-{len(self._calls)}")
        if len(self._calls) > MOST_CALLS:
            self._calls.clear()
        call = self._calls.setdefault(name, Call(name))
        call.take(about)
        return call

    def begin(self, call: Call) -> None:
        """Tell that the call began, once."""
        if not call.started:
            self._turn()
            call.started = True
            self.refusal = None
            self._emit({"kind": "tool_started", "id": call.id, "name": call.name, "args": call.arguments()})

    def refuse(self, call: Call, why: str) -> None:
        """Tell that PanCode said no to the call."""
        self.begin(call)
        call.refused = self.refusal = why
        self._emit({"kind": "refused", "id": call.id, "name": call.name, "why": why})
        self._end(call, ok=False)

    def end_turn(self) -> None:
        """Tell the end of the calls that the agent said no more about."""
        for call in self._calls.values():
            if call.started and not call.done:
                self._end(call, ok=None)
        self._answering = False

    def _chunk(self, content: object) -> None:
        block = content if isinstance(content, dict) else {}
        text = block.get("text")
        if block.get("type") != "text" or not isinstance(text, str) or not text:
            return
        if self._errors and text.startswith(self._errors):
            self.trouble = text
            self._emit({"kind": "problem", "message": cut(text), "reason": reason_of(text)})
        elif self._asides and text.startswith(self._asides):
            if "etrying" in text:
                blank = dict.fromkeys(("attempt", "of", "wait_s", "http"))
                self._emit({"kind": "retrying", **blank, "why": cut(text, 200)})
                self.said = ""
        else:
            self._turn()
            self.said += text
            self.trouble, self.refusal = "", None
            self._emit({"kind": "text", "text": text, "delta": True})

    def _tool(self, update: Mapping[str, Any]) -> None:
        call, status = self.call(update), update.get("status")
        if call.done:
            return
        if status in _OVER or status == "in_progress":
            self.begin(call)
        if status in _OVER:
            self._end(call, ok=status == "completed")

    def _end(self, call: Call, *, ok: bool | None) -> None:
        call.done = True
        self._answering = False
        result = call.refused or call.out
        told = {"kind": "tool_finished", "id": call.id, "name": call.name, "ok": ok, "result": result}
        self._emit({**told, "exit": call.exit})

    def _turn(self) -> None:
        if not self._answering:  # what comes after a task or a result is a new answer of the model
            self._answering, self.said = True, ""
            self._emit({"kind": "turn"})

    def _cost(self, cost: object) -> None:
        told = cost if isinstance(cost, dict) else {}
        amount = told.get("amount")
        if told.get("currency") == "USD" and isinstance(amount, int | float):
            self._emit({"kind": "cost", "scope": "total", "usd": float(amount)})


def usage(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the tokens of a turn as a record; None if the agent doesn't say, or can't be understood.

    Agents differ in whether `inputTokens` holds the cached ones and `outputTokens` the thoughts; the total
    tells which.

    >>> told = {"inputTokens": 20, "outputTokens": 3, "totalTokens": 23, "cachedReadTokens": 8}
    >>> usage({"usage": told})["input"]
    12
    """
    told = result.get("usage")
    if not isinstance(told, dict):
        return None
    names = ("inputTokens", "outputTokens", "totalTokens", "cachedReadTokens", "cachedWriteTokens")
    into, out, total, read, write = (_count(told.get(name)) for name in names)
    thoughts = _count(told.get("thoughtTokens"))
    if into is None or out is None:
        return None
    cached = (read or 0) + (write or 0)
    if total == into + out:
        into = max(0, into - cached)
    elif total == into + out + cached + (thoughts or 0):
        out += thoughts or 0
    counts = {"input": into, "output": out, "cache_read": read, "cache_write": write, "reasoning": thoughts}
    return {"kind": "usage", "scope": "step", **counts}


def since(told: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a turn's tokens that came after those that were told `before` it, if there were any.

    By the protocol they are counted over the whole session, as a program sees it that runs since.

    >>> first = {"kind": "usage", "input": 1200, "output": 34, "cache_read": None}
    >>> since({**first, "input": 2400, "output": 68}, first)
    {'kind': 'usage', 'input': 1200, 'output': 34, 'cache_read': None}
    >>> since({**first, "input": 900}, first)["input"]
    900
    """
    counted = {name: (told[name], before.get(name) or 0) for name in told if isinstance(told[name], int)}
    if any(now < then for now, then in counted.values()):  # It began to count anew.
        return dict(told)
    return {**told, **{name: now - then for name, (now, then) in counted.items()}}


def reason_of(words: str) -> Reason:
    """Give why something failed, as far as its words tell.

    >>> reason_of("Internal error: HTTP 429"), reason_of("no idea")
    ('rate-limit', 'agent-error')
    """
    lower = words.lower()
    return next((reason for word, reason in _REASONS.items() if word in lower), "agent-error")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
