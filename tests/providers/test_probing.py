"""Asking engines for their models: those that speak their real APIs, and those that are slow or wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from pancode.domains.providers import probing
from pancode.domains.providers.api import Facts
from pancode.domains.providers.asking import Endpoint, Found, ask
from pancode.domains.providers.listing import (
    Listed,
    llamacpp_models,
    lmstudio_models,
    ollama_shown,
    ollama_tags,
    openai_models,
)
from pancode.domains.providers.probing import probe
from pancode.engine import http
from tests.providers import engines
from tests.providers.engines import Pages, serving

CERTIFICATE = Path(__file__).parents[1] / "gateway" / "data" / "certificate.pem"
PATIENCE_S = 2.0
"""Seconds that a server gets where one of them never answers; the others are long done by then."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer than PanCode does: a machine that does much else may take a second for a good answer."""
    monkeypatch.setattr(probing, "CONNECT_S", 30.0)
    monkeypatch.setattr(probing, "LOCAL_S", 30.0)


def probed(pages: Pages, engine: Any, key: str | None = None) -> Found:
    with serving(pages) as server:
        (found,) = asyncio.run(
            probe([Endpoint(provider="p", engine=engine, url=server.url, local=True, key=key)])
        )
    return found


def test_ollama_tells_what_each_model_can_do_and_what_only_embeds_is_left_out() -> None:
    found = probed(engines.OLLAMA, "ollama")
    assert found.error is None
    assert found.models == (
        Listed(
            name="qwen3:30b",
            size=30.5,
            facts=Facts(context=262144, tools=True, reasoning=True, vision=False),
        ),
        Listed(
            name="gemma3:1b",
            size=0.99989,
            facts=Facts(context=32768, tools=False, reasoning=False, vision=False),
        ),
    )


def test_lm_studio_tells_the_context_that_a_model_is_loaded_with() -> None:
    models = {one.name: one.facts for one in probed(engines.LMSTUDIO, "lmstudio").models}
    assert models == {
        "qwen2.5-vl-7b-instruct": Facts(context=8192, tools=True, vision=True),
        "phi-4": Facts(context=16384, vision=False),
    }


def test_an_older_lm_studio_is_asked_as_openai_is() -> None:
    assert [one.name for one in probed(engines.LMSTUDIO_OLD, "lmstudio").models] == ["phi-4"]


def test_llama_cpp_tells_the_context_that_it_was_started_with() -> None:
    (model,) = probed(engines.LLAMACPP, "llamacpp").models
    assert (model.name, model.facts.context, model.facts.tools) == ("devstral.gguf", 16384, True)
    assert model.size == pytest.approx(23.57, abs=0.01)


def test_llama_cpp_without_its_properties_still_has_its_model() -> None:
    (model,) = probed({"/v1/models": engines.LLAMACPP["/v1/models"]}, "llamacpp").models
    assert model.facts.context == 131072


def test_a_vendor_is_asked_with_its_key_and_what_answers_no_chat_is_left_out() -> None:
    pages = {"/v1/models": engines.needs_key("k-1", engines.VENDOR)}
    found = probed(pages, "openai", "k-1")
    assert [one.name for one in found.models] == ["vendor/large", "plain"]
    large = found.models[0]
    assert large.facts == Facts(context=200000, tools=True, reasoning=True, vision=True)
    assert (large.usd_in, large.usd_out) == (3e-06, 1.5e-05)
    assert probed(pages, "openai", "wrong").error == "it doesn't accept the key (HTTP 401)"


def test_anthropic_gets_its_key_in_its_own_header() -> None:
    with serving({"/v1/v1/models": {"data": [{"id": "claude-x", "type": "model"}]}}) as server:
        asked = Endpoint(provider="p", engine="anthropic", url=server.url, local=True, key="k-2")
        (found,) = asyncio.run(probe([asked]))
    assert [one.name for one in found.models] == ["claude-x"]
    assert server.headers[0]["x-api-key"] == "k-2"


SLOW = {"dripping": (engines.drips, "within 2 s")} | {
    f"hanging {number}": (engines.hangs, "within 2 s") for number in range(5)
}
WRONG = {
    "html": (engines.html, "no model server"),
    "broken": (engines.broken, "HTTP 500"),
    "half": (engines.half, "no proper HTTP"),
    "cut": (engines.cut, "no model server"),
    "elsewhere": (engines.elsewhere, "HTTP 302"),
    "huge": (engines.huge, "more than 8 MB"),
    "garbage": (engines.garbage, "no proper HTTP"),
    "a number": (lambda handler: handler.reply(200, b"7"), "no list of models"),
    "another list": (lambda handler: handler.reply(200, b'{"data": {"id": 1}}'), "no list of models"),
}


@pytest.mark.parametrize("engine", ["openai", "ollama", "lmstudio", "llamacpp"])
def test_no_wrong_server_stops_or_slows_the_others(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import ExitStack

    wrong = WRONG
    if engine == "openai":
        wrong = SLOW | WRONG
        monkeypatch.setattr(probing, "LOCAL_S", PATIENCE_S)
    path = {"ollama": "/api/tags", "lmstudio": "/api/v0/models"}.get(engine, "/v1/models")
    with ExitStack() as stack:
        asked = [
            Endpoint(
                provider=name, engine=engine, local=True, url=stack.enter_context(serving({path: page})).url
            )
            for name, (page, _) in wrong.items()
        ]
        good = stack.enter_context(serving(engines.OLLAMA))
        asked.append(Endpoint(provider="good", engine="ollama", local=True, url=good.url))
        began = time.monotonic()
        found = {one.provider: one for one in asyncio.run(probe(asked))}
        took = time.monotonic() - began
    assert took < len(SLOW) * PATIENCE_S  # They are asked together: all the slow ones cost one patience.
    assert len(found["good"].models) == 2
    for name, (_, said) in wrong.items():
        if engine == "lmstudio" and "no list" in said:
            said = "HTTP 404"  # noqa: PLW2901 -- it is then asked as OpenAI is
        assert said in (found[name].error or ""), name


def test_where_nobody_listens_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: refused.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        (found,) = asyncio.run(probe([Endpoint(provider="p", engine="ollama", url=url, local=True)]))
    assert found.error == "nobody listens there"


def test_why_a_server_behind_tls_is_not_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in http.TRUSTED:
        monkeypatch.delenv(name, raising=False)

    def said(port: int) -> str | None:
        url = f"https://localhost:{port}/v1"
        (found,) = asyncio.run(probe([Endpoint(provider="p", engine="openai", url=url, local=True)]))
        return found.error

    pages: Pages = {"/v1/models": engines.VENDOR}
    with serving(pages, certificate=CERTIFICATE) as safe, serving(pages) as plain:
        assert "its certificate is not trusted" in (said(safe.port) or "")
        assert said(plain.port) == "it speaks no TLS: is its address http://?"
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert said(safe.port) is None
    lost = httpx.ConnectError("x")
    lost.__cause__ = socket.gaierror(-2, "Name or service not known")
    assert http._unreached(lost) == "there is no machine of that name"


def test_no_proxy_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert probed(engines.LLAMACPP, "llamacpp").error is None


def test_models_that_have_no_time_to_say_more_are_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LOCAL_S", PATIENCE_S)
    found = probed({"/api/tags": engines.OLLAMA_TAGS, "/api/show": engines.hangs}, "ollama")
    assert found.error is None
    assert found.models[0].name == "qwen3:30b"


def test_the_asking_is_a_process_of_its_own_that_gets_keys_through_a_pipe() -> None:
    with serving({"/v1/models": engines.needs_key("k-3", engines.VENDOR)}) as server:
        endpoint = Endpoint(provider="p", engine="openai", url=server.url, local=True, key="k-3")
        (found,) = ask([endpoint])
    assert [one.name for one in found.models] == ["vendor/large", "plain"]


def test_a_vendors_models_get_their_context_and_price_from_the_list() -> None:
    with serving({"/v1/models": {"data": [{"id": "gpt-4o"}]}}) as server:
        row = asdict(Endpoint(provider="openai", engine="openai", url=server.url, local=False))
        words = [sys.executable, "-P", "-m", "pancode.domains.providers.probing"]
        told = subprocess.run(words, input=json.dumps([row]), capture_output=True, text=True, check=True)
    (model,) = json.loads(told.stdout)[0]["models"]
    assert model["facts"]["context"]
    assert model["usd_in"] > 0


@pytest.mark.parametrize(
    "read",
    [openai_models, ollama_tags, lmstudio_models, lambda x: llamacpp_models(x, x)],
    ids=["openai", "ollama", "lmstudio", "llamacpp"],
)
@pytest.mark.parametrize(
    "answer",
    [
        None, 7, "x", [], {}, {"data": None}, {"models": "x"}, {"data": [None, 7, "x", [], {}]},
        {"data": [{"id": ["a"]}, {"id": "\x1b[2J"}, {"id": ""}, {"id": "y" * 300}]},
        {"data": [{"id": "m", "meta": 7, "type": [], "capabilities": 7, "pricing": {"prompt": "1e400"}}]},
        {"models": [{"name": "m", "details": {"parameter_size": {"a": 1}}}], "data": []},
    ],
    ids=range(11),
)  # fmt: skip
def test_no_answer_is_so_odd_that_reading_it_fails(read: Callable[[Any], Any], answer: Any) -> None:
    for one in read(answer) or []:
        assert one.name.isprintable()


@pytest.mark.parametrize(
    "shown", [None, [], {"capabilities": "x", "model_info": []}, {"model_info": {"a.context_length": "x"}}]
)
def test_an_odd_answer_about_one_model_tells_nothing(shown: Any) -> None:
    assert ollama_shown(Listed(name="m", size=1.0), shown) == Listed(name="m", size=1.0)
