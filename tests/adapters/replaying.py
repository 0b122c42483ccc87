"""Loads adapters by path and replays transcripts through them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pancode.worker.protocol import AgentEvent, Usage


ROOT = Path(__file__).parents[2]
TRANSCRIPTS = ROOT / "tests" / "data" / "transcripts"
FILES = {
    "claude": "claude_code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "copilot": "copilot",
}
"""Folder of the transcripts -> name of the adapter's file."""


@cache
def adapter(cli: str) -> ModuleType:
    """Load the adapter of a CLI the way that PanCode does: by path."""
    path = ROOT / "adapters" / f"{FILES[cli]}.py"
    spec = importlib.util.spec_from_file_location(f"adapter_under_test_{cli}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Replay:
    """The events of one transcript, in order."""

    events: tuple[AgentEvent, ...]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def text(self) -> str:
        return "".join(event["text"] for event in self.of("text"))

    def finish(self) -> Mapping[str, Any]:
        (finish,) = self.of("finished")
        return finish

    def usage(self) -> dict[str, int | None]:
        """Give what a reader makes of the usage events: `total` replaces, `step` adds."""
        seen: dict[str, int | None] = {}
        for event in self.of("usage"):
            counts = {name: event[name] for name in event if name not in ("kind", "scope")}
            if event["scope"] == "step":
                counts = {name: _add(seen.get(name), count) for name, count in counts.items()}
            seen = counts
        return seen

    def cost(self) -> float | None:
        seen: float | None = None
        for event in self.of("cost"):
            seen = event["usd"] + (seen or 0 if event["scope"] == "step" else 0)
        return seen


def _add(seen: int | None, more: int | None) -> int | None:
    return seen if more is None else more + (seen or 0)


def replay(cli: str, case: str, previous: Usage | None = None) -> Replay:
    """Feed a recorded stream, then its standard error, then the end without any file."""
    folder, session = TRANSCRIPTS / cli, adapter(cli).Session(previous)
    events: list[AgentEvent] = []
    for line in (folder / f"{case}.jsonl").read_text().splitlines():
        record = _record(line)
        events += session.noise(line) if record is None else session.feed(record)
    errors = folder / f"{case}.stderr"
    for line in errors.read_text().splitlines() if errors.exists() else ():
        events += session.noise(line)
    return Replay((*events, *session.end({})))


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def cases(cli: str) -> list[str]:
    return sorted(path.stem for path in (TRANSCRIPTS / cli).glob("*.jsonl"))
