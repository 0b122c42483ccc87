"""Texts of others on the terminal: a repository's file may hold escapes that would act on it."""


def plain(text: str) -> str:
    r"""Give a text of several lines without control characters.

    >>> plain("clear\x1b[2J\nthe\tscreen")
    'clear?[2J\nthe\tscreen'
    """
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)
