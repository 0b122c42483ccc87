"""Knows which variables hold secrets by their names, and what prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Call, Feed, Finding

TAINT = "secret"
"""Marks a word or a text that holds the value of such a variable."""

LISTED = "environment"
"""Marks a text that holds all variables."""

_SECRET = re.compile(
    r"(\w*_)?(SECRET(_KEY|_ACCESS_KEY|_TOKEN|_VALUE)?|[A-Z]*PASSWORD|[A-Z]*PASSWD|PASSPHRASE|[A-Z]*TOKEN"
    r"|CREDENTIALS?|APIKEY|(API|ACCESS|PRIVATE|AUTH|ENCRYPTION|SIGNING|MASTER|DEPLOY|SERVICE|OPENAI"
    r"|ANTHROPIC|STRIPE|GEMINI)_KEY)"
)
_ASKED = re.compile(r"(?i)secret|token|passw|key|credential")
_PRINTED = re.compile(
    r"\b(?:print|console\.\w+|puts|echo|say|dump|log|stdout\.write)\b\s*\(?(?P<before>[^;\n]{0,60}?)"
    r"(?:\benviron(?:\.get|b)?\b|\bgetenv\b|\bprocess\.env\b|\bENV\b|\bos\.Getenv\b)"
    r"\s*(?:[.(\[{]|->)\s*['\"]?(?P<name>\w+)(?P<after>[^;\n]{0,12})"
)
_TESTED = re.compile(r"\b(?:bool|len|Boolean|type|typeof|is_set|isset|defined)\b|!|\bin\s*$")
_COMPARED = re.compile(r"['\")\]]*\s*(?:is\b|[!=]=|\?|&&)")
_AWKS = frozenset(("awk", "gawk", "mawk", "nawk"))
_PICKERS = frozenset(("grep", "egrep", "fgrep", "rg", "ag", "ack"))


def holds_secret(name: str) -> bool:
    """Tell whether a variable holds a key or a password, by its name.

    >>> holds_secret("GITHUB_TOKEN"), holds_secret("MAX_TOKENS"), holds_secret("cache_key")
    (True, False, False)
    """
    return _SECRET.fullmatch(name) is not None


def lists_variables(call: Call) -> bool:
    """Tell whether the call prints all variables there are."""
    texts = call.texts
    operands = [text for text in texts if not text.startswith("-") and "=" not in text]
    if call.name in ("env", "printenv"):
        return not operands
    if call.name == "set":
        return not texts
    return (
        call.name in ("export", "declare", "typeset") and not operands and set(texts) <= {"-p", "-x", "-xp"}
    )


def shown(name: str) -> Finding:
    """Say that the value of the variable is printed."""
    return Finding(ActionClass.SECRET_READ, "secret-variable", f'prints the variable "{name}"')


def listed(call: Call) -> Finding | None:
    """Say what it is that the call prints variables which a file of secrets has set; None if it doesn't."""
    if call.scene.secrets and lists_variables(call):
        return Finding(ActionClass.SECRET_READ, "secret-variable", "prints variables of a file of secrets")
    return None


def picked(call: Call) -> Iterator[Finding]:
    """Say whether the call looks for secrets in the list of all variables."""
    if call.stdin.taint != LISTED or not _ASKED.search(" ".join(call.texts)):
        return
    letters = "".join(text[1:] for text in call.texts if re.fullmatch(r"-[a-zA-Z]+", text))
    names_only = set(letters) & set("vcqoL") or "--count" in call.texts
    awk = call.name in _AWKS and not re.search(r"print\s*\$1\b", " ".join(call.texts))
    if awk or (call.name in _PICKERS and not names_only):
        yield Finding(ActionClass.SECRET_READ, "secret-variable", "looks for secrets among the variables")


def printed_in_code(text: str) -> Finding | None:
    """Say which variable with a secret the text of a program prints; None if it prints none."""
    for match in _PRINTED.finditer(text):
        asks = _TESTED.search(match["before"]) or _COMPARED.match(match["after"])
        if holds_secret(match["name"]) and not asks:
            return shown(match["name"])
    return None


def kept(call: Call) -> Feed | None:
    """Give what the call prints if that is still the list of all variables; None if it isn't."""
    if lists_variables(call):
        return Feed(taint=LISTED)
    same = call.name in (*_PICKERS, "sort", "uniq", "tee", "cat")
    return Feed(taint=LISTED) if same and call.stdin.taint == LISTED else None
