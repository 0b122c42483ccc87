"""Whose calls go through the gateway: by what the operator has in the environment and in the home."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents.adapters import load
from pancode.domains.agents.api import Gatepost, LaunchAsk
from pancode.domains.agents.metering import Route, check_address, routed
from pancode.domains.panconfigure.api import Settings
from pancode.engine.shipped import adapters_dir

ADAPTERS, _ = load([adapters_dir()])
POST = Gatepost("http://127.0.0.1:20001", "pan-k3f-00")
CLAUDE, CODEX, GEMINI = "claude-code", "codex", "gemini"
VENDOR = "https://api.anthropic.com"
GATE = "http://127.0.0.1:20001"


def decided(
    home: Path,
    agent: str,
    environment: dict[str, str],
    endpoint: str | None = None,
    *,
    on: bool = True,
    post: Gatepost | None = POST,
) -> Route:
    ask = LaunchAsk(
        agent=agent,
        task="go",
        cwd=str(home),
        run_id="k3f",
        run_dir=str(home / "k3f"),
        grant=Grant(Mode.BUILD, Level.AUTO_EDIT),
        environment={"HOME": str(home), **environment},
        gateway=post,
    )
    settings = Settings(home="", gateway="on" if on else "off", local_machines="attic=10.0.0.7")
    return routed(ask, ADAPTERS[agent], endpoint, "my-key" if endpoint else None, settings)


@pytest.mark.parametrize(
    ("agent", "environment", "upstream", "endpoint"),
    [
        (CLAUDE, {"ANTHROPIC_API_KEY": "k"}, VENDOR, GATE),
        (
            CLAUDE,
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "https://a.example/x"},
            "https://a.example",
            f"{GATE}/x",
        ),
        (
            CLAUDE,
            {"ANTHROPIC_AUTH_TOKEN": "k", "ANTHROPIC_BASE_URL": "https://a.example"},
            "https://a.example",
            GATE,
        ),
        (
            CLAUDE,
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://10.0.0.7:8000"},
            "http://10.0.0.7:8000",
            GATE,
        ),
        (CODEX, {"CODEX_API_KEY": "k"}, "https://api.openai.com", f"{GATE}/v1"),
        (CODEX, {"OPENAI_API_KEY": "k"}, "https://api.openai.com", f"{GATE}/v1"),
        (GEMINI, {"GEMINI_API_KEY": "k"}, "https://generativelanguage.googleapis.com", GATE),
        (
            "copilot",
            {"COPILOT_PROVIDER_API_KEY": "k", "COPILOT_PROVIDER_BASE_URL": "http://127.0.0.1:9/v1"},
            "http://127.0.0.1:9",
            f"{GATE}/v1",
        ),
    ],
)
def test_a_key_of_the_operators_is_exchanged_at_the_gateway(
    tmp_path: Path, agent: str, environment: dict[str, str], upstream: str, endpoint: str
) -> None:
    found = decided(tmp_path, agent, environment)
    assert (found.meter.by, found.endpoint, found.key, found.vendor) == (
        "gateway",
        endpoint,
        POST.token,
        True,
    )
    assert found.upstream is not None
    assert (found.upstream.url, found.upstream.key) == (upstream, "k")
    assert found.upstream.bearer is ("ANTHROPIC_AUTH_TOKEN" in environment)


@pytest.mark.parametrize(
    ("agent", "environment", "why"),
    [
        (CLAUDE, {}, "its login is bound to its vendor's host"),
        (
            CLAUDE,
            {"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_USE_BEDROCK": "1"},
            "CLAUDE_CODE_USE_BEDROCK is set",
        ),
        (CLAUDE, {"ANTHROPIC_AUTH_TOKEN": "k"}, "ANTHROPIC_BASE_URL is not set"),
        (
            CLAUDE,
            {"ANTHROPIC_API_KEY": "k", "HTTPS_PROXY": "socks5://p:1"},
            "a proxy that is reached by http://",
        ),
        (GEMINI, {"GEMINI_API_KEY": "k", "GOOGLE_API_KEY": "g"}, "GOOGLE_API_KEY is set"),
        ("opencode", {"ANTHROPIC_API_KEY": "k"}, "chooses its provider by its own configuration"),
        ("copilot", {"GH_TOKEN": "k"}, "its login is bound to its vendor's host"),
    ],
)
def test_what_only_the_agent_can_reach_is_metered_at_the_end(
    tmp_path: Path, agent: str, environment: dict[str, str], why: str
) -> None:
    found = decided(tmp_path, agent, environment)
    assert (found.meter.by, found.endpoint, found.upstream) == ("end", None, None)
    assert why in found.meter.why


@pytest.mark.parametrize(
    ("agent", "file", "text", "environment"),
    [
        (CODEX, ".codex/config.toml", 'model_provider = "azure"', {"CODEX_API_KEY": "k"}),
        (CODEX, ".codex/auth.json", "{}", {"OPENAI_API_KEY": "k"}),
        (GEMINI, ".gemini/settings.json", '{"selectedType": "oauth-personal"}', {"GEMINI_API_KEY": "k"}),
        (GEMINI, ".gemini/oauth_creds.json", "{}", {"GEMINI_API_KEY": "k"}),
        (CLAUDE, ".claude/settings.json", '{"apiKeyHelper": "x"}', {"ANTHROPIC_API_KEY": "k"}),
    ],
)
def test_a_file_of_the_agents_may_bind_it(
    tmp_path: Path, agent: str, file: str, text: str, environment: dict[str, str]
) -> None:
    assert decided(tmp_path, agent, environment).meter.by == "gateway"
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(text)
    assert decided(tmp_path, agent, environment).meter.by == "end"


def test_a_key_that_outranks_a_login_goes_through_the_gateway(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / ".credentials.json").write_text("{}")
    assert decided(tmp_path, CLAUDE, {"ANTHROPIC_API_KEY": "k"}).meter.by == "gateway"


def test_the_operators_endpoint_keeps_its_path_and_is_no_vendors(tmp_path: Path) -> None:
    found = decided(tmp_path, "opencode", {}, "https://gate.example/llm/v1")
    assert (found.endpoint, found.vendor) == (f"{GATE}/llm/v1", False)
    assert found.upstream is not None
    assert (found.upstream.url, found.upstream.key) == ("https://gate.example", "my-key")


def test_without_a_gateway_everything_is_as_it_was(tmp_path: Path) -> None:
    for found in (
        decided(tmp_path, CLAUDE, {}, "https://a.example", on=False),
        decided(tmp_path, CLAUDE, {}, "https://a.example", post=None),
    ):
        assert (found.meter.by, found.endpoint, found.key) == ("end", "https://a.example", "my-key")


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({"HTTPS_PROXY": "http://me:pw@p.example:3128"}, "http://me:pw@p.example:3128"),
        ({"https_proxy": "p.example:3128"}, "http://p.example:3128"),
        ({"ALL_PROXY": "http://p.example:1"}, "http://p.example:1"),
        ({"HTTPS_PROXY": "http://p.example:1", "NO_PROXY": "localhost,.anthropic.com"}, None),
        ({"HTTP_PROXY": "http://p.example:1"}, None),
    ],
)
def test_the_operators_proxy_is_taken_along(
    tmp_path: Path, environment: dict[str, str], proxy: str | None
) -> None:
    found = decided(tmp_path, CLAUDE, {"ANTHROPIC_API_KEY": "k", **environment})
    assert found.upstream is not None
    assert found.upstream.proxy == proxy


@pytest.mark.parametrize(
    ("agent", "variable", "key"),
    [
        (CLAUDE, "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"),
        ("claude-sdk", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
        (CODEX, "OPENAI_BASE_URL", "CODEX_API_KEY"),
        (GEMINI, "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
        ("copilot", "COPILOT_PROVIDER_BASE_URL", "COPILOT_PROVIDER_API_KEY"),
        ("openai-agents", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
    ],
)
def test_an_agents_key_goes_to_nobody_elses_machine_without_tls(
    tmp_path: Path, agent: str, variable: str, key: str
) -> None:
    home, settings = {"HOME": str(tmp_path)}, Settings(home="", local_machines="attic=10.0.0.7")

    def check(url: str, **more: str) -> None:
        check_address(ADAPTERS[agent], {variable: url, **more}, home, settings)

    check("http://a.example")  # No key, nothing to lose.
    for url in ("https://a.example", "http://127.0.0.1:9", "http://10.0.0.7:8000", "no address"):
        check(url, **{key: "k"})
    for url in ("http://a.example", " HTTP://a.example/v1", "http://me:pw@a.example"):
        with pytest.raises(PanError, match="travel without TLS"):
            check(url, **{key: "k"})
    with pytest.raises(PanError, match="travel without TLS"):
        decided(tmp_path, agent, {variable: "http://a.example", key: "k"})
    if agent == CLAUDE:
        (tmp_path / ".claude").mkdir()
        (tmp_path / ".claude" / ".credentials.json").write_text("{}")
        with pytest.raises(PanError, match="travel without TLS"):
            check("http://a.example")
