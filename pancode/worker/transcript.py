"""What a person sees of an agent that speaks JSON: who, the task, its words, its tool calls, the end."""

from __future__ import annotations

from pancode.worker.captions import CYAN, DIM, GREEN, NARROWEST, RED, RESET, YELLOW
from pancode.worker.flow import Flow
from pancode.worker.sanitise import plain
from pancode.worker.text import as_read, cut, duration, one_line, width
from pancode.worker.words import action_words, call_words, result_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TAIL_LINES = 5
"""Lines shown of the output of a tool call that failed."""
LONGEST_TEXT = 30_000
"""Characters shown of one piece of text: a person reads no more of it in a pane, and wrapping takes time."""
SLOW_S = 1.0
"""A call that takes longer has its time shown."""
_NAME_COLUMNS = 6
_ARGS_AT = 2 + _NAME_COLUMNS + 1
SHOWN = frozenset(
    "text turn tool_started tool_finished refused retrying problem notice finished "  # noqa: SIM905
    "asking answered net".split()
)


class Transcript:
    """Turns events into text with colours, for a pane of `columns`; lines end in a bare newline."""

    __slots__ = ("_blocked", "_calls", "_flow", "_last", "_open", "_spoke", "columns")

    def __init__(self, columns: int) -> None:
        """Begin on an empty line."""
        self._flow = Flow(max(columns, NARROWEST))
        self.columns = max(columns, NARROWEST)
        self._calls: dict[str, tuple[tuple[str, str], float]] = {}
        self._blocked: set[str] = set()
        self._open: str | None = None
        self._last = ""
        self._spoke = False

    def resize(self, columns: int) -> None:
        """Use a new width from here on; what is shown already stays."""
        self.columns = self._flow.columns = max(columns, NARROWEST)

    def show(self, event: Mapping[str, Any]) -> str:
        """Give what to append for one event; nothing for those that say nothing to a person."""
        kind = event["kind"]
        text: str = getattr(self, f"_{kind}")(event) if kind in SHOWN else ""
        if text:
            self._last = kind
        return text

    def aside(self, line: str) -> str:
        """Give a line that is neither an event nor JSON, such as one of standard error."""
        text = cut(plain(line).rstrip().expandtabs(4), self.columns - 2)
        return f"{self.close()} {DIM}{text}{RESET}\n" if text.strip() else ""

    def close(self) -> str:
        """Give what ends the line that is being written, if one is."""
        if self._open is not None:
            self._open = None
            return "\n"
        return self._flow.end()

    def _text(self, event: Mapping[str, Any]) -> str:
        text = plain(event["text"][:LONGEST_TEXT])
        if len(event["text"]) > LONGEST_TEXT:
            text += f"… [{len(event['text']) - LONGEST_TEXT} characters left out here]"
        if not text:
            return ""
        start = "" if self._flow.active and event.get("delta") else self.close()
        if self._last not in ("", "text", "turn") and text.strip():
            start += "\n"
        shown = start + self._flow.feed(text if self._flow.active else text.lstrip("\n"))
        self._spoke = self._spoke or bool(text.strip())
        return shown if event.get("delta") else shown + self._flow.end()

    def _turn(self, _event: Mapping[str, Any]) -> str:
        return self._flow.end()

    def _tool_started(self, event: Mapping[str, Any]) -> str:
        call = plain(one_line(event["name"])), plain(call_words(event.get("args")))
        self._calls[event["id"]] = (call, event.get("m", 0.0))
        start = self.close()
        self._open = event["id"]
        return start + self._call(*call)[0]

    def _call(self, name: str, words: str) -> tuple[str, int]:
        """Give the left part of a call's line, and the columns it takes."""
        label = cut(name, max(_NAME_COLUMNS, self.columns // 4))
        columns = 2 + max(_NAME_COLUMNS, width(label)) + 1
        args = cut(words, max(self._result_at() - 2 - columns, 4))
        gap = " " * (_NAME_COLUMNS - width(label))
        return f"  {CYAN}{label}{RESET}{gap} {args}", columns + width(args)

    def _result_at(self) -> int:
        return max(self.columns * 2 // 3, _ARGS_AT)

    def _outcome(self, call_id: str, call: tuple[str, str], coloured: tuple[str, str], time: str = "") -> str:
        """Give the right part of a call's line, with the left part before it unless that stands there."""
        line, taken = self._call(*call)
        out = "" if self._open == call_id else self.close() + line
        self._open = None
        pad = " " * max(2, self._result_at() - taken)
        colour, words = coloured
        words = cut(words, max(self.columns - taken - len(pad) - len(time), 1))
        return f"{out}{pad}{colour}{words}{RESET}{time}\n"

    def _tool_finished(self, event: Mapping[str, Any]) -> str:
        call_id = event["id"]
        if call_id in self._blocked:
            return ""
        call, since = self._calls.pop(call_id, ((plain(one_line(event["name"])), ""), 0.0))
        took = event.get("m", 0.0) - since if since else 0.0
        time = f"  {duration(took)}" if took >= SLOW_S else ""
        result, code = plain(as_read(event.get("result") or "")), event.get("exit")
        if event.get("ok") is False:
            words = RED, "failed" if code is None else f"exit {code}"
            return self._outcome(call_id, call, words, time) + self._tail(result)
        return self._outcome(call_id, call, (DIM, result_words(call[0], result, code)), time)

    def _tail(self, result: str) -> str:
        lines = [line.rstrip().expandtabs(4) for line in result.splitlines() if line.strip()][-TAIL_LINES:]
        room = self.columns - _ARGS_AT - 1
        return "".join(f"{' ' * _ARGS_AT}{DIM}{cut(line, room)}{RESET}\n" for line in lines)

    def _labelled(self, label: str, colour: str, text: str) -> str:
        words = cut(plain(one_line(text)), self.columns - _ARGS_AT - 1)
        return f"{self.close()}  {colour}{label:<{_NAME_COLUMNS}}{RESET} {words}\n"

    def _refused(self, event: Mapping[str, Any]) -> str:
        call_id = event.get("id") or ""
        call, _ = self._calls.pop(call_id, (None, 0.0))
        if call is None:
            return self._labelled("block", RED, f"{event['name']}: {event['why']}")
        self._blocked.add(call_id)
        return self._outcome(call_id, call, (RED, f"blocked: {plain(one_line(event['why']))}"))

    def _asking(self, event: Mapping[str, Any]) -> str:
        why = ": ".join(str(event[name]) for name in ("class", "why") if event.get(name))
        return self._judged("ask", YELLOW, action_words(event["action"]), why)

    def _answered(self, event: Mapping[str, Any]) -> str:
        words, by = action_words(event["action"]), event["by"]
        if not event["allow"]:
            rule = f" (rule {event['rule']})" if event.get("rule") else ""
            return self._judged("block", RED, words, event["why"] + rule)
        return "" if by == "policy" else self._judged("allow", GREEN, words, f"approved by {by}")

    def _net(self, event: Mapping[str, Any]) -> str:
        if event["decision"] != "blocked":
            return ""
        port = f":{event['port']}" if event["port"] else ""
        return self._judged("block", RED, f"connect {event['host']}{port}", event["why"])

    def _judged(self, label: str, colour: str, words: str, why: str) -> str:
        """Give a line of the shim's own about an action: what it is on the left, why on the right."""
        left = cut(plain(one_line(words)), max(self._result_at() - _ARGS_AT - 2, 4))
        # A reason is longer than a result.
        pad = " " * max(2, self.columns * 2 // 5 - _ARGS_AT - width(left))
        right = cut(plain(one_line(why)), max(self.columns - _ARGS_AT - width(left) - len(pad), 1))
        return f"{self.close()}  {colour}{label:<{_NAME_COLUMNS}}{RESET} {left}{pad}{right}".rstrip() + "\n"

    def _retrying(self, event: Mapping[str, Any]) -> str:
        words = [str(event["http"])] if event.get("http") else []
        words += [event["why"]] if event.get("why") else []
        if event.get("attempt") is not None:
            of = f" of {event['of']}" if event.get("of") is not None else ""
            words.append(f"attempt {event['attempt']}{of}")
        if event.get("wait_s") is not None:
            words.append(f"again in {duration(event['wait_s'])}")
        return self._labelled("wait", YELLOW, ", ".join(words))

    def _problem(self, event: Mapping[str, Any]) -> str:
        http = f" ({event['http']})" if event.get("http") else ""
        return self._labelled("error", RED, event["message"] + http)

    def _notice(self, event: Mapping[str, Any]) -> str:
        return self.aside(event["text"])

    def _finished(self, event: Mapping[str, Any]) -> str:
        said = event.get("result")
        if event["ok"] and said and not self._spoke:
            return self._text({"text": said})
        return self._flow.end()
