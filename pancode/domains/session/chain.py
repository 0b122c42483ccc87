"""Plans the tmux commands that open a session: pure, so that every layout's windows can be tested."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pancode.domains.session.programs import Programs, controller_argv
from pancode.engine.places import Places
from pancode.engine.tmux.layout import Layout, PanePlan, WindowPlan
from pancode.engine.tmux.text import literal, tmux_text

PAN = "pan"
CONTROL = "_ctl"

Command = list[str]


@dataclass(frozen=True, slots=True)
class Opening:
    """What to open: where, with which programs, and how large."""

    places: Places
    layout: Layout
    programs: Programs
    size: tuple[int, int]


def controller_commands(opening: Opening) -> list[Command]:
    """Give the commands that open the hidden session with the controller in it."""
    places = opening.places
    command = ["new-session", "-d", "-s", CONTROL, "-n", "controller", "-x", "80", "-y", "24"]
    command += ["-c", literal(places.project), *controller_argv(places, opening.programs)]
    return [["set", "-gu", "@pancode_problem"], command]


def session_commands(opening: Opening) -> list[Command]:
    """Give the commands that open the session `pan` with the windows and panes of the layout."""
    layout = opening.layout
    title = tmux_text(
        f"{layout.title}" + ("" if opening.places.session == "main" else f" {opening.places.session}")
    )
    commands: list[Command] = [
        ["set", "-g", "@pancode_title", title],
        ["set", "-g", "@pancode_project", tmux_text(_short_path(opening.places.project), 50)],
    ]
    for number, window in enumerate(layout.windows):
        commands += _window(opening, window, is_first=number == 0)
    focused = next((window for window in layout.windows if window.focus), layout.windows[0])
    return [*commands, ["select-window", "-t", f"={PAN}:={focused.name}"]]


def _window(opening: Opening, window: WindowPlan, *, is_first: bool) -> list[Command]:
    target = f"={PAN}:={window.name}"
    focus = next((number for number, pane in enumerate(window.panes) if pane.focus), 0)
    commands: list[Command] = []
    for number, pane in enumerate(window.panes):
        place = ["-c", literal(_directory(opening.places, pane)), *_argv(opening.programs, pane)]
        if number > 0:
            # Each split halves what is left, so it needs the arrangement at once to find room for the next.
            commands += [
                ["split-window", "-t", target, *place],
                ["select-layout", "-t", target, window.arrangement],
            ]
        elif is_first:
            width, height = opening.size
            size = ["-x", str(width), "-y", str(height)]
            commands.append(["new-session", "-d", "-s", PAN, "-n", window.name, *size, *place])
        else:
            commands.append(["new-window", "-d", "-t", f"={PAN}:", "-n", window.name, *place])
        commands += _pane_options(target, pane)
        if number == 0:
            commands += [
                ["set", "-w", "-t", target, name, _cells(value, name, opening.size)]
                for name, value in window.sizes
            ]
        if number == focus:
            commands.append(["select-pane", "-m", "-t", target])
    commands += [["select-layout", "-t", target, window.arrangement]]
    commands += [["select-pane", "-t", "{marked}"], ["select-pane", "-M"]]
    if window.workers:
        commands.append(["set", "-w", "-t", target, "@pancode_slots", str(window.workers)])
        commands.append(["set", "-w", "-t", target, "@pancode_arrangement", window.arrangement])
    return commands


def _cells(value: str, name: str, size: tuple[int, int]) -> str:
    """Turn a percentage into cells: tmux reads percentages only from 3.5 on."""
    whole = size[0] if name.endswith("width") else size[1]
    return str(max(1, whole * int(value[:-1]) // 100)) if value.endswith("%") else value


def _pane_options(target: str, pane: PanePlan) -> list[Command]:
    name = pane.part or tmux_text(" ; ".join(pane.commands) or "shell", 30)
    return [
        ["set", "-p", "-t", target, "@pancode_pane", name],
        # A part that breaks down stays on the screen with what it said; one that was left closes.
        ["set", "-p", "-t", target, "remain-on-exit", "failed"],
    ]


def _argv(programs: Programs, pane: PanePlan) -> Sequence[str]:
    match pane.part:
        case "console":
            return programs.console
        case "fleet":
            return programs.fleet
        case None:
            shell = os.environ.get("SHELL") or "/bin/sh"
            if not pane.commands:
                return (shell,)
            return ("sh", "-c", "\n".join([*pane.commands, 'exec "$0"']), shell)


def _directory(places: Places, pane: PanePlan) -> str:
    # Joined with nothing, the project would end in a slash, and so would the shell's prompt.
    return os.path.join(places.project, pane.start_directory) if pane.start_directory else places.project


def _short_path(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(home + os.sep) else path
