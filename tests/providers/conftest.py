"""A providers service over a home of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pancode.domains.panconfigure.settings import Environments
from pancode.domains.providers.service import Service

Make = Callable[..., Service]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def service(home: Path) -> Make:
    """Make the service over a panproviders.yaml with this text."""

    def made(text: str | None = None) -> Service:
        home.mkdir(exist_ok=True)
        if text is not None:
            (home / "panproviders.yaml").write_text(text)
        return Service(Environments(), str(home))

    return made
