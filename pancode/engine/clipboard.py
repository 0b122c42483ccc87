"""The clipboard of the person's terminal: through tmux where there is one, else by the terminal itself."""

from __future__ import annotations

import base64
import os

from pancode.core.errors import PanError
from pancode.engine.tmux.server import Server

BUFFER = "pancode"
"""The name of tmux's buffer; it can be pasted with the prefix key and ]."""
LONGEST = 74_994
"""Bytes of the sequence that terminals take, xterm among them."""


def put(text: str) -> str:
    """Put a text where the terminal that this process has pastes from, and say where that is.

    PanError if there is no terminal, or the text is longer than terminals take.
    """
    tmux = os.environ.get("TMUX", "").partition(",")[0]
    if tmux:
        return _through(Server(tmux), text)
    encoded = base64.b64encode(text.encode())
    if len(encoded) > LONGEST:
        raise PanError(
            f"{len(text)} characters are more than a terminal's clipboard takes",
            remedy="pancode conversation export",
        )
    try:
        with open("/dev/tty", "wb", buffering=0) as terminal:
            terminal.write(b"\x1b]52;c;" + encoded + b"\a")
    except OSError:
        raise PanError(
            "there is no terminal whose clipboard could take it",
            remedy="pancode conversation export, or copy in the command pane",
        ) from None
    return "the terminal's clipboard"


def _through(server: Server, text: str) -> str:
    """Load tmux's buffer; each terminal that is attached there is told to put it into its clipboard."""
    clients = server.run("list-clients", "-F", "#{client_name} #{client_control_mode}")
    names = [name for name, control in (one.rsplit(" ", 1) for one in clients) if control == "0"]
    server.run("load-buffer", "-b", BUFFER, "-", stdin=text)
    for name in names:
        server.run("load-buffer", "-w", "-b", BUFFER, "-t", name, "-", stdin=text)
    return "tmux's buffer" + (" and the terminal's clipboard" if names else "")
