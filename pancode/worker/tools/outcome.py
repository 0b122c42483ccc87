"""What a tool gives back: a text for the model and figures, or a sentence that says why not."""

from __future__ import annotations

from pancode.worker.tools.limits import MOST_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ToolError(Exception):
    """The call can't be done; the text is a sentence for the model."""


class CancelledError(ToolError):
    """The call is no longer wanted."""

    def __init__(self) -> None:
        """There is but one reason."""
        super().__init__("the call was cancelled")


class Outcome:
    """The answer to one call: `ok`, `text` for the model, `meta` for whoever draws or counts."""

    __slots__ = ("meta", "ok", "text")

    def __init__(self, text: str, *, ok: bool = True, **meta: Any) -> None:  # noqa: ANN401 -- JSON values
        """Take whatever JSON can say as `meta`."""
        self.text = text
        self.ok = ok
        self.meta = meta


def bounded(text: str, most: int = MOST_TEXT) -> str:
    r"""Give `text` in at most `most` characters, all of which a request to a model can hold.

    >>> bounded("a" * 50, 20)
    'aaaaaaaaaaaaaaaaaaaa\n[30 more characters are left out]'
    """
    if len(text) > most:
        text = f"{text[:most]}\n[{len(text) - most:,} more characters are left out]"
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def reason(error: OSError, path: str) -> str:
    """Say what the system says about a path, in the system's words.

    >>> reason(FileNotFoundError(2, "No such file or directory"), "a.py")
    'a.py: no such file or directory'
    """
    words = error.strerror or str(error) or type(error).__name__
    return f"{path}: {words[:1].lower()}{words[1:]}"


def plural(number: int, noun: str) -> str:
    """Count things.

    >>> plural(1, "line"), plural(1200, "match"), plural(2, "process")
    ('1 line', '1,200 matches', '2 processes')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith(('ch', 's')) else 's'}"
