"""A provider that says "too many requests": its runs wait for as long as it says, the others don't."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.session.conftest import Session
from tests.session.test_structured import ADAPTER, AGENTS
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux

LIMITED = """        elif kind == "limited":
            wait = float(value)
            yield {"kind": "retrying", "attempt": 1, "of": 3, "wait_s": wait, "http": 429, "why": "slow down"}
        else:
"""


@pytest.fixture
def limited(session: Session) -> Session:
    home = Path(session.environment["PANCODE_HOME"])
    (home / "adapters").mkdir(exist_ok=True)
    text = f'PYTHON = {sys.executable!r}\nHOSTS = ("models.invalid:443",)\n{ADAPTER}'
    text = text.replace(
        '        else:\n            yield {"kind": "unknown"',
        LIMITED + '            yield {"kind": "unknown"',
    )
    (home / "adapters" / "player.py").write_text(text, encoding="utf-8")
    (home / "panagents.yaml").write_text(AGENTS, encoding="utf-8")
    session.pancode("agents", "--json")
    return session


def test_a_provider_that_says_too_many_requests_is_left_alone_as_long_as_it_says(limited: Session) -> None:
    session, gate = limited, Path(limited.places.project) / "go"
    first = session.detached("-a", "steady", "--no-isolate", f"limited 2; gate {gate}; end one")
    wait_until(lambda: session.row(first)["retrying"], "the provider has said no")
    second = session.detached("-a", "steady", "--no-isolate", "end two")
    wait_until(lambda: session.json("runs", "show", second)["status"] == "done", "the pause is over")
    said = next(record for record in session.journal(first) if record["kind"] == "retrying")
    began = next(record for record in session.journal(second) if record["kind"] == "started")
    assert began["m"] - said["m"] >= 2.0
    gate.touch()
    wait_until(lambda: session.json("runs", "show", first)["status"] == "done", "the first has ended")
    (provider,) = session.json("queue")["providers"]
    assert (provider["state"], provider["answered"]) == ("ok", 2)


def test_what_waits_for_a_provider_is_told_and_other_runs_start(limited: Session) -> None:
    session, gate = limited, Path(limited.places.project) / "go"
    first = session.detached("-a", "steady", "--no-isolate", f"limited 600; gate {gate}; end one")
    wait_until(lambda: session.row(first)["retrying"], "the provider has said no")
    told = session.json("run", "--dry-run", "-a", "steady", "--no-isolate", "end two")
    assert told["run"]["provider"] == "models.invalid:443"
    assert "is left alone until" in told["waits"]

    second = session.detached("-a", "steady", "--no-isolate", "end two")
    assert session.json("run", "-a", "shell", "echo other")["status"] == "done"
    (provider,) = session.json("queue")["providers"]
    assert (provider["name"], provider["state"], provider["live"]) == ("models.invalid:443", "resting", 1)
    assert provider["why"] == "slow down (HTTP 429)"
    assert session.row(second)["waits"].startswith("models.invalid:443 is left alone until ")
    assert "left alone until" in session.pancode("queue")
    session.pancode("stop", second)
    session.pancode("stop", first)
