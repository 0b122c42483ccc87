"""Brings a session up: one tmux call for server, controller and panes; a failure leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.api import Beginning
from pancode.domains.session import locks
from pancode.domains.session.ask import controller_pid
from pancode.domains.session.beginning import begin, preset_of
from pancode.domains.session.chain import (
    CONTROL,
    PAN,
    Command,
    Opening,
    controller_commands,
    session_commands,
)
from pancode.domains.session.naming import typed
from pancode.domains.session.programs import Programs, own_programs
from pancode.domains.session.unended import note_on_unended
from pancode.engine import shipped
from pancode.engine.files import read_json
from pancode.engine.places import Places
from pancode.engine.tmux.conf import configuration, terminal_name, user_prefix, user_source
from pancode.engine.tmux.environment import handover_lines, server_environment
from pancode.engine.tmux.layout import Layout, find_layout
from pancode.engine.tmux.server import Server, look, remove_stale
from pancode.engine.tmux.text import tmux_text
from pancode.engine.tmux.version import Version, require_tmux

READY_SECONDS = 15.0
"""A controller answers 0.1 s after its start; a loaded machine may take longer, a broken one never does."""
LEFTOVER_SECONDS = 3.0
"""A controller ends by itself when its tmux server is gone; this is how long that may take."""
DEFAULT_LAYOUT = "default"
DETACHED_SIZE = (120, 40)
"""Columns and rows until somebody attaches, whose terminal then decides."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asked `up` for, None means: not said; and what a new session begins with."""

    layout: str | None = None
    preset: str | None = None
    beginning: Beginning = field(default_factory=Beginning)


@dataclass(slots=True)
class Up:
    """How `up` found or left the session; `notes` are sentences for the operator."""

    created: bool
    notes: list[str] = field(default_factory=list)


def bring_up(places: Places, wish: Wish, programs: Programs) -> Up:
    """Make sure that the session runs; two callers at once get one session.

    PanError for everything that stands in the way; what this call created is gone again then.
    """
    version = require_tmux()
    layout = _layout(places, wish.layout) if wish.layout is not None else None
    before = os.path.isdir(places.runtime)
    with locks.only_one(places):
        try:
            return _bring_up(places, wish, programs, version, layout)
        except BaseException:
            if not before:
                clear_runtime(places)
            raise


def _bring_up(
    places: Places,
    wish: Wish,
    programs: Programs,
    version: Version,
    chosen: Layout | None,
) -> Up:
    found = look(places.tmux_socket)
    server = Server(places.tmux_socket)
    if found.state == "hung":
        raise PanError(
            f'the tmux server of session "{places.session}" doesn\'t answer',
            remedy="pancode down ends it",
            code=ExitCode.UNREACHABLE,
        )
    up = Up(created=found.state != "alive")
    if remove_stale(places.tmux_socket):
        up.notes.append("removed the stale socket of a session that had ended without pancode down")
    if up.created:
        _no_second_controller(places)
        up.notes += note_on_unended(places)
    has_pan = not up.created and server.has_session(PAN)
    has_control = not up.created and server.has_session(CONTROL)
    if has_pan:
        _same_wish(places, wish)
    layout = chosen or _layout(places, _about(places).get("layout") if has_pan else wish.beginning.layout)
    opening = Opening(places, layout, programs, _terminal_size())
    commands: list[Command] = []
    if up.created:
        begin(places, wish.beginning)
    if not has_control:
        commands += [*_first_display(places), *controller_commands(opening)]
    if not has_pan:
        commands += session_commands(opening)
    _perform(places, server, version, up, commands)
    if up.created or not has_pan:
        _write_about(places, version, layout.name)
    return up


def _first_display(places: Places) -> list[Command]:
    """Show what the session will most likely begin with, until its controller says what is so."""
    kept = read_json(places.session_file) or {}
    shown = {
        "mode": kept.get("mode", "build"),
        "safety": kept.get("safety", "auto-edit"),
        "live": "0",
        "total": "0",
    }
    return [["set", "-g", f"@pancode_{name}", tmux_text(str(value))] for name, value in shown.items()]


def _perform(places: Places, server: Server, version: Version, up: Up, commands: list[Command]) -> None:
    keys = handover_lines(os.environ)
    feed = [["source-file", "-"]] if keys else []
    if up.created:
        _write_conf(places, version)
        try:
            server.start(
                places.tmux_conf, [["start-server"], *feed, *commands], pane_environment(places), keys
            )
        except PanError:
            server.kill(look(places.tmux_socket).pid)
            raise
    elif feed or commands:
        server.start(places.tmux_conf, [*feed, *commands], pane_environment(places), keys)


def pane_environment(places: Places) -> dict[str, str]:
    """Give the environment that the session's panes run in."""
    own = {"PANCODE_SESSION": places.session, "PANCODE_PROJECT": places.project, "PANCODE_HOME": places.home}
    environment = server_environment(os.environ, own)
    environment.setdefault("PATH", os.defpath)
    return environment


def _layout(places: Places, name: str | None) -> Layout:
    own = os.path.join(places.home, "layouts")
    project = os.path.join(places.project, ".pancode", "layouts")
    return find_layout(name or DEFAULT_LAYOUT, own, shipped.layouts_dir(), project)


def _no_second_controller(places: Places) -> None:
    if locks.wait_for_free(places.lock, LEFTOVER_SECONDS):
        return
    pid = controller_pid(places.socket, seconds=1.0)
    who = f" (pid {pid})" if pid else ""
    raise PanError(
        f'another controller{who} holds session "{places.session}" of {places.project}',
        remedy=f"{typed(places, 'down')}, then {typed(places, 'up')}",
        code=ExitCode.CONFLICT,
    )


def _same_wish(places: Places, wish: Wish) -> None:
    now = {"layout": _about(places).get("layout"), "preset": preset_of(places)}
    for option, wanted in (("layout", wish.layout), ("preset", wish.preset)):
        if wanted is not None and wanted != now[option]:
            again = f"{typed(places, 'down')} and then {typed(places, 'up', f'--{option}', wanted)}"
            raise PanError(
                f'session "{places.session}" is already up with {option} "{now[option] or "none"}"',
                remedy=f"{typed(places, 'attach')}, or {again}",
                code=ExitCode.CONFLICT,
            )


def _about(places: Places) -> Mapping[str, str | None]:
    return read_json(places.about) or {}


def _write_about(places: Places, version: Version, layout: str) -> None:
    about = {
        "v": 1,
        "project": places.project,
        "session": places.session,
        "home": places.home,
        "layout": layout,
        "since": time.time(),
        "tmux": version.text,
    }
    _write(places.about, json.dumps(about, ensure_ascii=False) + "\n")


def _write_conf(places: Places, version: Version) -> None:
    text = configuration(
        version,
        prefix=user_prefix(os.environ),
        source=user_source(os.environ),
        terminal=terminal_name(os.environ),
    )
    _write(places.tmux_conf, text)


def _write(path: str, text: str) -> None:
    # No fsync as for a journal: these describe a server that doesn't outlive the machine either.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _terminal_size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return DETACHED_SIZE
    return max(size.columns, 20), max(size.lines, 8)


def clear_runtime(places: Places) -> None:
    """Remove the session's runtime directory and what is known to be in it; for the start lock's holder."""
    names = (places.tmux_socket, places.socket, places.tmux_conf, places.about, places.gateway_port)
    others = (places.native_socket, places.now, places.fork_socket, *places.held_panes())
    for path in (*places.handed_over(), *names, *others, os.path.join(places.runtime, "start.lock")):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(places.runtime)


def wait_ready(places: Places, seconds: float = READY_SECONDS) -> int:
    """Wait until the controller answers and give its pid; PanError with the end of its log where it can't."""
    end = time.monotonic() + seconds
    server = Server(places.tmux_socket)
    while time.monotonic() < end:
        pid = controller_pid(places.socket, seconds=1.0)
        if pid is not None:
            return pid
        if look(places.tmux_socket).state != "alive" or not server.has_session(CONTROL):
            break
        time.sleep(locks.POLL_SECONDS)
    raise PanError(
        f'the controller of session "{places.session}" doesn\'t answer{_last_words(places.log)}',
        remedy=f"see {places.log}; pancode down removes the session",
        code=ExitCode.UNREACHABLE,
    )


def _last_words(log: str) -> str:
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except OSError:
        return ""
    return f": {lines[-1]}" if lines else ""


def start_detached(places: Places) -> int:
    """Start the session without showing it, if it isn't up, and give the pid of its controller."""
    bring_up(places, Wish(), own_programs(places))
    return wait_ready(places)


def has_terminal() -> bool:
    """Whether there is a terminal that tmux can draw on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")
