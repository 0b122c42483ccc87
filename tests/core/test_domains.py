"""A new domain is a folder: nothing else is edited, and its handler is called."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pancode import domains
from pancode.core.host import Caller
from pancode.engine.places import Places
from pancode.finding import manifests
from pancode.hosting import Controller

MANIFEST = """
from pancode.core.manifest import Manifest
MANIFEST = Manifest(name="weather", summary="Says what it is like outside")
"""
EXTENSION = """
def register(host):
    async def answer(args, caller):
        return {"sky": args["at"] + ": grey"}
    host.serve("weather", answer)
"""


class Nobody:
    gone = True
    pid = None

    async def send(self, event: Any) -> None:  # noqa: ARG002 -- the shape of a caller
        raise ConnectionError

    def tell(self, event: Any) -> None:
        """Say it to nobody."""


@pytest.fixture
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "more" / "weather"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Weather."""\n')
    (folder / "manifest.py").write_text(MANIFEST)
    (folder / "extension.py").write_text(EXTENSION)
    monkeypatch.setattr(domains, "__path__", [*domains.__path__, str(tmp_path / "more")])


@pytest.mark.usefixtures("weather")
def test_a_domain_in_a_folder_is_found_and_its_handler_is_called(tmp_path: Path) -> None:
    assert "weather" in {one.name for one in manifests()}
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    places.make()
    controller = Controller(places)
    importlib.import_module("pancode.domains.weather.extension").register(controller)
    caller: Caller = Nobody()

    async def ask() -> Mapping[str, Any]:
        return await controller.requests.handler("weather")({"at": "noon"}, caller)

    answer = asyncio.run(ask())
    assert answer == {"sky": "noon: grey"}
    controller.store.close()
