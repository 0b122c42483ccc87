"""The list of models is renewed when it is old, behind everything else, and by those who ask for it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.providers import probing, refreshing
from pancode.domains.providers.cache import NAME, after, read, write
from pancode.domains.providers.service import Service
from pancode.engine import keycommand
from tests.providers import engines
from tests.providers.conftest import Make
from tests.providers.engines import Engine, serving

FILE = """
providers:
  ollama: {{url: "{ollama}"}}
  lmstudio: {{url: "{lmstudio}"}}
  llamacpp: {{enabled: false}}
  company: {{url: "{vendor}", key_env: COMPANY_KEY}}
"""
KEY = {"COMPANY_KEY": "k-1"}
Engines = Mapping[str, Engine]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the servers of these tests more time than a person would wait: the machine may be busy."""
    for module, limit in ((probing, "CONNECT_S"), (probing, "LOCAL_S"), (refreshing, "CONNECT_S")):
        monkeypatch.setattr(module, limit, 15.0)


@pytest.fixture
def running() -> Iterator[Engines]:
    with ExitStack() as stack:
        yield {
            "ollama": stack.enter_context(serving(engines.OLLAMA)),
            "lmstudio": stack.enter_context(serving({"/api/v0/models": engines.html})),
            "vendor": stack.enter_context(serving({"/v1/models": engines.needs_key("k-1", engines.VENDOR)})),
        }


@pytest.fixture
def made(service: Make, running: Engines) -> Service:
    return service(FILE.format(**{name: one.url for name, one in running.items()}))


def test_engines_are_asked_and_vendors_only_with_their_key(made: Service, running: Engines) -> None:
    made.refresher({}).refresh({})
    assert running["vendor"].asked == []
    assert {one.name for one in made.models({})} == {"ollama/qwen3:30b", "ollama/gemma3:1b"}
    made.refresher(KEY).refresh(KEY)
    assert "company/vendor/large" in {one.name for one in made.models(KEY)}
    assert "k-1" not in Path(made.home, NAME).read_text()


def test_what_fails_is_kept_beside_the_others(made: Service) -> None:
    cache = made.refresher({}).refresh({})
    assert "no model server" in (cache.kept["lmstudio"].error or "")
    assert cache.kept["ollama"].error is None


def test_a_bare_name_is_found_in_what_was_told(made: Service) -> None:
    made.refresher({}).refresh({})
    target = made.resolve("qwen3:30b", {})
    assert (target.provider, target.context, target.tools, target.tier) == (
        "ollama",
        262144,
        True,
        "frontier",
    )


def test_with_nothing_named_the_best_that_answers_is_taken(made: Service) -> None:
    with pytest.raises(PanError, match="no provider with one answers"):
        made.resolve(None, {})
    made.refresher({}).refresh({})
    assert made.resolve(None, {}).model == "qwen3:30b"  # The other one calls no tools.


def test_what_runs_on_machines_of_ones_own_alone_costs_nothing(made: Service) -> None:
    assert not made.costs_nothing("qwen3:30b", KEY)
    made.refresher(KEY).refresh(KEY)
    assert made.costs_nothing("qwen3:30b", KEY)
    assert made.costs_nothing("ollama/qwen3:30b", KEY)
    assert made.costs_nothing("qwen3:30b", KEY, "ollama")
    assert made.costs_nothing("qwen3:30b", KEY, "127.0.0.1:8080")
    assert not made.costs_nothing("qwen3:30b", KEY, "company")
    assert not made.costs_nothing("qwen3:30b", KEY, "llm.example.com:443")
    assert not made.costs_nothing("vendor/large", KEY)
    assert not made.costs_nothing("claude-opus-5", KEY)


def test_only_what_is_due_is_asked(made: Service, running: Engines) -> None:
    refresher = made.refresher({})
    assert refresher.due({}) == {"ollama", "lmstudio"}
    assert "company" in made.refresher(KEY).due(KEY)
    refresher.refresh({})
    assert refresher.due({}) == set()
    old = read(made.home)
    aged = {name: type(one)(**{**_fields(one), "asked_at": 1.0}) for name, one in old.kept.items()}
    write(made.home, after(type(old)(kept=aged), {n: one.url for n, one in aged.items()}, []))
    assert refresher.due({}) == {"ollama", "lmstudio"}


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_behind_the_session_an_engine_that_came_meanwhile_is_found(
    service: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pancode.domains.providers.refreshing.FIRST_PAUSE_S", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        off = ", ".join(f"{name}: {{enabled: false}}" for name in ("lmstudio", "llamacpp"))
        made = service(f'providers: {{ollama: {{url: "http://127.0.0.1:{port}/v1"}}, {off}}}')
        assert made.refresher({}).refresh({}).kept["ollama"].error is not None
    with serving(engines.OLLAMA, port=port):

        async def behind() -> None:
            task = asyncio.create_task(made.refresher({}).keep_fresh({}))
            async with asyncio.timeout(20):
                while not made.models({}):  # noqa: ASYNC110 -- a file is what tells it
                    await asyncio.sleep(0.02)
            task.cancel()

        asyncio.run(behind())


def test_machines_are_asked_for_every_engine(service: Make) -> None:
    environment = {"PANCODE_LOCAL_MACHINES": "tower=10.0.0.7,attic=attic.lan:8000"}
    providers = {one.id: one.url for one in service().all(environment)}
    assert providers["tower-ollama"] == "http://10.0.0.7:11434/v1"
    assert providers["tower-llamacpp"] == "http://10.0.0.7:8080/v1"
    assert providers["attic"] == "http://attic.lan:8000/v1"
    assert service().resolve("tower-ollama/m", environment).local
    with pytest.raises(PanError, match="PANCODE_LOCAL_MACHINES"):
        service().all({"PANCODE_LOCAL_MACHINES": "10.0.0.7:1234"})


def pancode(home: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": home, "PANCODE_HOME": home, **more}
    return subprocess.run(
        [sys.executable, "-m", "pancode", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_verbs_show_models_and_providers_without_a_session(made: Service) -> None:
    told = pancode(made.home, "models")
    assert told.returncode == 0
    assert [line.split()[:3] for line in told.stdout.splitlines()][:3] == [
        ["model", "context", "tools"],
        ["ollama/gemma3:1b", "32k", "no"],
        ["ollama/qwen3:30b", "262k", "yes"],
    ]
    rows = json.loads(pancode(made.home, "models", "qwen", "--refresh", "--json").stdout)["models"]
    assert [(row["name"], row["tier"], row["usd_in"]) for row in rows] == [
        ("ollama/qwen3:30b", "frontier", 0.0)
    ]
    told = pancode(made.home, "providers", "--json", **KEY)
    states = {row["id"]: row["state"] for row in json.loads(told.stdout)["providers"]}
    assert states["ollama"] == states["company"] == "answers"
    assert (states["lmstudio"], states["openai"]) == ("fails", "no key")
    assert "k-1" not in told.stdout


def test_a_mistake_in_the_file_is_said_beside_the_table(service: Make) -> None:
    made = service("providers:\n  a: {urll: x}\n")
    told = pancode(made.home, "providers")
    assert told.returncode == 0
    assert 'panproviders.yaml:2: there is no key "urll"' in told.stderr
    assert "ollama" in told.stdout


def test_key_commands_run_together_and_one_that_prints_nothing_is_told(
    service: Make, running: Engines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keycommand, "SECONDS", 30.0)
    meet = tmp_path / "meet"
    meet.mkdir()
    each = (
        f"touch {meet}/$0; until [ $(ls {meet} | wc -l) = 3 ]; do sleep 0.02; done; [ $0 != c ] && echo k-1"
    )
    entries = (
        f"  {name}: {{url: '{running['vendor'].url}', key_command: [sh, -c, '{each}', {name}]}}"
        for name in "abc"
    )
    made = service("\n".join(["providers:", *entries, ""]))
    kept = made.refresher({}).refresh({}, thorough=True).kept
    assert [kept[name].error for name in "abc"] == [None, None, 'the key command "sh" ended with 1']
    assert "k-1" not in Path(made.home, NAME).read_text()
