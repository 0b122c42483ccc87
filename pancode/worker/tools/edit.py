"""The tool edit: exact replacements in a text, whatever its line endings, and help when there is no match."""

from __future__ import annotations

from pancode.worker.tools.files import CHANGING
from pancode.worker.tools.outcome import Outcome, ToolError, plural
from pancode.worker.tools.saving import save
from pancode.worker.tools.textfile import loaded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MOST_COMPARED = 5000
"""Lines that are compared for a diff, or to find what is nearest."""
_LONGEST_DIFF = 80
_LINES_NAMED = 8
_AROUND = 3
_WIDEST = 300


def edit(args: dict[str, Any], _cancelled: Callable[[], bool]) -> Outcome:
    """Replace texts in a file, all that are asked for or none; raise ToolError."""
    path, wanted = args["path"], _wanted(args)
    with CHANGING:
        file = loaded(path)
        text, places = file.text, 0
        for number, each in enumerate(wanted, 1):
            where = f"edit {number} of {len(wanted)}: " if len(wanted) > 1 else ""
            try:
                text, count = replaced(text, each["old"], each["new"], every=each.get("all", False))
            except ToolError as error:
                none = "\nNothing was changed." if len(wanted) > 1 else ""
                raise ToolError(f"{path}: {where}{error}{none}") from None
            places += count
        if text == file.text:
            raise ToolError(f"{path}: the replacements leave the file as it is")
        save(path, file.encoded(text))
    return Outcome(
        f"replaced {plural(places, 'place')} in {path}\n{difference(file.text, text)}".rstrip("\n"),
        replaced=places,
    )


def _wanted(args: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the replacements in order."""
    alone: dict[str, Any] = {key: args[key] for key in ("old", "new", "all") if key in args}
    edits: list[dict[str, Any]] = args.get("edits") or []
    if "old" in alone and "new" in alone:
        return [alone, *edits]
    if alone.keys() - {"all"} or not edits:
        raise ToolError("edit: give both old and new, or a list of them in edits")
    return [{**alone, **each} for each in edits]


def replaced(text: str, old: str, new: str, *, every: bool = False) -> tuple[str, int]:
    r"""Give `text` with `new` where `old` was, and how often; line endings are the text's own.

    Raise ToolError if `old` isn't there, or more than once without `every`.

    >>> replaced("a\r\nb\r\nc\r\n", "a\nb", "x\ny")
    ('x\r\ny\r\nc\r\n', 1)
    """
    flat, old, new = (each.replace("\r\n", "\n") for each in (text, old, new))
    if not old:
        raise ToolError("old is empty; use write to fill a file, or name the text beside the new one")
    if old == new:
        raise ToolError("old and new are the same")
    starts = list(_places(flat, old))
    if not starts:
        raise ToolError(_help(flat, old, new))
    if len(starts) > 1 and not every:
        lines = [flat.count("\n", 0, start) + 1 for start in starts[:_LINES_NAMED]]
        named = ", ".join(map(str, lines)) + (", …" if len(starts) > len(lines) else "")
        raise ToolError(
            f"old is there {len(starts)} times (lines {named}); take more of the text around it, or set all"
        )
    if "\r\n" not in text:
        return text.replace(old, new), len(starts)
    return _spliced(text, flat, [(start, start + len(old)) for start in starts], new), len(starts)


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _spliced(text: str, flat: str, spans: list[tuple[int, int]], new: str) -> str:
    """Put `new` in the place of each span of `flat`, which is `text` with LF for CRLF."""
    from bisect import bisect_left

    ends: list[int] = []
    at = text.find("\r\n")
    while at >= 0:
        ends.append(at - len(ends))
        at = text.find("\r\n", at + 2)
    pieces, done = [], 0
    for first, last in spans:
        start, stop = first + bisect_left(ends, first), last + bisect_left(ends, last)
        # As the lines end that are replaced, or else the line that it stands in.
        line_end = flat.find("\n", first)
        place = bisect_left(ends, line_end)
        is_crlf = place < len(ends) and ends[place] == line_end if line_end >= 0 else ends[-1:] != []
        pieces += [text[done:start], new.replace("\n", "\r\n") if is_crlf else new]
        done = stop
    return "".join([*pieces, text[done:]])


def difference(before: str, after: str) -> str:
    """Give a small unified diff without its head; nothing where there is too much to compare."""
    old, new = (each.replace("\r\n", "\n").split("\n") for each in (before, after))
    same = 0
    for mine, theirs in zip(old, new, strict=False):
        if mine != theirs:
            break
        same += 1
    tail = 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    first = max(0, same - _AROUND)
    old, new = (each[first : len(each) - max(0, tail - _AROUND)] for each in (old, new))
    if max(len(old), len(new)) > MOST_COMPARED:
        return "[the change is too large to be shown]"
    from difflib import unified_diff

    lines = list(unified_diff(old, new, lineterm="", n=_AROUND))[2:]
    shown = [_moved(line, first) if line.startswith("@@") else line[:_WIDEST] for line in lines]
    rest = [f"[{len(shown) - _LONGEST_DIFF} more lines of the difference]"]
    return "\n".join(shown if len(shown) <= _LONGEST_DIFF else shown[:_LONGEST_DIFF] + rest)


def _moved(head: str, by: int) -> str:
    """Give the head of a hunk that counts the lines before it, too.

    >>> _moved("@@ -1,3 +1,4 @@", 10)
    '@@ -11,3 +11,4 @@'
    """
    words = []
    for word in head.split():
        if word[0] in "+-":
            start, comma, size = word[1:].partition(",")
            word = f"{word[0]}{int(start) + by}{comma}{size}"  # noqa: PLW2901 -- the word itself
        words.append(word)
    return " ".join(words)


def _help(flat: str, old: str, new: str) -> str:
    """Say why `old` was not found, as far as that can be told."""
    if new and len(new) >= _AROUND and new in flat:
        return (
            f"old is not in the file, but new is already (line {flat[: flat.index(new)].count(chr(10)) + 1})"
        )
    lines, wanted = flat.split("\n"), old.strip("\n").split("\n")
    bare = [line.partition("\t")[2] if line.partition("\t")[0].strip().isdigit() else line for line in wanted]
    if bare != wanted and "\n".join(bare) in flat:
        return "old is not in the file; it is without the line numbers that read puts before the lines"
    at = _loosely(lines, wanted)
    if at is not None:
        shown = "\n".join(lines[at : at + len(wanted)])
        return f"old is not in the file, but with other white space it is, at line {at + 1}:\n{shown[:2000]}"
    at = _nearest(lines, wanted)
    if at is None:
        return "old is not in the file, and nothing like it; read the file again"
    first = max(0, at - _AROUND)
    shown = "\n".join(line[:_WIDEST] for line in lines[first : at + _AROUND + 1])
    return f"old is not in the file; the nearest is at line {at + 1}:\n{shown}"


def _loosely(lines: list[str], wanted: list[str]) -> int | None:
    """Give where the wanted lines are but for their white space."""
    found, sought = (["".join(line.split()) for line in each] for each in (lines, wanted))
    if not any(sought):
        return None
    for at in range(len(found) - len(sought) + 1):
        if found[at] == sought[0] and found[at : at + len(sought)] == sought:
            return at
    return None


def _nearest(lines: list[str], wanted: list[str]) -> int | None:
    """Give the line that is most like the longest of the wanted ones."""
    from difflib import get_close_matches

    sought = max((line.strip() for line in wanted), key=len)[:_WIDEST]
    known = [line.strip()[:_WIDEST] for line in lines[:MOST_COMPARED]]
    near = get_close_matches(sought, {line for line in known if line}, 1) if sought else []
    return known.index(near[0]) if near else None
