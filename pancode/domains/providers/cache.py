"""What the providers answered when they were last asked: ~/.pancode/model-cache.yaml.

One line a model, in a form that both YAML and JSON know, so that a person can read it and a program is quick.
A provider that fails keeps its models of before, with the reason beside them.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import UnionType
from typing import Any

from pancode.domains.providers.api import RANK, Facts
from pancode.domains.providers.asking import Found
from pancode.domains.providers.listing import Listed
from pancode.engine import files
from pancode.engine.documents import read_text

NAME = "model-cache.yaml"
LASTS_S = 4 * 3600.0
VERSION = 1
_TOO_MUCH = 1e15
_PROVIDER = re.compile(r'  ("[^"]+"):')
_FIELD = re.compile(r"    ([a-z_]+): (.+)")
_MODEL = re.compile(r"    - (\{.+\})")
_HEAD = "# What your model providers answered; PanCode writes it. `pancode models --refresh` asks again.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is known of one provider. Times are wall-clock seconds.

    `fetched_at`: when its models were told; None: never. `failures`: how often in a row it has not answered
    since; `error` is why.
    """

    url: str
    asked_at: float
    fetched_at: float | None = None
    took_ms: float | None = None
    failures: int = 0
    error: str | None = None
    models: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """All that is known, by the providers' ids."""

    kept: Mapping[str, Kept]

    def is_stale(self, provider: str, url: str, now: float) -> bool:
        """Whether the provider has to be asked again: never asked, at another address, or too long ago."""
        known = self.kept.get(provider)
        return known is None or known.url != url or not 0 <= now - known.asked_at < LASTS_S


EMPTY = Cache(kept={})


def after(cache: Cache, urls: Mapping[str, str], found: Iterable[Found]) -> Cache:
    """Give what is known once these answers are in. `urls` are all the providers that there are, by id."""
    kept = {name: one for name, one in cache.kept.items() if urls.get(name) == one.url}
    for new in found:
        if new.provider in urls:
            kept[new.provider] = _after(kept.get(new.provider), urls[new.provider], new)
    return Cache(kept=kept)


def _after(old: Kept | None, url: str, new: Found) -> Kept:
    if new.error is not None:
        before = old or Kept(url=url, asked_at=new.at)
        return replace(
            before, asked_at=new.at, took_ms=new.took_ms, failures=before.failures + 1, error=new.error
        )
    known = {} if old is None else {one.name: one for one in old.models}
    models = tuple(_filled(one, known.get(one.name)) for one in new.models)
    return Kept(url=url, asked_at=new.at, fetched_at=new.at, took_ms=new.took_ms, models=models)


def _filled(new: Listed, old: Listed | None) -> Listed:
    """Keep what was known of a model that had no time to tell it this once."""
    return replace(new, facts=old.facts) if old is not None and new.facts == Facts() else new


def write(home: str, cache: Cache) -> None:
    """Put it into the file, in one step; PanError if that can't be done."""
    lines = [_HEAD, f"version: {VERSION}\nproviders:"]
    for name, kept in sorted(cache.kept.items()):
        lines.append(f"  {json.dumps(name)}:")
        fields = asdict(replace(kept, models=()))
        lines += [f"    {key}: {_word(value)}" for key, value in fields.items() if key != "models"]
        lines.append("    models:" if kept.models else "    models: []")
        lines += [f"    - {_word(asdict(one))}" for one in kept.models]
    files.write_atomic(os.path.join(home, NAME), "\n".join(lines) + "\n")


def _word(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(home: str) -> Cache:
    """Read the file; whatever can't be used of it counts as not there.

    Only lines as `write` makes them count: each holds one JSON value, which is read ten times as fast.
    """
    try:
        lines = read_text(os.path.join(home, NAME)).splitlines()
    except (OSError, ValueError):
        return EMPTY
    if f"version: {VERSION}" not in lines:
        return EMPTY
    rows: dict[str, dict[str, Any]] = {}
    row: dict[str, Any] = {}
    for line in lines:
        try:
            if match := _PROVIDER.fullmatch(line):
                row = rows.setdefault(json.loads(match[1]), {"models": []})
            elif match := _MODEL.fullmatch(line):
                row["models"].append(json.loads(match[1]))
            elif match := _FIELD.fullmatch(line):
                row[match[1]] = json.loads(match[2])
        except (ValueError, KeyError, RecursionError):
            return EMPTY
    return Cache(kept={name: made for name, row in rows.items() if (made := _kept(row)) is not None})


def _kept(row: Mapping[str, Any]) -> Kept | None:
    try:
        models = tuple(Listed(**{**one, "facts": Facts(**one["facts"])}) for one in row["models"])
        kept = Kept(**{**row, "models": models})
    except (TypeError, KeyError):
        return None
    times = (kept.asked_at, kept.fetched_at, kept.took_ms)
    is_whole = _are(str, kept.url, kept.error or "") and _are(int, kept.failures)
    if not is_whole or not _are(int | float, kept.asked_at) or not all(map(_is_number, times)):
        return None
    return kept if all(map(_is_model, models)) else None


def _is_model(one: Listed) -> bool:
    facts = one.facts
    return (
        _are(str, one.name, facts.tier or "")
        and one.name.isprintable()
        and facts.tier in (None, *RANK)
        and all(_is_number(each, 0.0) for each in (one.size, one.usd_in, one.usd_out, facts.context))
        and all(each in (None, True, False) for each in (facts.tools, facts.reasoning, facts.vision))
    )


def _are(kind: type | UnionType, *values: object) -> bool:
    return all(isinstance(value, kind) for value in values)


def _is_number(value: object, least: float = -math.inf) -> bool:
    """Whether it is a finite number, or nothing at all."""
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value < _TOO_MUCH and math.isfinite(value)
