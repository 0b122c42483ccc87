"""A session's worker panes: opening, listing, decorating and closing them over the control connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pancode.engine.tmux.control import CONTROL_SESSION, Command, Control
from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.lines import chained
from pancode.engine.tmux.text import literal, tmux_text

PAN = "pan"
_ROW = (
    "#{pane_id} #{pane_pid} #{pane_dead} #{window_id} #{pane_width} #{pane_height} #{pid} #{start_time}"
    " #{@pancode_run_id} #{session_name}:#{window_name}"
)
_REF = "#{pane_id} #{pane_pid} #{window_id} #{pane_tty}"
# A session's name never has a colon, so everything before the last two fields splits at spaces.
_WINDOW = (
    "#{window_id} #{@pancode_slots} #{@pancode_arrangement} #{P:#{?#{@pancode_run_id},x,}} #{window_name}"
)


@dataclass(frozen=True, slots=True)
class PaneRef:
    """Where a run is shown: tmux's ids, and the process that tmux started in the pane, on which terminal."""

    pane: str
    pid: int
    window: str
    tty: str = ""


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One pane as the server lists it; `run_id` is empty for panes that are no run's.

    `server_pid` and `server_start` (seconds since the epoch) tell this server from another one,
    which counts its panes from %0 again.
    """

    pane: str
    pid: int
    dead: bool
    window: str
    session: str
    window_name: str
    width: int
    height: int
    run_id: str
    server_pid: int
    server_start: int


@dataclass(frozen=True, slots=True)
class _Window:
    id: str
    name: str
    slots: int
    arrangement: str
    used: int


def _ref(lines: Sequence[str]) -> PaneRef:
    pane, pid, window, tty = lines[0].split(" ", 3)
    return PaneRef(pane, int(pid), window, tty)


class Panes:
    """The worker panes of one server; remembers what it set, so that only changes are sent."""

    def __init__(self, control: Control) -> None:
        """Work over `control`, which stays the caller's."""
        self._control = control
        self._shown: dict[str, dict[str, str]] = {}

    async def new_worker_window(
        self, run_id: str, agent: str, argv: Sequence[str], cwd: str, environment: Mapping[str, str]
    ) -> PaneRef:
        """Open a pane that runs `argv`, without taking anybody's focus; give where it is.

        It goes into the first window that shows workers beside each other and has room, else into a
        window of its own called `w:<run_id>`. The run's id is set in the same step, so that no pane
        is ever without it. `environment` is seen by every process of this user: no secrets in it.
        TmuxError if tmux refuses, for instance for want of a pty.
        """
        extra = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        place = ["-d", "-P", "-F", _REF, "-c", literal(cwd), *extra, *argv]
        marks = {"@pancode_run_id": tmux_text(run_id), "@agent": tmux_text(agent), "remain-on-exit": "on"}
        name = f"w:{tmux_text(run_id, 20)}"
        opening = ["new-window", "-t", f"={PAN}:", "-n", name, *place]
        target = f"={PAN}:={name}"
        alone = [opening, *(["set", "-p", "-t", target, option, value] for option, value in marks.items())]
        if lines := await self._unless_shared(name, alone):
            return _ref(lines)
        windows = await self._windows()
        for window in windows:
            if window.used < window.slots:
                opened = await self._beside(window, place, marks)
                if opened is not None:
                    return opened
        if any(window.name == name for window in windows):
            return await self._then_mark(opening, marks)
        return _ref(await self._control.chain(alone))

    async def respawn(self, pane: str, argv: Sequence[str], cwd: str) -> PaneRef:
        """Run `argv` in a pane instead of what runs there, which is hung up on; TmuxError if it is gone."""
        lines = await self._control.chain(
            [
                ["respawn-pane", "-k", "-t", pane, "-c", literal(cwd), *argv],
                ["display-message", "-p", "-t", pane, _REF],
            ]
        )
        return _ref(lines)

    async def _unless_shared(self, name: str, commands: Sequence[Command]) -> list[str]:
        """Run `commands`, or nothing where a window shows workers beside each other or has this name.

        tmux looks by itself: to list the windows takes longer, the longer the more there are.
        """
        is_in_the_way = f"#{{||:#{{@pancode_slots}},#{{==:#{{window_name}},{name}}}}}"
        is_free = f"#{{?#{{W:#{{?{is_in_the_way},x,}}}},0,1}}"
        return await self._control.command("if-shell", "-F", "-t", f"={PAN}:", is_free, chained(commands))

    async def hidden_windows(self) -> list[str]:
        """Give the names of the hidden session's windows."""
        return await self._control.command(
            "list-windows", "-t", f"={CONTROL_SESSION}:", "-F", "#{window_name}"
        )

    async def new_hidden_window(self, name: str, argv: Sequence[str], cwd: str) -> None:
        """Run `argv` in a window of the hidden session; it closes when that ends."""
        where = ["-t", f"={CONTROL_SESSION}:", "-n", name, "-c", literal(cwd)]
        await self._control.command("new-window", "-d", *where, *argv)

    async def _beside(self, window: _Window, place: Command, marks: Mapping[str, str]) -> PaneRef | None:
        try:
            ref = await self._then_mark(
                ["split-window", "-t", f"{window.id}.{{bottom-right}}", *place], marks
            )
        except TmuxError as error:
            if "no space" in error.message:
                return None
            raise
        await self._control.command("select-layout", "-t", window.id, window.arrangement)
        return ref

    async def _then_mark(self, opening: Command, marks: Mapping[str, str]) -> PaneRef:
        ref = _ref(await self._control.command(*opening))
        await self._control.chain(
            [["set", "-p", "-t", ref.pane, name, value] for name, value in marks.items()]
        )
        return ref

    async def _windows(self) -> list[_Window]:
        found = []
        for line in await self._control.command("list-windows", "-t", f"={PAN}", "-F", _WINDOW):
            window, slots, arrangement, used, name = line.split(" ", 4)
            found.append(_Window(window, name, int(slots or 0), arrangement, len(used)))
        return found

    async def list_panes(self) -> list[PaneRow]:
        """List all panes of the server, the controller's and the layout's among them."""
        rows = []
        for line in await self._control.command("list-panes", "-a", "-F", _ROW):
            pane, pid, dead, window, width, height, server, start, run_id, names = line.split(" ", 9)
            session, _, name = names.partition(":")
            size = (int(width), int(height))
            whose = (int(server), int(start))
            rows.append(PaneRow(pane, int(pid), dead == "1", window, session, name, *size, run_id, *whose))
        return rows

    async def set_options(self, pane: str, values: Mapping[str, str]) -> None:
        """Set a pane's options (@state, @cost, …) as plain text; what is already so isn't sent."""
        await self._set(pane, ["set", "-p", "-t", pane], values)

    async def set_globals(self, values: Mapping[str, str]) -> None:
        """Set the session's displayed facts (@pancode_mode, @pancode_cost, …); only what changed is sent."""
        await self._set("", ["set", "-g"], values)

    async def _set(self, key: str, command: Command, values: Mapping[str, str]) -> None:
        shown = self._shown.setdefault(key, {})
        clean = {name: tmux_text(value) for name, value in values.items()}
        changed = {name: value for name, value in clean.items() if shown.get(name) != value}
        if changed:
            await self._control.chain([[*command, name, value] for name, value in changed.items()])
            shown.update(changed)

    def forget(self) -> None:
        """Send everything anew next time: after a new server, or another writer."""
        self._shown.clear()

    async def close_pane(self, pane: str) -> None:
        """Close a pane, and its window if it was the only one in it; one that is gone is no error.

        The kernel sends SIGHUP to the pane's foreground process group, nothing stronger.
        """
        self._shown.pop(pane, None)
        try:
            await self._control.command("kill-pane", "-t", pane)
        except TmuxError as error:
            if "can't find pane" not in error.message:
                raise

    async def show(self, ref: PaneRef) -> None:
        """Make a run's window and pane the current ones of the session."""
        await self._control.chain([["select-window", "-t", ref.window], ["select-pane", "-t", ref.pane]])

    async def attached(self) -> int:
        """Count the people who look at the session (0: nothing needs to be drawn)."""
        lines = await self._control.command("display-message", "-p", "-t", f"={PAN}:", "#{session_attached}")
        return int(lines[0])
