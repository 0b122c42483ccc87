"""Finds where a secret may stand, cheaply: what is found is for `pancode.core.redact` to judge.

Whatever that one takes out has to be found here; tests/worker/test_signs.py makes sure of it.
"""

from __future__ import annotations

from pancode.worker.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: tuple[tuple[bytes, int], ...] = (
    (b"sk-", 0),
    (b"k_live_", 10),
    (b"k_test_", 10),
    (b"whsec_", 16),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    *((b"gl%s-" % kind, 16) for kind in b"pat dt rt rtr ptt cbt soat ft agent oas imt feat".split()),
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"ABIA", 16),
    (b"ACCA", 16),
    (b"AIza", 35),
    (b"ya29.", 20),
    (b"GOCSPX-", 20),
    (b"xox", 12),
    (b"xapp-", 10),
    (b"hooks.slack.com/", 10),
    (b"npm_", 36),
    (b"pypi-AgE", 50),
    (b"hf_", 20),
    (b"xai-", 20),
    (b"gsk_", 20),
    (b"pplx-", 20),
    (b"r8_", 20),
    (b"_v1_", 64),
    (b"hvs.", 20),
    (b"hvb.", 20),
    (b"hvr.", 20),
    (b"dckr_", 20),
    (b"SG.", 30),
    (b":AA", 33),
    (b"eyJ", 11),
)
"""How a key begins, and how many letters of a word follow at least."""
BLOCK = b"PRIVATE KEY"
NAMES = (b"password", b"passwd", b"passphrase", b"secret", b"token", b"credential", b"key")
_KEY_OF = (b"api", b"access", b"account", b"private", b"auth", b"signing", b"encryption")
_SUFFIXES = (b"key", b"value", b"base64", b"b64")
_WORD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/="
_OPENAI = (b"ant-", b"or-", b"proj-", b"svcacct-", b"admin-", b"None-")
_OPENAI_LENGTH = 20
_LOWER = b"abcdefghijklmnopqrstuvwxyz_-.+/="
_TOKEN = b"abcdefghijklmnopqrstuvwxyz0123456789._~+/=:-"
_QUOTES = (b'"', b"'", b"\\")
_ESCAPED = (b"\\n", b"\\r", b"\\t")
_ASCII = 0x80
_REACH = 16_100
_LONGEST_ADDRESS = 520
_LEAST_TOKEN, _LEAST_BEARER = 20, 8
_SLOW_FROM = 4096
"""Bytes from which the C library's search is the faster one."""
_NO_VALUE = frozenset(b"\n;&|<>(){}$`\"'")
_STOPS = (b" ", b"\n", b"\r", b'"', b"'")
_LEAST = 4

Place = tuple[int, bool]
"""Where a secret may stand, and whether it may go on behind the end of the data."""


def places(data: bytes) -> list[Place]:
    """Give the places in `data` where a secret may stand, in no order; none as a rule.

    >>> places(b"max_tokens=4096; the password is asked for"), places(b"PASSWORD=hunter22")
    ([], [(0, True)])
    """
    if b"\0" in data:
        data = data.replace(b"\0", b"\1")
    found: list[Place] = []
    within = _search(data)
    for sign, least in KEYS:
        if within(sign):
            found += _each(data, sign, _key, least)
    if within(BLOCK):
        found += _each(data, BLOCK, _block)
    if (b"@" in data and within(b"://")) or data.rfind(b"://", -_LONGEST_ADDRESS) >= 0:
        found += _each(data, b"://", _address)
    if within(b"-u"):
        found += _each(data, b"-u", _user)
    return found + _by_name(data.lower())


def _by_name(data: bytes) -> list[Place]:
    """Give the places in `data`, which is in lower case, where a secret follows its name."""
    found: list[Place] = []
    within = _search(data)
    if within(b"bearer"):
        found += _each(data, b"bearer", _bearer)
    if within(b"authorization"):
        found += _each(data, b"authorization", _authorization)
    for name in NAMES:
        if within(name):
            found += _each(data, name, _named, len(name))
    return found


def _each(
    data: bytes, sign: bytes, judge: Callable[[bytes, int, int], bool | None], figure: int = 0
) -> list[Place]:
    """Give the places of `sign` that `judge(data, end of the sign, figure)` doesn't dismiss with None."""
    found: list[Place] = []
    at = data.find(sign)
    while at >= 0:
        end = at + len(sign)
        is_open = judge(data, end, figure)
        if is_open is not None:
            found.append((at, is_open))
        at = data.find(sign, end)
    return found


def _key(data: bytes, at: int, least: int) -> bool | None:
    """Judge what stands behind a key's beginning: None, or whether the end of the data cuts it off."""
    tail = data[at : at + _REACH]
    body = tail[: len(tail) - len(tail.lstrip(_WORD))]
    is_open = at + len(body) == len(data)
    if is_open and body:
        return True
    if tail.startswith(b"\x1b", len(body)):
        # A colour may stand in the middle of a key.
        return False
    if least:
        return is_open if len(body) >= least else None
    if body.startswith(_OPENAI):
        return is_open
    # A key of no known kind has a digit or a capital letter, other than `task-management-of-everything`.
    return is_open if len(body) >= _OPENAI_LENGTH and body.translate(None, _LOWER) else None


def _block(data: bytes, at: int, _: int) -> bool | None:
    if b"-----BEGIN" not in data[max(0, at - 70) : at]:
        return None
    return data.find(b"-----END", at, at + _REACH) < 0 and len(data) - at < _REACH


def _address(data: bytes, at: int, _: int) -> bool | None:
    """Judge what stands behind `://`: a password or a token before an `@`."""
    rest = data[at : at + _LONGEST_ADDRESS]
    words = rest.replace(b"/", b" ").split(None, 1)
    host = words[0] if words and rest.startswith(words[0]) else b""
    if b"@" in host:
        return False
    return True if at + len(host) == len(data) and (b":" in host or len(host) >= _LEAST_TOKEN) else None


def _user(data: bytes, at: int, _: int) -> bool | None:
    """Judge what stands behind `-u` or `--user`: a name, a colon, a password."""
    before, rest = data[max(0, at - 4) : at - 2], data[at : at + _LONGEST_ADDRESS]
    if rest.startswith(b"ser") and before.endswith(b"-"):
        rest = rest[4:]
    elif not before[-1:].isspace() and before not in _ESCAPED:
        return None
    words = rest.replace(b"\\t", b" ").split(None, 1)
    if not words or b":" not in words[0]:
        return None
    return len(words) == 1 and at + _LONGEST_ADDRESS > len(data)


def _bearer(data: bytes, at: int, _: int) -> bool | None:
    rest = data[at : at + _LONGEST_ADDRESS]
    for blank in _ESCAPED:
        rest = rest.replace(blank, b"  ")
    body = rest.lstrip()
    if not body or (len(body) == len(rest) and rest[0] < _ASCII):
        return None
    word = body[: len(body) - len(body.lstrip(_TOKEN))]
    is_open = word == body and at + _LONGEST_ADDRESS > len(data)
    return is_open if len(word) >= _LEAST_BEARER or is_open or body[0] >= _ASCII else None


def _authorization(data: bytes, at: int, _: int) -> bool | None:
    rest = data[at : at + _LONGEST_ADDRESS]
    if not any(kind in rest for kind in (b"basic", b"token", b"apikey")):
        return None
    return b"\n" not in rest and at + len(rest) == len(data)


def _named(data: bytes, at: int, length: int) -> bool | None:
    """Judge what stands at a name such as `password` in lower case: whether a value follows it."""
    if length == len(b"key") and not data[max(0, at - 14) : at - 3].rstrip(b"_-").endswith(_KEY_OF):
        return None
    rest = data[at : at + _LONGEST_ADDRESS]
    rest = _behind_suffix(rest.removeprefix(b"s") if length == len(b"credential") else rest)
    head = rest.lstrip(b"\\\"' \t")
    if head[:1] in (b":", b"="):
        said = head[1:].lstrip(b"=> \t")
    elif rest[:1] in (b" ", b"\t") and b"--" in data[max(0, at - 60) : at]:
        said = rest.lstrip(b" \t")
    else:
        return None
    value = said.lstrip(b"\\\"'")
    is_open = at + _LONGEST_ADDRESS > len(data) and not any(stop in value for stop in _STOPS)
    if rest[:1] in _QUOTES and len(value) < len(said):
        # The value of a key in JSON is a secret however short it is, but for an empty one.
        quote = said[: len(said) - len(said.lstrip(b"\\")) + 1]
        if not said.startswith(quote, len(quote)):
            return is_open
    if not value or any(letter in _NO_VALUE for letter in value[:_LEAST]):
        return None
    return is_open if len(value) >= _LEAST or is_open else None


def _behind_suffix(rest: bytes) -> bytes:
    """Give what stands behind the name, of which `rest` has what may belong to it, such as `_base64`."""
    rest = rest.replace(b"\\t", b" ")
    if b"\x1b" in rest:
        rest = plain(rest.decode("latin-1")).encode("latin-1")
    if rest[:1] not in (b"_", b"-"):
        return rest
    word = rest[1:]
    for suffix in _SUFFIXES:
        if word.startswith(suffix):
            return word.removeprefix(suffix)
    return word[:2].lstrip(b"0123456789") + word[2:]


def _search(data: bytes) -> Callable[[bytes], bool]:
    """Give the fastest way to ask whether something stands in `data`, which has no zero bytes."""
    if len(data) < _SLOW_FROM:
        return data.__contains__
    try:
        import _ctypes

        # Of the C library's searches the one that uses vector instructions: 2 µs for 64 KB, not 40.
        call, address = _ctypes.call_function, _ctypes.dlsym(_ctypes.dlopen(None, 2), "strstr")  # type: ignore[arg-type]
        call(address, (b"", b"x"))
    except (ImportError, AttributeError, TypeError, OSError):
        return data.__contains__
    return lambda sign: call(address, (data, sign)) != 0
