"""The input line: keys, several lines, the editor, and a history that all panes of a session share."""

from __future__ import annotations

import contextlib
import os
import readline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.domains.ui.pasting import Pastes

PROMPT = "> "
MORE = "… "
"""The prompt of a line that goes on."""
KEPT = 1000
"""Lines of the history that are read."""
_BREAK = "\x1e"
"""What stands for a line break inside an entry of the history file."""
EDITOR_MARK = "\x05"
"""At the beginning of a line: the editor was asked for."""
_CLEAR = "\r\x1b[J"


def is_libedit() -> bool:
    """Whether the library behind the module is libedit, which knows other words for keys."""
    return "libedit" in (readline.__doc__ or "")


def bind_keys() -> None:
    """Bind Tab, Alt+Enter and Ctrl-X Ctrl-E, and take pasted lines as one."""
    if is_libedit():
        readline.parse_and_bind("bind ^I rl_complete")
        return
    readline.parse_and_bind("tab: complete")
    readline.parse_and_bind("set enable-bracketed-paste on")
    readline.parse_and_bind(r'"\e\C-m": "\C-v\C-j"')
    readline.parse_and_bind(r'"\C-x\C-e": "\C-a\C-v\C-e\C-m"')


def read(pastes: Pastes) -> str:
    """Read one line, which may have several, and folds of `pastes`; EOFError for ^D."""
    line = input(PROMPT)
    while line.startswith(EDITOR_MARK):
        line = _edited(line[1:], pastes)
    parts = [line]
    while parts[-1].endswith("\\"):
        parts[-1] = parts[-1][:-1]
        parts.append(input(MORE))
    whole = "\n".join(parts)
    if len(parts) > 1:
        _forget_latest(len(parts))
        readline.add_history(whole)
    return whole


def _forget_latest(count: int) -> None:
    """Take the last few entries out of the history."""
    for _ in range(count):
        with contextlib.suppress(ValueError):
            readline.remove_history_item(readline.get_current_history_length() - 1)


def _edited(text: str, pastes: Pastes) -> str:
    """Let the editor have the line, whole, and prompt with what it has made of it."""
    _forget_latest(1)
    rows = text.count("\n") + 1
    os.write(1, f"\x1b[{rows}A{_CLEAR}".encode())
    whole = pastes.whole(text)
    written = _by_editor(whole)
    told = text if written == whole else pastes.folded(written, "edited")
    readline.set_startup_hook(lambda: readline.insert_text(told))
    try:
        return input(PROMPT)
    finally:
        readline.set_startup_hook()


def _by_editor(text: str) -> str:
    """Give the text after $VISUAL or $EDITOR; as it was, with a word of why, where that goes wrong."""
    import shlex
    import subprocess
    import tempfile

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w+", prefix="pancode-", suffix=".md", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            ended = subprocess.run([*shlex.split(editor), file.name], check=False).returncode
        except (OSError, ValueError) as error:
            os.write(1, f"the editor {editor} can't be started: {error}\n".encode())
            return text
        if ended:
            return text
        with open(file.name, encoding="utf-8", errors="replace") as written:
            return written.read().rstrip("\n")


def rows_above(columns: int) -> int:
    """Give how many rows of the line being typed stand above the cursor's own."""
    from pancode.domains.ui.text import columns as width_of

    typed = readline.get_line_buffer().encode("utf-8", "replace")[: _point()].decode("utf-8", "ignore")
    before = (PROMPT + typed).split("\n")
    return sum(width_of(part) // max(1, columns) for part in before) + len(before) - 1


def _point() -> int:
    """Give the cursor's place in the line, in bytes."""
    import ctypes

    try:
        library = ctypes.CDLL(getattr(readline, "__file__", None))
        return int(ctypes.c_int.in_dll(library, "rl_point").value)
    except (OSError, AttributeError, ValueError):
        return len(readline.get_line_buffer().encode("utf-8", "replace"))


def clear_line(columns: int) -> str:
    """Give what clears the line being typed from the screen, all its rows."""
    above = rows_above(columns)
    return (f"\x1b[{above}A" if above else "") + _CLEAR


def draw_prompt() -> None:
    """Draw the prompt and the line being typed anew, with the cursor where it was."""
    import ctypes
    import sys

    try:
        # The readline module has no name for it, but the library that it is linked with has.
        ctypes.CDLL(getattr(readline, "__file__", None)).rl_forced_update_display()
    except (OSError, AttributeError):
        sys.stdout.write(PROMPT + readline.get_line_buffer())
        sys.stdout.flush()


def load_history(path: str, pastes: Pastes) -> None:
    """Read the history; a prompt that is there already finds the latest line with Up."""
    import ctypes

    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return
    for line in [line for line in lines if line][-KEPT:]:
        readline.add_history(pastes.read_back(line.replace(_BREAK, "\n")))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(getattr(readline, "__file__", None)).using_history()


def remember(path: str, line: str) -> None:
    """Add a line to the history file, which other panes add to as well; only its user may read it."""
    entry = line.replace("\n", _BREAK).replace("\r", " ") + "\n"
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, entry.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def trim(path: str) -> None:
    """Keep the history file from growing for ever; a pane that adds a line meanwhile may lose it."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return
    if len(lines) > 2 * KEPT:
        from pancode.engine import files

        with contextlib.suppress(Exception):
            files.write_atomic(path, "\n".join(lines[-KEPT:]) + "\n")
