"""What a model's name resolves to, and where its key comes from."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.patience import patiently
from pancode.domains.providers.api import Provider
from pancode.domains.providers.keys import FAILED_S, Keys
from pancode.domains.providers.table import BUILT_IN
from tests.providers.conftest import Make

OWN = """
providers:
  company:
    url: https://llm.example.com/v1
    key_env: COMPANY_KEY
    models:
      big-coder: {context: 131072, tools: true, tier: frontier}
  bench:
    url: http://10.0.0.7:8000/v1
    local: true
    models: [small-one]
"""
PRINTS = """
providers:
  vault:
    url: https://llm.example.com/v1
    key_command: [PYTHON, -c, "CODE"]
"""


def printing(code: str) -> str:
    return PRINTS.replace("PYTHON", sys.executable).replace("CODE", code)


def test_provider_and_model_are_parted_at_the_first_slash(service: Make) -> None:
    target = service().resolve("openrouter/qwen/qwen3-coder", {"OPENROUTER_API_KEY": "k-1"})
    assert (target.provider, target.model) == ("openrouter", "qwen/qwen3-coder")
    assert (target.url, target.wire, target.key) == ("https://openrouter.ai/api/v1", "openai-chat", "k-1")


@pytest.mark.parametrize("provider", [one.id for one in BUILT_IN if one.local])
def test_an_engine_on_this_machine_needs_no_key(service: Make, provider: str) -> None:
    target = service().resolve(f"{provider}/m:30b", {})
    assert target.local
    assert target.key is None
    assert target.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("provider", [one for one in BUILT_IN if not one.local], ids=lambda one: one.id)
def test_each_vendor_takes_its_key_from_the_environment_and_says_which_is_missing(
    service: Make, provider: object
) -> None:
    from pancode.domains.providers.api import Provider

    assert isinstance(provider, Provider)
    for variable in provider.key_env:
        assert service().resolve(f"{provider.id}/m", {variable: "k-2"}).key == "k-2"
    with pytest.raises(PanError, match=provider.key_env[0]) as told:
        service().resolve(f"{provider.id}/m", {})
    assert told.value.code is ExitCode.CONFIG


def test_a_bare_name_is_found_where_the_operator_has_named_it(service: Make) -> None:
    target = service(OWN).resolve("big-coder", {"COMPANY_KEY": "k-3"})
    assert (target.provider, target.context, target.tools, target.tier) == (
        "company",
        131072,
        True,
        "frontier",
    )
    assert service(OWN).resolve("small-one", {}).url == "http://10.0.0.7:8000/v1"


def test_a_bare_name_of_a_vendors_family_is_that_vendors(service: Make) -> None:
    assert service().resolve("claude-next-9", {"ANTHROPIC_API_KEY": "k"}).wire == "anthropic"


def test_an_unknown_name_is_said_with_the_nearest_provider(service: Make) -> None:
    with pytest.raises(PanError, match='"olama/m"') as told:
        service().resolve("olama/m", {})
    assert told.value.code is ExitCode.NOT_FOUND
    assert "ollama" in (told.value.remedy or "")


@pytest.mark.parametrize(
    ("role", "variable"),
    [
        ("orchestrator", "PANCODE_MODEL"),
        ("worker", "PANCODE_WORKER_MODEL"),
        ("scout", "PANCODE_SCOUT_MODEL"),
    ],
)
def test_each_role_has_its_variable(service: Make, role: str, variable: str) -> None:
    assert service().resolve(None, {variable: "ollama/m"}, role).model == "m"  # type: ignore[arg-type]
    with pytest.raises(PanError, match="no model is named") as told:
        service().resolve(None, {}, role)  # type: ignore[arg-type]
    assert variable in (told.value.remedy or "")


def test_a_scout_without_a_model_of_its_own_has_the_workers(service: Make) -> None:
    assert service().resolve(None, {"PANCODE_WORKER_MODEL": "ollama/w"}, "scout").model == "w"


def test_an_endpoint_outranks_every_provider_and_gets_no_vendors_key(service: Make) -> None:
    environment = {"OPENAI_API_KEY": "vendors", "PANCODE_ENDPOINT_KEY_ENV": "MINE", "MINE": "own"}
    target = service().resolve("gpt-5.5", environment, endpoint="http://127.0.0.1:9000")
    assert (target.url, target.model, target.key, target.provider) == (
        "http://127.0.0.1:9000/v1",
        "gpt-5.5",
        "own",
        "127.0.0.1:9000",
    )


def test_the_endpoint_of_the_environment_counts_unless_a_provider_is_named(service: Make) -> None:
    environment = {"PANCODE_ENDPOINT": "http://127.0.0.1:9000/v1"}
    assert service().resolve("m", environment).url == "http://127.0.0.1:9000/v1"
    assert service().resolve("ollama/m", environment).provider == "ollama"


def test_a_key_command_is_run_once_and_its_output_is_trimmed(service: Make, home: Path) -> None:
    count = home / "count"
    made = service(printing(f"open('{count}','a').write('x'); print('k-4 ')"))
    for _ in range(3):
        assert made.resolve("vault/m", {}).key == "k-4"
    assert count.read_text() == "x"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print()", "has printed no key"),
        ("raise SystemExit('secret words')", "ended with 1"),
        ("print(chr(27) + 'secret')", "has printed no key"),
    ],
)
def test_a_key_command_that_fails_is_said_without_its_words(service: Make, code: str, said: str) -> None:
    with pytest.raises(PanError, match=said) as told:
        service(printing(code)).resolve("vault/m", {})
    assert "secret" not in str(told.value)
    assert told.value.code is ExitCode.CONFIG


def test_a_key_command_that_hangs_is_ended(
    service: Make, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr("pancode.engine.keycommand.SECONDS", 0.3)
    with pytest.raises(PanError, match="no key within"):
        service(printing("import signal; signal.pause()")).resolve("vault/m", {})


def test_a_key_command_keeps_no_loop_waiting_and_is_asked_once_for_all_who_wait() -> None:
    vault = Provider(id="vault", name="Vault", url="https://h/v1", key_command=("pass", "show"))
    released, asked, told = threading.Event(), list[str](), list[str]()
    words = ["", "k-6"]

    def printed(command: tuple[str, ...], _: Mapping[str, str]) -> str:
        asked.append(command[0])
        assert released.wait(20)
        if not (key := words.pop(0)):
            raise PanError("has printed no key")
        return key

    async def both(keys: Keys, now: list[float]) -> list[object]:
        waiting = [patiently(lambda: keys.of(vault, {}), told.append) for _ in range(2)]
        together = asyncio.gather(*waiting, return_exceptions=True)
        asyncio.get_running_loop().call_soon(released.set)  # The loop goes on meanwhile.
        found = await together
        now[0] += FAILED_S
        return [*found, await patiently(lambda: keys.of(vault, {}), told.append)]

    now = [0.0]
    first, second, third = asyncio.run(both(Keys(printed, lambda: now[0]), now))
    assert str(first) == str(second) == "has printed no key"
    assert third == "k-6"
    assert asked == ["pass", "pass"]
    assert set(told) == {"the key of Vault is waited for"}


def test_a_target_shows_no_key(service: Make) -> None:
    assert "k-5" not in repr(service().resolve("groq/m", {"GROQ_API_KEY": "k-5"}))


def test_the_sessions_endpoint_gets_its_key_by_tls_or_on_a_machine_of_ones_own(service: Make) -> None:
    environment = {"PANCODE_ENDPOINT": "http://10.0.0.7/v1", "PANCODE_ENDPOINT_KEY_ENV": "K", "K": "k"}
    with pytest.raises(PanError, match="would travel without TLS"):
        service().resolve("m", environment)
    own = {**environment, "PANCODE_LOCAL_MACHINES": "attic=10.0.0.7:80"}
    assert service().resolve("m", own).key == "k"
    assert service().resolve("m", {**environment, "PANCODE_ENDPOINT": "https://10.0.0.7"}).key == "k"
