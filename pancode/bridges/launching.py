"""How an adapter starts its bridge: PanCode's own Python, with the request as JSON on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.worker.protocol import BRIDGE_KEY

if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

_TOLD = [
    "task",
    "model",
    "system_prompt",
    "tools",
    "level",
    "read_only",
    "session",
    "max_turns",
    "effort",
    "endpoint",
    "hook",
    "extra_args",
]


def bridge_launch(request: Request, module: str, more: Mapping[str, Any] | None = None) -> Launch:
    """Give the launch of the bridge `module`, such as "pancode.bridges.acp"; `more` becomes `Job.more`.

    The endpoint's key is a secret apart, as what is in the request is stored with the run; the shim passes it
    on behind the request.
    """
    told: dict[str, Any] = {name: request.get(name) for name in _TOLD}
    key = request["endpoint_key"] if request["endpoint"] else None
    return {
        "argv": [sys.executable, "-I", "-m", module],
        "env": {},
        "secret_env": {BRIDGE_KEY: key} if key else {},
        "files": {},
        "stdin": json.dumps({"v": 1, **told, "more": dict(more or {})}),
    }
