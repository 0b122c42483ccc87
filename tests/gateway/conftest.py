"""A gateway per test, in front of a scripted model."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.scripted.server import ScriptedModel, serve_in_thread
from tests.gateway.bed import Bed, a_bed

Lay = Callable[..., tuple[Bed, ScriptedModel]]


@pytest.fixture
def lay() -> Iterator[Lay]:
    """Give a function that lays out model and gateway for a script."""
    with contextlib.ExitStack() as stack:

        def made(script: dict[str, object], **more: Any) -> tuple[Bed, ScriptedModel]:
            base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pcg", dir="/tmp")))
            model = stack.enter_context(serve_in_thread(script))
            return stack.enter_context(a_bed(base, model.url, **more)), model

        yield made
