"""Whether a model's name can be meant as it is written: a mistyped one is found before anything starts.

Vendors bring out models faster than programs that know them, so an unknown name passes unless a known one is
so near that it must have been meant. Behind an endpoint of the operator's any name may be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from pancode.core.errors import ExitCode
from pancode.domains.agents.api import UnknownModelError

_CLAUDE = "sonnet opus haiku opusplan default best claude-sonnet-4-5 claude-opus-4-1 claude-haiku-4-5"
_GPT = "gpt-5 gpt-5-mini gpt-5-codex gpt-5.1 gpt-5.1-codex o3 o4-mini"
_GEMINI = "auto pro flash flash-lite gemini-2.5-pro gemini-2.5-flash gemini-3-pro-preview"
NAMES: Mapping[str, tuple[str, ...]] = {
    "anthropic": tuple(_CLAUDE.split()),
    "openai": tuple(_GPT.split()),
    "google": tuple(_GEMINI.split()),
}
"""Names to compare with, by provider; they needn't be complete."""
FORMS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("claude-*", "*[[]1m]", "*.*", "*/*", "arn:*"),
    "openai": ("gpt-*", "o[0-9]*", "codex-*", "*:*", "*/*"),
    "google": ("gemini-*", "gemma-*", "*/*"),
}
"""What a name looks like that is taken as it is."""
_NEAR = 0.75


def check_model(model: str | None, provider: str | None, endpoint: str | None, used: Iterable[str]) -> None:
    """Raise UnknownModelError for a name that is none, and is nearly one that is known.

    `used` are the names that the operator's agents have.

    >>> check_model("claude-next-9", "anthropic", None, [])
    >>> check_model("sonet", "anthropic", None, [])
    Traceback (most recent call last):
    pancode.domains.agents.api.UnknownModelError: anthropic has no model "sonet"; did you mean "sonnet"?
      try: --model sonnet
    """
    if model is None or endpoint is not None or provider is None or provider not in NAMES:
        return
    known = {*NAMES[provider], *used}
    if model in known or any(fnmatchcase(model, form) for form in FORMS[provider]):
        return
    near = get_close_matches(model, sorted(known), n=1, cutoff=_NEAR)
    if near:
        raise UnknownModelError(
            f'{provider} has no model "{model}"; did you mean "{near[0]}"?',
            remedy=f"--model {near[0]}",
            code=ExitCode.REFUSED,
        )
