"""Makes text safe for tmux: formats run shell commands, so nothing foreign reaches it but through here."""

from __future__ import annotations

import re
import unicodedata

TEXT_LIMIT = 80
_PLAIN = re.compile(r"[A-Za-z0-9_@%=:./+,-]+")
_SPECIAL = re.compile(r'[\x01-\x1f\x7f\\"$~]')
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"', "$": "\\$", "~": "\\~"}


def tmux_text(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""Give `text` as one line of at most `limit` characters that tmux shows and never interprets.

    Control and invisible formatting characters become spaces or vanish, `#` vanishes: it starts
    tmux's formats and styles.

    >>> tmux_text("a\n#(rm -rf /)\x1b[31m b")
    'a (rm -rf /) [31m b'
    >>> tmux_text("x" * 100, limit=5)
    'xxxx…'
    """
    kept = text[: 4 * limit]
    if not (kept.isascii() and kept.isprintable()) or "#" in kept:
        kept = "".join(_visible(char) for char in kept)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _visible(char: str) -> str:
    if char == "#":
        return ""
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") else char


def quote(word: str) -> str:
    r"""Quote `word` for tmux's command language (a configuration file or a control connection).

    The text arrives in the command exactly as it is; ValueError for a NUL, which tmux can't take.

    >>> print(quote("a b;$HOME"), quote("plain"))
    "a b;\$HOME" plain
    """
    if "\0" in word:
        raise ValueError("tmux can't take a NUL character")
    if _PLAIN.fullmatch(word) and word[0] not in "%=":
        return word
    return f'"{_SPECIAL.sub(_escape, word)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _ESCAPES.get(char) or f"\\{ord(char):03o}"


def chain_word(word: str) -> str:
    r"""Prepare `word` for a chained `tmux a ; b` argument list, where a closing `;` separates commands.

    >>> chain_word("echo;")
    'echo\\;'
    """
    return word[:-1] + "\\;" if word.endswith(";") else word


def literal(text: str) -> str:
    """Escape `text` where tmux expands a format but the text must stay as it is, such as a path.

    >>> literal("/src/c#")
    '/src/c##'
    """
    return text.replace("#", "##")
