"""Talking to the session's controller from a verb."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, TypeVar

import click

from pancode.core.errors import ExitCode, PanError
from pancode.engine import clock
from pancode.engine.places import Places

ON_ITS_WAY = 5.0
"""Seconds that a controller may take to listen; on a quiet machine it takes a quarter of one."""
LOOK_AGAIN = 0.02
PATIENCE = 30.0
"""Seconds of silence after which a controller that was asked something short is stuck."""
_F = TypeVar("_F", bound=Callable[..., Any])


def session_option(verb: _F) -> _F:
    """Add `--session N`: which of the project's sessions is meant."""
    return click.option("--session", metavar="NAME", help="Session of this project.  [default: main]")(verb)


def json_option(verb: _F) -> _F:
    """Add `--json`: one JSON value on standard output, and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(verb)


class Link:
    """One connection to a controller; requests go one after the other."""

    def __init__(self, places: Places) -> None:
        """Connect; raise PanError UNREACHABLE if nobody listens there.

        While the session's tmux lives, its controller is on its way: just started, or started again.
        """
        until = clock.monotonic() + ON_ITS_WAY
        while (connected := _connected(places.socket)) is None:
            if clock.monotonic() > until or not _is_alive(places.tmux_socket):
                from pancode.domains.session.naming import typed

                raise PanError(
                    f'session "{places.session}" of {places.project} is not up',
                    remedy=typed(places, "up"),
                    code=ExitCode.UNREACHABLE,
                )
            time.sleep(LOOK_AGAIN)
        self._socket = connected
        self._lines = self._socket.makefile("rb")
        self._number = 0

    def request(self, verb: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask and give the answer; of the events on the way what is waited for is told.

        Raises the controller's PanError.
        """
        self._socket.settimeout(PATIENCE)
        answer: dict[str, Any] = {}
        for answer in self._exchange(verb, args):
            if waits := answer.get("event", {}).get("waits"):
                click.echo(f"pancode: {waits}", err=True)
        return answer["result"]  # type: ignore[no-any-return]

    def stream(self, verb: str, args: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Ask and give each event as {"event": ...}, and at the end {"result": ...}."""
        return self._exchange(verb, args)

    def _exchange(self, verb: str, args: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
        self._number += 1
        ask = {"id": self._number, "verb": verb, "args": dict(args or {})}
        with contextlib.suppress(OSError):  # The missing answer says it.
            self._socket.sendall(json.dumps(ask).encode() + b"\n")
        while True:
            line = self._read()
            if "event" in line:
                yield line
            elif line.get("ok"):
                yield line
                return
            else:
                raise _error(line.get("error") or {})

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(OSError):  # A timeout among them.
            if line := self._lines.readline():
                return json.loads(line)  # type: ignore[no-any-return]
        raise PanError(
            "the controller doesn't answer, or went away before it did",
            remedy="ask again; a killed one is replaced at once, and the workers go on",
            code=ExitCode.UNREACHABLE,
        )

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()


def _connected(path: str) -> socket.socket | None:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(path)
    except OSError:
        link.close()
        return None
    return link


def _is_alive(path: str) -> bool:
    """Whether a tmux server listens there."""
    link = _connected(path)
    if link is not None:
        link.close()
    return link is not None


def request(verb: str, args: Mapping[str, Any] | None = None, *, places: Places) -> dict[str, Any]:
    """Ask one thing of the session's controller; raise PanError for its no, or if it isn't up."""
    link = Link(places)
    try:
        return link.request(verb, args)
    finally:
        link.close()


def request_or_start(verb: str, args: Mapping[str, Any], *, places: Places) -> dict[str, Any]:
    """Ask the session's controller; start the session if none answers, and ask again."""
    try:
        return request(verb, args, places=places)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE:
            raise
    from pancode.cli.opening import open_session
    from pancode.domains.session.start import wait_ready

    open_session(places)
    wait_ready(places)
    return request(verb, args, places=places)


def stream(
    verb: str, args: Mapping[str, Any] | None = None, *, places: Places
) -> Generator[dict[str, Any], None, None]:
    """Ask one thing and give the events, then the result; hang up when the caller stops reading."""
    link = Link(places)
    try:
        yield from link.stream(verb, args)
    finally:
        link.close()


def _error(told: Mapping[str, Any]) -> PanError:
    code = next((code for code in ExitCode if code == told.get("code")), ExitCode.FAILED)
    return PanError(str(told.get("problem")), remedy=told.get("remedy"), code=code)


def operator_environment() -> dict[str, str]:
    """Give this process's variables; of them a worker gets only what its agent's allow-list names.

    They travel over the socket alone. TERM is the pane's business, and tmux's variables nobody's.
    """
    return {
        name: value for name, value in os.environ.items() if name != "TERM" and not name.startswith("TMUX")
    }
