"""A request as the agents domain makes it, for the tests of launch lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pancode.worker.protocol import Request


@pytest.fixture
def plain() -> Request:
    """Give a request with nothing special in it."""
    return {
        "binary": "/usr/bin/agent",
        "task": "do it",
        "cwd": "/project",
        "run_dir": "/state/runs/k3f",
        "level": "auto-edit",
        "read_only": False,
        "is_root": False,
        "model": None,
        "system_prompt": None,
        "tools": None,
        "max_turns": None,
        "effort": None,
        "endpoint": None,
        "endpoint_key": None,
        "endpoint_is_vendors": False,
        "session": None,
        "extra_args": [],
        "sandboxed": False,
        "hook": None,
    }
