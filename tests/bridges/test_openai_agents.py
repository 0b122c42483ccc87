"""The launch of the OpenAI Agents SDK, and what its bridge counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agents import ModelResponse, Usage

from pancode.bridges.openai_agents import usage_of
from pancode.bridges.wire import read_job
from pancode.domains.agents.adapters import Adapter, load_file
from pancode.worker.protocol import BRIDGE_KEY
from tests.bridges.test_wire import REQUEST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    found = load_file(str(ROOT / "adapters" / "openai_agents.py"))
    assert isinstance(found, Adapter)
    return found


def launched(adapter: Adapter, **changes: Any) -> Any:
    request: Any = {**REQUEST, **changes}
    return adapter.launch(request)


@pytest.mark.parametrize(
    ("changes", "endpoint", "vendor"),
    [
        ({"endpoint": "http://127.0.0.1:9"}, "http://127.0.0.1:9/v1", False),
        ({"endpoint": "http://127.0.0.1:9/v1/"}, "http://127.0.0.1:9/v1", False),
        ({"endpoint": "http://127.0.0.1:9/v1", "endpoint_is_vendors": True}, "http://127.0.0.1:9/v1", True),
        ({"endpoint": None, "endpoint_key": None}, None, True),
    ],
)
def test_the_vendor_is_spoken_to_in_its_own_api(
    adapter: Adapter, changes: dict[str, Any], endpoint: str | None, vendor: bool
) -> None:
    made = launched(adapter, **changes)
    job = read_job(made["stdin"], None)
    assert (job.endpoint, job.more) == (endpoint, {"vendor": vendor})


def test_no_key_is_stored(adapter: Adapter) -> None:
    made = launched(adapter)
    assert made["secret_env"] == {BRIDGE_KEY: "token-1"}
    assert "token-1" not in json.dumps([made["argv"], made["env"], made["files"], made["stdin"]])


def test_cached_tokens_are_not_counted_twice() -> None:
    details: Any = {"cached_tokens": 800, "cache_write_tokens": 0}
    usage = Usage(input_tokens=2000, input_tokens_details=details, output_tokens=34)
    usage.output_tokens_details.reasoning_tokens = 5
    told = usage_of(ModelResponse([], usage, None))
    assert (told["input"], told["cache_read"], told["output"], told["reasoning"]) == (1200, 800, 34, 5)
