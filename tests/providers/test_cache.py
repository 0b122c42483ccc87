"""model-cache.yaml: what it keeps, for how long, and what becomes of a broken one."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pancode.domains.providers.api import Facts
from pancode.domains.providers.asking import Found
from pancode.domains.providers.cache import EMPTY, LASTS_S, NAME, after, read, write
from pancode.domains.providers.listing import Listed
from pancode.engine.files import write_atomic

URLS = {"ollama": "http://127.0.0.1:11434/v1", "groq": "https://api.groq.com/openai/v1"}
QWEN = Listed(name="qwen3:30b", size=30.5, facts=Facts(context=262144, tools=True))
TOLD = Found(provider="ollama", at=1000.0, took_ms=12.5, models=(QWEN, Listed(name='od"d: #name')))
SILENT = Found(provider="ollama", at=2000.0, took_ms=800.0, error="it doesn't answer within 0.8 s")


def whole(old: str, new: str | None = None) -> str:
    """Give a good file with one odd value: a field of the provider, or `new` in the place of `old`."""
    model = '{"name": "m", "facts": {"tier": null}, "size": 1}'
    fields = {"url": '"u"', "asked_at": "1", "took_ms": "1", "failures": "0", "error": "null"}
    if new is None:
        name, _, value = old.partition(": ")
        fields[name] = value
    lines = [f"    {name}: {value}" for name, value in fields.items()]
    found = model if new is None else model.replace(old, new)
    return "\n".join(["version: 1", '  "a":', *lines, "    models:", f"    - {found}", ""])


def test_what_is_written_is_read_back_and_any_yaml_reader_understands_it(tmp_path: Path) -> None:
    cache = after(EMPTY, URLS, [TOLD])
    write(str(tmp_path), cache)
    assert read(str(tmp_path)) == cache
    text = (tmp_path / NAME).read_text()
    kept = yaml.safe_load(text)["providers"]["ollama"]
    assert kept["fetched_at"] == 1000.0
    assert [one["name"] for one in kept["models"]] == ["qwen3:30b", 'od"d: #name']
    assert stat.S_IMODE(os.stat(tmp_path / NAME).st_mode) == 0o600
    assert os.listdir(tmp_path) == [NAME]


def test_a_failure_keeps_the_models_of_before_with_the_reason() -> None:
    kept = after(after(EMPTY, URLS, [TOLD]), URLS, [SILENT, SILENT]).kept["ollama"]
    assert kept.models == TOLD.models
    assert (kept.error, kept.failures, kept.fetched_at, kept.asked_at) == (SILENT.error, 2, 1000.0, 2000.0)


def test_an_answer_ends_the_failures() -> None:
    kept = after(after(EMPTY, URLS, [SILENT]), URLS, [replace(TOLD, at=3000.0)]).kept["ollama"]
    assert (kept.error, kept.failures, kept.fetched_at) == (None, 0, 3000.0)


def test_a_model_that_had_no_time_to_say_more_keeps_what_was_known() -> None:
    hurried = replace(TOLD, at=2000.0, models=(Listed(name="qwen3:30b", size=30.5),))
    (model,) = after(after(EMPTY, URLS, [TOLD]), URLS, [hurried]).kept["ollama"].models
    assert model.facts == QWEN.facts


def test_what_is_no_provider_any_more_or_has_another_address_is_forgotten() -> None:
    cache = after(EMPTY, URLS, [TOLD])
    assert after(cache, {}, []).kept == {}
    assert after(cache, {"ollama": "http://10.0.0.7:11434/v1"}, []).kept == {}


@pytest.mark.parametrize(
    ("age", "stale"), [(0.0, False), (LASTS_S - 1, False), (LASTS_S, True), (-60.0, True)]
)
def test_an_answer_lasts_four_hours_and_none_comes_from_the_future(age: float, stale: bool) -> None:
    cache = after(EMPTY, URLS, [TOLD])
    assert cache.is_stale("ollama", URLS["ollama"], 1000.0 + age) is stale
    assert cache.is_stale("groq", URLS["groq"], 1000.0)


@pytest.mark.parametrize(
    "text",
    [
        "", "version: 2\nproviders:\n", "\x00\x01", 'version: 1\nproviders:\n  "a":\n    url: {\n',
        'version: 1\nproviders:\n    - {"name": 1}\n', 'version: 1\n  "a":\n    url: 7\n',
        'version: 1\n  "a":\n    asked_at: NaN\n    url: "u"\n',
        *(whole(one) for one in ("asked_at: null", 'asked_at: "x"', "took_ms: []", "failures: null")),
        *(whole(one) for one in ("error: 7", "fetched_at: 1e400")),
        *(whole('"name": "m"', one) for one in ('"name": null', '"name": "\\u001b[31m"')),
        *(whole('"size": 1', one) for one in ('"size": "x"', '"usd_in": NaN', '"usd_out": -1')),
        *(whole('"tier": null', one) for one in ('"tier": "huge"', '"context": "x"', '"tools": 7')),
    ],
)  # fmt: skip
def test_a_broken_file_counts_as_none(tmp_path: Path, text: str) -> None:
    write_atomic(str(tmp_path / NAME), text)
    assert read(str(tmp_path)) == EMPTY


def test_the_same_file_without_an_odd_value_counts(tmp_path: Path) -> None:
    write_atomic(str(tmp_path / NAME), whole('"size": 1', '"size": 2'))
    assert set(read(str(tmp_path)).kept) == {"a"}
