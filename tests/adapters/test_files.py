"""The adapter files themselves: small, importing nothing, and as docs/adapters.md says."""

from __future__ import annotations

import ast
import json
import re
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.adapters.replaying import FILES, ROOT, adapter
from tests.adapters.shapes import problems

if TYPE_CHECKING:
    from pancode.worker.protocol import Request

MOST_LINES = 200
DOCS = (ROOT / "docs" / "adapters.md").read_text()
PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
    "copilot": "@github/copilot",
}


def source(cli: str) -> str:
    return (ROOT / "adapters" / f"{FILES[cli]}.py").read_text()


def row(title: str) -> list[str]:
    """Give the cells of a row of the documentation's table, in the order of the table."""
    (line,) = [line for line in DOCS.splitlines() if line.startswith(f"| {title} |")]
    return [cell.strip(" `") for cell in line.strip("|").split("|")[1:]]


@pytest.mark.parametrize("cli", FILES)
def test_an_adapter_is_short(cli: str) -> None:
    assert len(source(cli).splitlines()) <= MOST_LINES


@pytest.mark.parametrize("cli", FILES)
def test_loading_an_adapter_imports_nothing(cli: str) -> None:
    tops = [node for node in ast.parse(source(cli)).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [node.module for node in tops if isinstance(node, ast.ImportFrom)] == ["__future__"]
    assert len(tops) == 1


def test_the_documentation_names_the_versions_that_the_adapters_were_tested_with() -> None:
    assert row("tested with") == [adapter(cli).VERSIONS[-1] for cli in FILES]
    assert row("`ID`") == [adapter(cli).ID for cli in FILES]


@pytest.mark.parametrize(
    ("title", "word"),
    [
        ("`tools`", "tools"),
        ("`token_budget`", "token_budget"),
        ("`max_turns`", "max_turns"),
        ("effort (`speed`)", "effort"),
        ("goes on with a conversation", "resume"),
    ],
)
def test_the_documentation_says_what_each_adapter_can(title: str, word: str) -> None:
    told = {cli: not cell.startswith("no") for cli, cell in zip(FILES, row(title), strict=True)}
    assert told == {cli: word in adapter(cli).CAN for cli in FILES}


def test_the_real_agents_are_pinned_to_those_versions() -> None:
    folder = ROOT / "tests" / "agents"
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    assert wanted == {PACKAGES[cli]: adapter(cli).VERSIONS[-1] for cli in FILES}
    text = (folder / "package-lock.json").read_text()
    locked = json.loads(text)["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert "resolved" not in text
    assert "http" not in text


@pytest.mark.parametrize(
    ("cli", "words"),
    [("claude", "--resume s --fork-session"), ("codex", "fork s -"), ("opencode", "-s s --fork")],
)
def test_a_branch_is_a_thread_of_its_own(plain: Request, cli: str, words: str) -> None:
    forked = adapter(cli).launch({**plain, "session": "s", "fork": True})["argv"]
    assert words in " ".join(forked)
    assert "fork" not in " ".join(adapter(cli).launch({**plain, "session": "s"})["argv"])


def test_the_example_of_the_documentation_is_an_adapter(plain: Request) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    module = ModuleType("acme")
    exec(compile(block, "docs/adapters.md", "exec"), module.__dict__)  # noqa: S102
    made = module.launch({**plain, "endpoint": "http://127.0.0.1:1", "session": "s"})
    assert made["argv"] == ["/usr/bin/agent", "run", "--jsonl", "--resume", "s"]
    assert made["stdin"] == "do it"
    session = module.Session()
    records = [{"type": "text", "text": "hi"}, {"type": "odd"}, {"type": "end", "ok": True}]
    events = [event for record in records for event in session.feed(record)]
    assert [event["kind"] for event in events] == ["text", "unknown", "finished"]
    assert [problem for event in events for problem in problems(event)] == []
    assert [*session.noise("x"), *session.end({})] == []
