"""Native agents against their bars: how soon the first model request is there, and what each loop takes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pancode.bench.bed import Bed
from pancode.bench.measures import MEGABYTE, ended, spread
from pancode.cli.client import Link
from pancode.core.errors import PanError
from pancode.engine import clock, files, processes

ARRIVAL_S = 30.0
CROWDS = (1, 10, 20)
_MARK = re.compile(rb"bench-[0-9]+-[0-9]+")
_CHUNKS: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Done."}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
)


class Holder(ThreadingHTTPServer):
    """A model that notes when each request came, and answers none before it is told to."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of the loopback."""
        super().__init__(("127.0.0.1", 0), _Held)
        self.came: dict[bytes, float] = {}
        self.open = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def arrival(self, mark: str) -> float:
        """Wait for the request of a task; give its monotonic time."""
        until = clock.monotonic() + ARRIVAL_S
        while mark.encode() not in self.came:
            if clock.monotonic() > until:
                raise PanError(f"no model request came from {mark}")
            threading.Event().wait(0.001)
        return self.came[mark.encode()]


class _Held(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Holder

    def do_POST(self) -> None:
        """Note the time, wait, answer."""
        at = clock.monotonic()
        body = self.rfile.read(int(self.headers["content-length"]))
        if found := _MARK.search(body):
            self.server.came.setdefault(found[0], at)
        self.server.open.wait(ARRIVAL_S)
        lines = [
            {"id": "b", "object": "chat.completion.chunk", "created": 1, "model": "b", **each}
            for each in _CHUNKS
        ]
        data = b"".join(b"data: %b\n\n" % json.dumps(line).encode() for line in lines) + b"data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""


@contextlib.contextmanager
def holding() -> Iterator[Holder]:
    """Serve a `Holder`."""
    model = Holder()
    thread = threading.Thread(target=model.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield model
    finally:
        model.open.set()
        model.shutdown()
        thread.join()
        model.server_close()


def native(made: Bed, times: int, crowds: tuple[int, ...]) -> dict[str, Any]:
    """Milliseconds from the order until the loop is ready, and until its first model request is there.

    One after the other, then so many at once as `crowds` says, with the megabytes of each loop. The
    requests go through the gateway, which asks the controller first. The session knows no model, so that
    its first run waits until host and gateway are there: that one is told by itself.
    """
    link = made.link()
    _, first = _alone(made, link, times)
    spans = [_alone(made, link, number) for number in range(times)]
    found: dict[str, Any] = {
        "cold_ms": round(first, 1),
        "ready_ms": spread(ready for ready, _ in spans),
        "first_request_ms": spread(there for _, there in spans),
    }
    found["crowds"] = {str(crowd): _crowd(made, link, crowd) for crowd in crowds}
    found["host_pss_mb"] = round(processes.memory(host_of(made))[1] / MEGABYTE, 1)
    link.close()
    return found


def _alone(made: Bed, link: Link, number: int) -> tuple[float, float]:
    with holding() as model:
        mark = f"bench-1-{number}"
        began = clock.monotonic()
        run = _start(made, link, model, mark)
        there = model.arrival(mark)
        model.open.set()
        ended(made, [run])
    return (_ready(made, run, there) - began) * 1000, (there - began) * 1000


def _ready(made: Bed, run: str, there: float) -> float:
    """Give the monotonic time of a run's first turn.

    The shim writes it down when it comes to reading; a loop whose request is `there` was ready before.
    """
    for record in files.read_journal(os.path.join(made.places.runs, run, "events.jsonl")):
        if record["kind"] == "turn":
            return min(float(record["m"]), there)
    raise PanError(f"run {run} never asked its model")


def _crowd(made: Bed, link: Link, crowd: int) -> dict[str, Any]:
    with holding() as model:
        marks = [f"bench-{crowd}-{number}" for number in range(crowd)]
        began = clock.monotonic()
        runs = [_start(made, link, model, mark) for mark in marks]
        there = [model.arrival(mark) for mark in marks]
        loops = [processes.memory(pid) for pid in _loops(host_of(made))]
        model.open.set()
        ended(made, runs)
    return {
        "ready_ms": spread((_ready(made, *each) - began) * 1000 for each in zip(runs, there, strict=True)),
        "first_request_ms": spread((each - began) * 1000 for each in there),
        "loops": len(loops),
        "loop_pss_mb": spread(pss / MEGABYTE for _, pss in loops),
    }


def _start(made: Bed, link: Link, model: Holder, task: str) -> str:
    args = {"agent": "native", "task": task, "cwd": made.places.project, "model": "b", "endpoint": model.url}
    return str(link.request("run", args)["run_id"])


def host_of(made: Bed) -> int:
    """Give the pid of the session's native host: the kernel knows who listens."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(made.places.native_socket)
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[0])


def _loops(host: int) -> list[int]:
    """Give the loops of a host; some of its children only stand by."""
    with open(os.path.join("/proc", str(host), "task", str(host), "children"), encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    return [pid for pid in children if _name(pid).startswith("loop ")]


def _name(pid: int) -> str:
    with open(os.path.join("/proc", str(pid), "comm"), encoding="ascii") as file:
        return file.read()
