"""Writes the tmux configuration of a session's own server: options, status lines, borders, keys and menu."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.engine.tmux.text import quote
from pancode.engine.tmux.version import Version

MODES = ("plan", "build", "review")
KEYS = (
    ("BTab", "m", "m", "next mode"),
    ("M-a", "a", "a", "admin on or off"),
    ("C-y", "s", "y", "next safety level"),
)
"""Root key, the letter it appends to @pancode_keys, its twin after the prefix, and what it is for."""
RAISING = "full-auto? Ctrl+Y again"
"""What stands in the level's place between the two presses that full-auto takes."""
CHANNEL = "pc-keys"
"""The `wait-for` channel that wakes the controller after a key."""

_TOGGLE = (
    "set -pF @pancode_passkeys '#{?#{@pancode_passkeys},,1}' ; display-message '#{?#{@pancode_passkeys},"
    "Shift+Tab#, Alt+A and Ctrl+Y go to this pane,PanCode has its keys again}'"
)
_SEEN = "#{!=:#{session_name},_ctl}"
_TREE = "choose-tree -Zw -f '{}'"
_DEAD = (
    "#{?#{==:#{@pancode_run_id},},Pane is dead (#{?#{!=:#{pane_dead_status},},"
    "status #{pane_dead_status},signal #{pane_dead_signal}}),}"
)
_KEY = re.compile(r"(?:[CMS]-)*(?:[!-~]|F[1-9]\d?|Space|Tab|BSpace|Enter|Escape)")
_PREFIX_LINE = re.compile(r"""\s*set(?:-option)?\s+(?:-g|-gq|-qg)\s+prefix\s+["']?([^"'\s;]+)["']?""")


def configuration(version: Version, *, prefix: str | None, source: str | None, terminal: str) -> str:
    """Give the text of tmux.conf for this tmux version.

    `prefix` is the user's own prefix key (None keeps tmux's), `source` a file of theirs to read first
    by their wish, `terminal` the terminfo name for panes.
    """
    lines: list[str] = []
    if source is not None:
        lines.append(f"source-file {quote(source)}")
    lines += _options(version, terminal)
    lines += _status()
    if prefix is not None:
        lines += [f"set -g prefix {quote(prefix)}", f"bind {quote(prefix)} send-prefix"]
    lines += _keys()
    return "\n".join(lines) + "\n"


def _options(version: Version, terminal: str) -> list[str]:
    wanted: list[tuple[tuple[int, int], str]] = [
        ((3, 2), f"-s default-terminal {quote(terminal)}"),
        ((3, 2), "-s escape-time 10"),
        ((3, 2), "-s exit-empty off"),
        ((3, 2), "-s set-clipboard external"),
        ((3, 2), "-s focus-events on"),
        ((3, 2), '-g update-environment ""'),
        # Keys that come faster than anybody types are pasted: a pasted Ctrl+Y must not raise the level.
        ((3, 2), "-g assume-paste-time 1"),
        ((3, 2), "-g destroy-unattached off"),
        ((3, 2), "-g detach-on-destroy on"),
        ((3, 2), "-g status-interval 0"),
        ((3, 2), "-g history-limit 2000"),
        ((3, 2), "-g mouse on"),
        ((3, 2), "-g renumber-windows off"),
        ((3, 2), "-g set-titles on"),
        ((3, 2), '-g set-titles-string "pancode: #{@pancode_title}"'),
        ((3, 2), "-gw window-size latest"),
        ((3, 2), "-gw remain-on-exit off"),
        ((3, 2), "-gw allow-rename off"),
        ((3, 2), "-gw automatic-rename off"),
        ((3, 2), "-gw monitor-activity off"),
        ((3, 2), "-gw pane-border-status top"),
        ((3, 3), "-gw allow-passthrough off"),
        # What a worker's pane shows says itself how the run ended.
        ((3, 3), f"-gw remain-on-exit-format {quote(_DEAD)}"),
        ((3, 3), "-gw pane-border-indicators off"),
    ]
    return [f"set {words}" for since, words in wanted if version.number[:2] >= since]


def _choose(option: str, cases: Mapping[str, str], otherwise: str) -> str:
    """Nest `#{?#{==:…}}` so that the format gives the text of the case that `option` equals."""
    text = otherwise
    for value, shown in reversed(list(cases.items())):
        text = f"#{{?#{{==:#{{{option}}},{value}}},{shown},{text}}}"
    return text


def _mode() -> str:
    admin = "#[fg=white#,bg=red#,bold] ADMIN #[default]"
    marks = " ▸ ".join(
        _choose(
            "@pancode_mode", {mode: f"#[reverse#,bold] {mode.upper()} #[default]"}, f"#[dim]{mode}#[default]"
        )
        for mode in MODES
    )
    return f"#{{?#{{==:#{{@pancode_mode}},admin}},{admin},{marks}}}"


def _state_colour() -> str:
    return _choose(
        "@state",
        {
            "working": "#[fg=#{@pancode_green}]",
            "done": "#[fg=#{@pancode_green}]",
            "failed": "#[fg=red]",
            "refused": "#[fg=red]",
            "timeout": "#[fg=red]",
            "budget": "#[fg=red]",
            "lost": "#[fg=red]",
            "dead": "#[fg=red]",
            "asking": "#[fg=#{@pancode_yellow}#,bold]",
            "queued": "#[dim]",
            **dict.fromkeys(("paused", "stale", "silent", "retrying", "no-beat"), "#[fg=#{@pancode_yellow}]"),
        },
        "#[fg=#{@pancode_cyan}]",
    )


def _glyph() -> str:
    marks = {"": "", "queued": "○", "working": "●", "done": "✓", "asking": "?"}
    marks |= dict.fromkeys(("starting", "stopping"), "◌") | dict.fromkeys(("refused", "cancelled"), "⊘")
    marks |= dict.fromkeys(("failed", "timeout", "budget", "lost", "dead"), "✗") | {"paused": "‖"}
    return _choose("@state", marks, "◐")


def _facts() -> str:
    """Give what stands in the status line on the left."""
    wide = "#{e|>=|:#{client_width},100}"
    gap = f"#{{?{wide},   ,  }}"
    return (
        "#{?#{!=:#{@pancode_problem},},#[fg=white#,bg=red#,bold] #{@pancode_problem} #[default] ,}"
        f" {_mode()}{gap}"
        + _choose(
            "@pancode_safety",
            {
                "full-auto": "#[fg=red]full-auto#[default]",
                RAISING: f"#[fg=black#,bg=yellow#,bold] {RAISING} #[default]",
            },
            "#{@pancode_safety}",
        )
        + f"{gap}#{{@pancode_cost}}{gap}#{{@pancode_live}}/#{{@pancode_total}} live"
        + _choose(
            "@pancode_waiting",
            {"": "", "0": ""},
            " · #[fg=#{@pancode_yellow}#,bold]#{@pancode_waiting} waiting#[default]",
        )
        + _choose(
            "@pancode_weaker",
            {"": "", "0": ""},
            " · #[fg=red#,bold]#{@pancode_weaker} WEAKER#[default]",
        )
        + _choose("@pancode_beat", {"": ""}, f"{gap}#{{?{wide},oldest ,}}beat #{{@pancode_beat}}")
        + f"#{{?#{{&&:{wide},#{{==:#{{@pancode_problem}},}}}},"
        "#[align=right]#{prefix} Space menu  #{prefix} d leave ,}"
    )


def _status() -> list[str]:
    name = "#{?#{m:w:*,#{window_name}},#{@pancode_run_id}" + _glyph() + ",#{window_name}}"
    border = (
        " #{?#{==:#{@pancode_run_id},},#{@pancode_pane},"
        "#[bold]#{@pancode_run_id}#[default] #{@agent} "
        f"{_state_colour()}#{{@state}}#[default] #{{@cost}} "
        "#{?@weaker,#[fg=red#,bold],#[dim]}#{@grade}#[default]}"
        "#{?@pancode_passkeys, #[fg=#{@pancode_yellow}]keys go here#[default],} "
    )
    colours = {"window-status-style": "default", "window-status-current-style": "reverse"}
    return [
        "set -g status 2",
        'set -g status-style "bg=default,fg=default"',
        "set -g status-left ' '",
        f"set -g status-right {quote('#{@pancode_project}  #[bold]#{@pancode_title}#[default] ')}",
        "set -g status-right-length 80",
        f"set -g 'status-format[1]' {quote(_facts())}",
        f"set -gw window-status-format {quote('#I:' + name)}",
        f"set -gw window-status-current-format {quote('#I:' + name)}",
        *(f"set -gw {option} {style}" for option, style in colours.items()),
        f"set -gw pane-border-format {quote(border)}",
        "set -gw pane-border-style 'fg=brightblack'",
        "set -gw pane-active-border-style 'fg=default'",
        "set -g message-style 'reverse'",
        "set -g @pancode_keys '1:'",
        *(f"set -g @pancode_{colour} {colour}" for colour in ("green", "cyan", "yellow")),
    ]


def press(letter: str) -> str:
    """Give the tmux commands that tell the controller of a key: no process is started."""
    return f"set -ga @pancode_keys {letter} ; wait-for -S {CHANNEL}"


def _keys() -> list[str]:
    lines: list[str] = []
    for key, letter, twin, about in KEYS:
        note = quote(f"PanCode: {about}")
        told = press(letter)
        lines += [
            f"bind -n -N {note} {key} if -F '#{{@pancode_passkeys}}' {{ send-keys {key} }} {{ {told} }}",
            f"bind -N {note} {twin} {{ {told} }}",
        ]
    lines += [
        f"bind -N 'PanCode: what workers ask' u {{ {press('u')} }}",
        f"bind -N 'PanCode: pass its keys through to this pane, or not' k {{ {_TOGGLE} }}",
        "bind -N 'PanCode: menu' Space { " + _menu() + " }",
        f"bind -N 'PanCode: choose a window' w {{ {_TREE.format(_SEEN)} }}",
        f"bind -N 'PanCode: choose a window' s {{ {_TREE.format(_SEEN)} }}",
        # The only other session is the controller's: nobody should get there by a slip of the finger.
        *(f"unbind {quote(key)}" for key in ("(", ")", "L")),
    ]
    return lines


def _menu() -> str:
    entries: Iterable[tuple[str, str, str]] = (
        ("Next mode", "m", press("m")),
        ("Admin on or off", "a", press("a")),
        ("Next safety level", "y", press("s")),
        ("What workers ask", "u", press("u")),
        ("", "", ""),
        ("Go to a worker", "w", _TREE.format("#{m:w:*,#{window_name}}")),
        ("Next window", "n", "next-window"),
        ("Back to the first window", "p", "select-window -t =pan:=pan"),
        ("Pass keys through here", "k", _TOGGLE),
        ("", "", ""),
        ("All keys", "?", "list-keys -N"),
        ("Detach", "d", "detach-client"),
    )
    words = ["display-menu -T ' PanCode ' -x C -y C"]
    for name, key, command in entries:
        words.append(f"{quote(name)} {quote(key)} {{ {command} }}" if name else "''")
    return " ".join(words)


def user_prefix(environment: Mapping[str, str]) -> str | None:
    """Find the prefix key in the user's own tmux configuration; None where it sets none that is a key.

    Only plain `set -g prefix KEY` lines are read: nothing of theirs is run.
    """
    home = environment.get("HOME", "")
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    for path in (os.path.join(home, ".tmux.conf"), os.path.join(config, "tmux", "tmux.conf")):
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            found = [match[1] for line in file if (match := _PREFIX_LINE.match(line))]
        if found and _KEY.fullmatch(found[-1]):
            return found[-1]
    return None


def user_source(environment: Mapping[str, str]) -> str | None:
    """Give the tmux configuration that the user asks for by PANCODE_TMUX_CONF; PanError if it isn't there."""
    wanted = environment.get("PANCODE_TMUX_CONF")
    if not wanted:
        return None
    path = os.path.abspath(os.path.expanduser(wanted))
    if not os.access(path, os.R_OK) or not os.path.isfile(path):
        raise PanError(
            f'PANCODE_TMUX_CONF names "{path}", which can\'t be read',
            remedy="correct the path, or unset PANCODE_TMUX_CONF",
            code=ExitCode.CONFIG,
        )
    return path


def terminal_name(environment: Mapping[str, str]) -> str:
    """Give tmux-256color where its description is installed, else screen-256color."""
    home = os.path.join(environment.get("HOME", ""), ".terminfo")
    roots = (home, "/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/local/share/terminfo")
    known = any(
        os.path.exists(os.path.join(root, sub, "tmux-256color")) for root in roots for sub in ("t", "74")
    )
    return "tmux-256color" if known else "screen-256color"
