"""No record, line or file can make an adapter raise, and whatever it gives has the protocol's shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.replaying import FILES, TRANSCRIPTS, adapter, cases
from tests.adapters.shapes import problems

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def recorded(cli: str) -> list[dict[str, Any]]:
    """Give one recorded record of each type, as seeds that reach every branch."""
    seeds: dict[str, dict[str, Any]] = {}
    for case in cases(cli):
        for line in (TRANSCRIPTS / cli / f"{case}.jsonl").read_text().splitlines():
            if line.startswith('{"type"') and line.endswith("}"):
                record = json.loads(line)
                part = record.get("item") or record.get("event") or record.get("part") or {}
                seeds.setdefault(f"{record['type']}/{record.get('subtype')}/{part.get('type')}", record)
    return list(seeds.values())


SEEDS = {cli: recorded(cli) for cli in FILES}


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Give the path of every value inside a JSON value."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path] * bool(path) + [place for key, inner in items for place in places(inner, (*path, key))]


def bent(record: dict[str, Any], place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Give the record with another value at one place."""
    copy = json.loads(json.dumps(record))
    spot = copy
    for key in place[:-1]:
        spot = spot[key]
    spot[place[-1]] = value
    return dict(copy)


def all_events(cli: str, records: list[dict[str, Any]], files: dict[str, Any]) -> list[dict[str, Any]]:
    session = adapter(cli).Session()
    events = [event for record in records for event in session.feed(record)]
    return [*events, *session.end(files)]


@pytest.mark.parametrize("cli", FILES)
@settings(max_examples=150)
@given(data=st.data())
def test_a_bent_record_gives_events_of_the_right_shape(cli: str, data: st.DataObject) -> None:
    seeds = data.draw(st.lists(st.sampled_from(SEEDS[cli]), min_size=1, max_size=4))
    records = [bent(seed, data.draw(st.sampled_from(places(seed))), data.draw(JSON)) for seed in seeds]
    for event in all_events(cli, records, {}):
        assert problems(event) == []


@pytest.mark.parametrize("cli", FILES)
@settings(max_examples=100)
@given(record=st.dictionaries(st.text(max_size=8) | st.just("type"), JSON, max_size=5), files=JSON)
def test_any_json_object_gives_events_of_the_right_shape(
    cli: str, record: dict[str, Any], files: object
) -> None:
    read = dict.fromkeys(adapter(cli).READS, files)
    for event in all_events(cli, [record], read):
        assert problems(event) == []


@pytest.mark.parametrize("cli", FILES)
@settings(max_examples=100)
@given(
    line=st.text(max_size=60),
    start=st.sampled_from(["", "Attempt ", "Attempt 1 failed with status ", "Error: "]),
)
def test_any_line_of_noise_is_harmless(cli: str, line: str, start: str) -> None:
    session = adapter(cli).Session()
    for event in (*session.noise(start + line), *session.noise(f"{start}{line} Retrying"), *session.end({})):
        assert problems(event) == []


@pytest.mark.parametrize("cli", FILES)
def test_deep_nesting_is_harmless(cli: str) -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [{"k": deep}]
    for seed in SEEDS[cli]:
        for place in places(seed):
            all_events(cli, [bent(seed, place, deep)], dict.fromkeys(adapter(cli).READS, deep))
