"""A gateway that has answered is asked again after a while, not at each start of a run."""

from __future__ import annotations

import asyncio
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

from pancode.domains.dispatch.gatekeeper import KNOWN_S, WINDOW, Gatekeeper
from pancode.engine.places import Places
from pancode.engine.tmux.workers import WorkerPanes
from pancode.gateway import hello
from pancode.gateway.passes import Pass, write_pass

LET_IN = Pass(run="k3f", token="t", upstream="http://10.0.0.7", key="k", calls="c")


class Stand:
    """A hidden session in which the gateway begins to answer when somebody looks for its window."""

    def __init__(self, places: Places) -> None:
        self.asked: list[str] = []
        self._places = places
        self._server: HTTPServer | None = None

    async def hidden(self) -> list[str]:
        asked, runtime = self.asked, self._places.runtime

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(hello.answer(runtime, self.path) or b"")

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", self._port()), Answers)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return [WINDOW]

    def _port(self) -> int:
        return int(json.loads(Path(self._places.gateway_port).read_text())["port"])

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def test_a_gateway_that_has_answered_is_not_asked_by_each_run_and_is_looked_for_later(tmp_path: Path) -> None:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runtime).mkdir(parents=True)
    write_pass(places.runtime, LET_IN)
    moment, stand = [100.0], Stand(places)

    async def asked_by(keeper: Gatekeeper, run: str, later: float) -> int:
        moment[0] += later
        await keeper.ready(run)
        return len(stand.asked)

    async def life() -> list[int]:
        keeper = Gatekeeper(places, cast("WorkerPanes", stand), lambda: moment[0])
        counts = [
            await asked_by(keeper, "k3f", 0.0),
            await asked_by(keeper, "k3f", KNOWN_S - 1),
            await asked_by(keeper, "k3f", 1.0),
            await asked_by(keeper, "without", KNOWN_S),
        ]
        stand.close()  # It has died, and not come back.
        return [*counts, await asked_by(keeper, "k3f", 0.0)]

    try:
        assert asyncio.run(life()) == [1, 1, 2, 2, 3]
    finally:
        stand.close()
