"""Takes secrets out of texts before they are stored or shown: each becomes `<redacted:kind>`.

What a shell would act upon is never taken out along with a secret: no pattern reaches over a blank, a
quote or a metacharacter, as the redacted text is what an operator reads before saying yes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPE_CHECKING = False  # `typing` would cost every worker a megabyte.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LONGEST_LINE = 1_000_000
"""Letters of a line that a stream holds back, until it goes on without the line's end."""

_LEFT = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
"""The left edge of a key whose beginning could be the end of a word; `\\n` is an escape of JSON's."""

_KINDS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("anthropic-key", ("sk-ant-",), r"sk-ant-[\w-]{8,400}"),
    ("openrouter-key", ("sk-or-",), rf"{_LEFT}sk-or-[\w-]{{8,200}}"),
    ("openai-key", ("sk-",), rf"{_LEFT}sk-(?:proj|svcacct|admin|None)-[\w-]{{8,400}}"),
    ("api-key", ("sk-",), rf"{_LEFT}sk-(?=[\w-]{{0,200}}[0-9A-Z])[\w-]{{20,200}}"),
    ("stripe-key", ("k_live_", "k_test_"), r"[srp]k_(?:live|test)_\w{10,200}"),
    ("webhook-secret", ("whsec_",), r"whsec_[\w+/=]{16,100}"),
    ("github-token", ("gh", "github_pat_"), r"gh[opusr]_\w{20,400}|github_pat_\w{20,255}"),
    ("gitlab-token", ("gl",), r"gl(?:pat|dt|rt|rtr|ptt|cbt|soat|ft|agent|oas|imt|feat)-[\w.-]{16,300}"),
    ("aws-key-id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("google-key", ("AIza", "ya29.", "GOCSPX-"), r"AIza[\w-]{35}|ya29\.[\w.-]{20,1000}|GOCSPX-[\w-]{20,60}"),
    ("slack-token", ("xox", "xapp-"), r"xox[abeoprs](?:\.xox[bp])?-[\w-]{10,250}|xapp-[\w-]{10,250}"),
    ("slack-hook", ("hooks.slack.com",), r"(?<=hooks\.slack\.com/)(?:services|workflows)/[\w/-]{10,100}"),
    ("npm-token", ("npm_",), rf"{_LEFT}npm_[A-Za-z0-9]{{36,60}}"),
    ("pypi-token", ("pypi-AgE",), r"pypi-AgE[\w-]{50,400}"),
    ("hugging-face-token", ("hf_",), rf"{_LEFT}hf_[A-Za-z0-9]{{20,100}}"),
    ("xai-key", ("xai-",), rf"{_LEFT}xai-[A-Za-z0-9]{{20,200}}"),
    ("groq-key", ("gsk_",), rf"{_LEFT}gsk_[A-Za-z0-9]{{20,200}}"),
    ("perplexity-key", ("pplx-",), rf"{_LEFT}pplx-[A-Za-z0-9]{{20,200}}"),
    ("replicate-token", ("r8_",), rf"{_LEFT}r8_[A-Za-z0-9]{{20,100}}"),
    ("digitalocean-token", ("_v1_",), r"do[opr]_v1_[a-f0-9]{64}"),
    ("vault-token", ("hvs.", "hvb.", "hvr."), rf"{_LEFT}hv[sbr]\.[\w-]{{20,300}}"),
    ("docker-token", ("dckr_",), r"dckr_[op]at_[\w-]{20,100}"),
    ("sendgrid-key", ("SG.",), r"SG\.[\w-]{16,40}\.[\w-]{20,80}"),
    ("telegram-token", (":AA",), r"(?<!\d)\d{8,10}:AA[\w-]{33}(?!\w)"),
    ("jwt", ("eyJ",), r"eyJ[\w-]{5,4000}\.[\w-]{5,8000}(?:\.[\w-]{0,2000})?"),
)  # fmt: skip
_KEYS = tuple((kind, signs, re.compile(pattern, re.ASCII)) for kind, signs, pattern in _KINDS)

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_REACH = 16_000
"""Letters after its first line in which a private key ends; one of 4096 bits has 3300."""
_KEY_LINES = re.compile(
    r"[A-Za-z0-9+/=]{40,}(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{40,})*"
    r"(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{1,39}(?=(?:\s|\\[nr])*-----END))?",
    re.ASCII,
)

_BARE = r"[^\s\"'`,;&|<>(){}\[\]$\\]"
_QUOTED = r"[^\"'`\n;&|<>(){}$\\]"
_NAME = (
    r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|"
    r"auth[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?)(?:[_-](?:key|value|base64|b64|\d{1,2}))?"
)
_NAME_SIGNS = ("passw", "passphrase", "secret", "token", "key", "credential")
_SENSITIVE = re.compile(rf"(?:[\w.-]*[_.-])?{_NAME}", re.IGNORECASE | re.ASCII)
_ASSIGNED = re.compile(
    # What follows "/etc/passwd: " is why it can't be read.
    rf"((?<!/){_NAME}\\*[\"']?[ \t]{{0,8}}(?::=|=>|[:=])[ \t]{{0,8}}|--[\w-]{{0,40}}{_NAME}[ \t]{{1,4}})"
    rf"(?:(\\*[\"'])(?!<redacted:)({_QUOTED}{{4,400}})(?=\\*[\"'])|({_BARE}{{6,400}}))",
    re.IGNORECASE | re.ASCII,
)
_BEARER = re.compile(
    r"\b(bearer[ \t\r\n]{1,4}"
    r"|authorization\\*[\"']?[ \t]{0,8}[:=][ \t]{0,8}\\*[\"']?(?:basic|token|apikey)[ \t\r\n]{1,4})"
    r"([A-Za-z0-9._~+/=:-]{8,4000})",
    re.IGNORECASE | re.ASCII,
)
_URL = re.compile(r"(://[^\s/:@\"'`;&|<>(){}$]{0,100}:)([^\s/@\"'`;&|<>(){}$]{1,400})(?=@)", re.ASCII)
_URL_TOKEN = re.compile(r"(://)([A-Za-z0-9_-]{20,400})(?=@)")
_USER = re.compile(
    r"((?:[ \t\r\n]-u[ \t]{0,4}|--user[ =])[\"']?[^\s\"':`;&|<>(){}$]{1,100}:)"
    r"(?!\d+\b)([^\s\"'`;&|<>(){}$]{3,400})",
    re.ASCII,
)


def redact(text: str) -> str:
    """Replace every secret that is known by its form or by its name.

    >>> redact("curl -H 'x-api-key: sk-ant-api03-abcdefgh' https://me:pw@host/")
    "curl -H 'x-api-key: <redacted:anthropic-key>' https://me:<redacted:password>@host/"
    >>> redact("git show 0123456789abcdef0123456789abcdef01234567")
    'git show 0123456789abcdef0123456789abcdef01234567'
    """
    if "PRIVATE KEY" in text:
        text = _without_private_keys(text)
    for kind, signs, pattern in _KEYS:
        for sign in signs:
            if sign in text:
                text = pattern.sub(f"<redacted:{kind}>", text)
                break
    if "://" in text and "@" in text:
        text = _URL.sub(r"\1<redacted:password>", text)
        text = _URL_TOKEN.sub(r"\1<redacted:token>", text)
    if "-u" in text and ":" in text:
        text = _USER.sub(r"\1<redacted:password>", text)
    lowered = text.lower()
    if "bearer" in lowered or "authorization" in lowered:
        text = _BEARER.sub(r"\1<redacted:token>", text)
    if any(sign in lowered for sign in _NAME_SIGNS):
        text = _ASSIGNED.sub(_assigned, text)
    return text


def redact_value(value: Any, longest: int | None = None) -> Any:  # noqa: ANN401 -- any JSON value
    """Replace the secrets in every text of a JSON value, and what stands under a name such as `password`.

    With `longest`, a text with more letters is cut and says how many are gone.

    >>> redact_value({"env": {"API_KEY": "x1", "HOME": "/root"}})
    {'env': {'API_KEY': '<redacted:secret>', 'HOME': '/root'}}
    """
    if isinstance(value, str):
        clean = redact(value)
        if longest is not None and len(clean) > longest:
            return f"{clean[:longest]}… ({len(clean) - longest} letters more)"
        return clean
    if isinstance(value, Mapping):
        return {
            redact(str(key)): "<redacted:secret>"
            if isinstance(item, str) and item and _SENSITIVE.fullmatch(str(key))
            else redact_value(item, longest)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_value(item, longest) for item in value]
    return value


class Redactor:
    """Redacts a text that comes in pieces, cut anywhere: a secret never gets through in two halves.

    It hands on whole lines, and private keys whole; only a line of more than LONGEST_LINE letters is
    cut where it happens to be.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        """Hand on to `write` what is clean."""
        self._write = write
        self._held: list[str] = []
        self._letters = 0

    def feed(self, piece: str) -> None:
        """Take a piece; whole lines go on, the rest waits for the line's end."""
        self._held.append(piece)
        self._letters += len(piece)
        if "\n" not in piece and self._letters < LONGEST_LINE:
            return
        held = "".join(self._held)
        end = held.rfind("\n") + 1 if self._letters < LONGEST_LINE else len(held)
        begun = held.rfind("-----BEGIN ", 0, end)
        if begun >= 0 and "-----END" not in held[begun:end] and len(held) - begun < _KEY_REACH:
            end = begun
        self._pass(held, end)

    def close(self) -> None:
        """Hand on what still waits."""
        held = "".join(self._held)
        self._pass(held, len(held))

    def _pass(self, held: str, end: int) -> None:
        self._held, self._letters = [held[end:]], len(held) - end
        if end:
            self._write(redact(held[:end]))


def _without_private_keys(text: str) -> str:
    clean, at = [], 0
    while found := _KEY_BEGIN.search(text, at):
        end = text.find("-----END", found.end(), found.end() + _KEY_REACH)
        end = end + len("-----END") if end >= 0 else min(len(text), found.end() + _KEY_REACH)
        clean += [text[at : found.end()], _KEY_LINES.sub("<redacted:private-key>", text[found.end() : end])]
        at = end
    return "".join([*clean, text[at:]])


def _assigned(found: re.Match[str]) -> str:
    head, quote, quoted, bare = found.groups()
    if quoted is not None:
        return f"{head}{quote}<redacted:secret>"
    return f"{head}<redacted:secret>" if not bare.isdecimal() else str(found[0])
