"""JSON by the interpreter's own C scanner and encoder: the `json` package brings `re` and 1.6 MB with it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Scan: TypeAlias = Callable[[str, int], tuple[Any, int]]
    Encode: TypeAlias = Callable[[Any, int], Any]

_SPACE = " \t\n\r"


def loads(text: str) -> Any:  # noqa: ANN401 -- JSON is what it is
    r"""Parse one JSON value; raise ValueError for anything else, also for NaN and text behind the value.

    >>> loads(' {"a": [1, 2.5, null], "b": "\\u00e9"} ')
    {'a': [1, 2.5, None], 'b': 'é'}
    >>> loads('{} {}')
    Traceback (most recent call last):
    ValueError: there is text behind the JSON value
    """
    try:
        value, end = _scan(text, len(text) - len(text.lstrip(_SPACE)))
    except (StopIteration, SystemError):
        # The latter where the scanner looks for the exception class of a package that nobody imported.
        raise ValueError("not a JSON value") from None
    except RecursionError:
        raise ValueError("the JSON value is nested too deeply") from None
    if end != len(text) and text[end:].strip(_SPACE):
        raise ValueError("there is text behind the JSON value")
    return value


def dumps(value: Any) -> str:  # noqa: ANN401 -- whatever JSON can say
    r"""Give compact JSON in ASCII; raise ValueError or TypeError for what JSON can't say.

    >>> dumps({"a": [1, 2.5, None, True], "b": "é\n"})
    '{"a":[1,2.5,null,true],"b":"\\u00e9\\n"}'
    """
    try:
        return "".join(_encode(value, 0))
    except RecursionError:
        raise ValueError("the value is nested too deeply, or contains itself") from None


class _Context:
    """What the C scanner looks up when it is made; the names are fixed by it."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: dict[str, str] = {}  # noqa: RUF012 -- the scanner wants an attribute

    @staticmethod
    def parse_constant(name: str) -> None:
        """Refuse NaN and the infinities, which are not JSON."""
        raise ValueError(f"{name} is not JSON")


def _refuse(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is not JSON")


def _from_c() -> tuple[Scan, Encode]:
    """Build both halves from the private module `_json`; raise if this interpreter's differs."""
    import _json

    scan: Scan = _json.make_scanner(_Context)  # type: ignore[arg-type]
    encode: Encode = _json.make_encoder(
        None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    sample = {"a": [1, -2.5, None, True, "\u00e9\\\n"], "b": {}}
    text = '{"a":[1,-2.5,null,true,"\\u00e9\\\\\\n"],"b":{}}'
    if "".join(encode(sample, 0)) != text or scan(text, 0) != (sample, len(text)):
        raise ValueError("the private module _json works differently here")
    return scan, encode


def _from_package() -> tuple[Scan, Encode]:
    """Build both halves from the public package, for an interpreter without `_json`."""
    import json

    decoder = json.JSONDecoder(parse_constant=_Context.parse_constant)
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
    return decoder.raw_decode, lambda value, _: encoder.encode(value)


try:
    _scan, _encode = _from_c()
except (ImportError, AttributeError, TypeError, ValueError):
    _scan, _encode = _from_package()
