"""A gateway that has answered is asked again when its connection has ended, not at each start of a run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast
from urllib.parse import urlsplit

import pytest

from pancode.core.errors import PanError
from pancode.domains.dispatch.gatekeeper import WINDOW, Gatekeeper
from pancode.engine.places import Places
from pancode.engine.tmux.workers import WorkerPanes
from pancode.gateway import hello
from pancode.gateway.passes import Pass, write_pass

LET_IN = Pass(run="k3f", token="t", upstream="http://10.0.0.7", key="k", calls="c")


class Stand:
    """A hidden session in which the gateway begins to answer when somebody looks for its window."""

    def __init__(self, places: Places) -> None:
        self.asked: list[socket.socket] = []
        self._places = places
        self._server: ThreadingHTTPServer | None = None

    async def hidden(self) -> list[str]:
        asked, runtime = self.asked, self._places.runtime

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.connection)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(hello.answer(runtime, self.path) or b"")

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port()), Answers)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return [f"{WINDOW}-{self._port()}"]

    def _port(self) -> int:
        return int(json.loads(Path(self._places.gateway_port).read_text())["port"])

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self.hang_up()
            self._server.server_close()

    def hang_up(self) -> None:
        for line in self.asked:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def test_a_gateway_is_asked_once_for_as_long_as_it_holds_the_connection(tmp_path: Path) -> None:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runtime).mkdir(parents=True)
    write_pass(places.runtime, LET_IN)
    stand = Stand(places)

    async def life() -> list[int]:
        keeper, counts = Gatekeeper(places, cast("WorkerPanes", stand), lambda _: None), []
        for run in ("without", "k3f", "k3f"):
            await keeper.ready(run)
            counts.append(len(stand.asked))
        stand.hang_up()
        await keeper.ready("k3f")
        return [*counts, len(stand.asked)]

    try:
        assert asyncio.run(life()) == [0, 1, 1, 2]
    finally:
        stand.close()


def test_who_was_to_go_by_a_port_that_was_taken_meanwhile_does_not_and_the_next_one_does(
    tmp_path: Path,
) -> None:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runtime).mkdir(parents=True)
    for run in ("k3f", "m2x"):
        write_pass(places.runtime, replace(LET_IN, run=run))
    stand, notes = Stand(places), list[str]()
    keeper = Gatekeeper(places, cast("WorkerPanes", stand), notes.append)
    taken = urlsplit(keeper.post("k3f").url).port

    class Rubbish(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    async def life() -> None:
        with pytest.raises(PanError, match=f"taken port {taken}, by which this run") as refused:
            await keeper.ready("k3f")
        assert refused.value.remedy == "the gateway has another port now: pancode retry k3f"
        assert urlsplit(keeper.post("m2x").url).port != taken
        await keeper.ready("m2x")

    with ThreadingHTTPServer(("127.0.0.1", taken or 0), Rubbish) as stranger:
        Thread(target=stranger.serve_forever, args=(0.01,), daemon=True).start()
        try:
            asyncio.run(life())
        finally:
            stranger.shutdown()
            stand.close()
    assert keeper.news() == notes
    assert "by the old one these reach no model any more: k3f" in notes[0]
