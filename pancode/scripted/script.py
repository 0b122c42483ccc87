"""What a scripted model says: the script's types, and parsing that reports every mistake and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.scripted.fields import Fields, Mistake, Path

CLOSING_TEXT = "Done."
"""What is answered after the last turn of a script that has no text at all."""
Locate = Callable[[Path], int | None]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn: `input` is fresh input only, `cache_write` is told by the Anthropic API alone."""

    input: int = 1200
    cache_read: int = 800
    cache_write: int = 100
    output: int = 34
    reasoning: int = 5


@dataclass(frozen=True, slots=True)
class Shell:
    """Run `command` with the client's shell tool."""

    command: str


@dataclass(frozen=True, slots=True)
class Write:
    """Make the file `path` hold `content` with the client's write tool."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call the tool `name` with these arguments, offered or not; a text takes their place as it is."""

    name: str
    arguments: Mapping[str, object] | str


Action = Shell | Write | Call
KINDS = ("shell", "write", "tool")
"""The keys of one action."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A turn that answers: text, then tool calls; `cut` breaks the answer off in the middle."""

    text: str
    actions: tuple[Action, ...]
    usage: Usage
    pace: float
    delay: float
    cut: bool
    times: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A turn that is an HTTP error; `times` requests in a row get it, None = every request."""

    status: int
    message: str
    retry_after: float | None
    delay: float
    times: int | None


Turn = Reply | Failure


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns for prompts that contain `when`; None = for all other prompts."""

    when: str | None
    turns: tuple[Turn, ...]

    def closing_text(self) -> str:
        """Give the last text of the turns, which is repeated after their end."""
        texts = [turn.text for turn in self.turns if isinstance(turn, Reply) and turn.text]
        return texts[-1] if texts else CLOSING_TEXT


@dataclass(frozen=True, slots=True)
class Script:
    """Every conversation of one scripted model, and the one for prompts that match none."""

    conversations: tuple[Conversation, ...]
    default: Conversation


class ScriptError(PanError):
    """A script with mistakes: `mistakes` has each with its place, `problem` names them all."""

    def __init__(self, mistakes: Sequence[Mistake], source: str, locate: Locate | None) -> None:
        """Say one line per mistake; `source` is the file's name, `locate` finds a place's line."""
        self.mistakes = tuple(mistakes)
        lines = [_sentence(mistake, source, locate) for mistake in mistakes]
        remedy = "correct the file; docs/model.md lists every key of a script"
        super().__init__("\n".join(lines), remedy=remedy, code=ExitCode.CONFIG)


def parse_script(data: object, *, source: str = "the script", locate: Locate | None = None) -> Script:
    """Turn plain data (as from YAML or JSON) into a Script, or raise ScriptError with all its mistakes.

    >>> parse_script({"turns": [{"text": "Hello."}]}).default.closing_text()
    'Hello.'
    """
    mistakes: list[Mistake] = []
    script = _script(Fields(data, (), mistakes))
    if mistakes:
        raise ScriptError(mistakes, source, locate)
    return script


def _sentence(mistake: Mistake, source: str, locate: Locate | None) -> str:
    line = locate(mistake.path) if locate else None
    where = source if line is None else f"{source}:{line}"
    place = mistake.place()
    return f"{where}: {place}: {mistake.problem}" if place else f"{where}: {mistake.problem}"


def _script(fields: Fields) -> Script:
    usage = _usage(fields, Usage())
    pace = fields.seconds("pace", 0.0)
    default = _conversation(fields, usage, pace, when=None)
    chosen: list[Conversation] = []
    for entry in fields.entries("scripts"):
        when = entry.text("when", "")
        if not when:
            entry.complain('needs "when": a text that the prompt contains', "when")
        chosen.append(_conversation(entry, _usage(entry, usage), entry.seconds("pace", pace), when=when))
        if not entry.has("turns"):
            entry.complain('needs "turns": a list')
        entry.finish()
    if not fields.has("turns") and not fields.has("scripts"):
        fields.complain('needs "turns": a list, or "scripts": a list of {when, turns}')
    fields.finish()
    return Script(tuple(chosen), default)


def _conversation(fields: Fields, usage: Usage, pace: float, *, when: str | None) -> Conversation:
    entries = fields.entries("turns")
    turns = tuple(_turn(entry, usage, pace) for entry in entries)
    for number, turn in enumerate(turns[:-1], start=1):
        reason = _why_last(turn)
        if reason and entries[number - 1].is_sound():
            entries[number].complain(f"is never played, because turn {number} {reason}")
            break
    return Conversation(when, turns)


def _why_last(turn: Turn) -> str:
    if (isinstance(turn, Failure) or turn.cut) and turn.times is None:
        return 'lasts for ever: give that one "times"'
    if isinstance(turn, Reply) and not turn.cut and not turn.actions:
        return "calls no tool, which ends an agent's work"
    return ""


def _turn(fields: Fields, usage: Usage, pace: float) -> Turn:
    turn = _failure(fields) if fields.has("error") else _reply(fields, usage, pace)
    fields.finish()
    return turn


def _failure(fields: Fields) -> Failure:
    status = fields.whole("error", 500)
    if not 400 <= status <= 599:  # noqa: PLR2004 -- the range of HTTP's error statuses
        fields.complain(f"must be an HTTP status from 400 to 599, not {status}", "error")
    for key in (*KINDS, "calls", "cut", "usage", "pace"):
        if fields.has(key):
            fields.complain(f'an error turn has no "{key}"', key)
            fields.ignore(key)
    return Failure(
        status=status,
        message=fields.text("text", ""),
        retry_after=fields.seconds("retry_after", 0.0) if fields.has("retry_after") else None,
        delay=fields.seconds("delay", 0.0),
        times=_times(fields),
    )


def _reply(fields: Fields, usage: Usage, pace: float) -> Reply:
    cut = fields.flag("cut")
    if fields.has("times") and not cut:
        fields.complain('only goes with "error" or "cut"', "times")
    if fields.has("retry_after"):
        fields.complain('only goes with "error"', "retry_after")
        fields.ignore("retry_after")
    if not any(fields.has(key) for key in ("text", *KINDS, "calls", "cut")):
        fields.complain('needs one of "text", "shell", "write", "tool", "calls", "cut" or "error"')
    return Reply(
        text=fields.text("text", ""),
        actions=_actions(fields),
        usage=_usage(fields, usage),
        pace=fields.seconds("pace", pace),
        delay=fields.seconds("delay", 0.0),
        cut=cut,
        times=_times(fields),
    )


def _times(fields: Fields) -> int | None:
    if not fields.has("times"):
        return None
    times = fields.whole("times", 1)
    if times < 1:
        fields.complain("must be 1 or more", "times")
    return times


def _actions(fields: Fields) -> tuple[Action, ...]:
    kinds = [key for key in (*KINDS, "calls") if fields.has(key)]
    if len(kinds) > 1:
        fields.complain('has more than one of "shell", "write", "tool" and "calls": put all into "calls"')
    single = _action(fields) if set(KINDS) & set(kinds) else []
    calls = fields.entries("calls")
    for call in calls:
        if sum(call.has(kind) for kind in KINDS) != 1:
            call.complain('needs "shell", "write" or "tool", and one of them only')
        single += _action(call)
        call.finish()
    if fields.has("calls") and not calls:
        fields.complain("must be a list with at least one call", "calls")
    return tuple(single)


def _action(fields: Fields) -> list[Action]:
    found: list[Action] = []
    if fields.has("shell"):
        command = fields.text("shell", "")
        if not command:
            fields.complain("must be a command", "shell")
        found.append(Shell(command))
    if fields.has("write"):
        target = fields.inner("write")
        path = target.text("path", "")
        if not path or "\n" in path:
            target.complain('needs "path": the name of a file', "path")
        found.append(Write(path, target.text("content", "")))
        target.finish()
    if fields.has("tool"):
        found.append(_call(fields.inner("tool")))
    return found


def _call(fields: Fields) -> Call:
    name = fields.text("name", "")
    if not name:
        fields.complain('needs "name": a tool', "name")
    call = Call(name, fields.text("broken", "")) if fields.has("broken") else Call(name, fields.raw("args"))
    fields.finish()
    return call


def _usage(fields: Fields, base: Usage) -> Usage:
    inner = fields.inner("usage")
    usage = Usage(
        input=inner.count("input", base.input),
        cache_read=inner.count("cache_read", base.cache_read),
        cache_write=inner.count("cache_write", base.cache_write),
        output=inner.count("output", base.output),
        reasoning=inner.count("reasoning", base.reasoning),
    )
    inner.finish()
    return usage


def plain_reply(text: str, usage: Usage) -> Reply:
    """Make a reply of text only, with nothing special about it."""
    return Reply(text, actions=(), usage=usage, pace=0.0, delay=0.0, cut=False, times=None)


def as_script(script: Script | Mapping[str, object]) -> Script:
    """Take a Script as it is and parse plain data, so that callers may hand over either."""
    return script if isinstance(script, Script) else parse_script(script)
