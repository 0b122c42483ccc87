"""A scripted model in a thread, one for each script a test gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from pancode.scripted.server import ScriptedModel, serve_in_thread

Serve = Callable[[dict[str, object]], ScriptedModel]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:
        yield lambda script: stack.enter_context(serve_in_thread(script))
