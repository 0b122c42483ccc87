"""What the tmux server's panes may see of the operator's environment, and how keys get to the controller."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pancode.engine.tmux.control import Control

KEPT = frozenset(
    {
        *(
            "PATH",
            "HOME",
            "LANG",
            "LANGUAGE",
            "TERM",
            "COLORTERM",
            "USER",
            "LOGNAME",
            "SHELL",
            "TZ",
            "TMPDIR",
            "EDITOR",
            "VISUAL",
            "NO_COLOR",
        ),
        *("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
    }
)
"""Copied into the tmux server, and so into every pane; LC_* and PANCODE_* come on top."""

HANDED_OVER = re.compile(
    r"[A-Z0-9_]*(_API_KEY|_TOKEN|_BASE_URL|_API_BASE|_ENDPOINT|_PROXY)|(NO|HTTP|HTTPS|ALL)_PROXY"
    r"|(no|http|https|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE"
    r"|SSH_AUTH_SOCK"
    r"|(COPILOT|GEMINI|GOOGLE|ANTHROPIC|OPENAI|CLAUDE|CODEX|OPENCODE|AWS|AZURE|PANCODE)_\w+"
)
"""Names that an agent may need; the controller alone can read them, and only those that it asks for."""

_SECRET = re.compile(r"\w*(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)\w*")
_OF_THE_PLACE = frozenset({"PANCODE_HOME", "PANCODE_PROJECT", "PANCODE_SESSION", "PANCODE_TMUX_CONF"})
_PREFIX = "OPERATOR_"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator's own variables, for what PanCode does on the operator's behalf; `current` gives them."""

    current: Callable[[], Mapping[str, str]]


def server_environment(source: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """Build the environment that the tmux server starts with: what a pane needs, and never a key.

    >>> server_environment({"EDITOR": "vi", "OPENAI_API_KEY": "k", "LC_ALL": "C"}, {"PANCODE_SESSION": "a"})
    {'EDITOR': 'vi', 'LC_ALL': 'C', 'PANCODE_SESSION': 'a'}
    """
    kept = {name: value for name, value in source.items() if _is_shown(name)}
    return {**kept, **extra}


def _is_shown(name: str) -> bool:
    own = name.startswith("PANCODE_") and not _SECRET.fullmatch(name)
    return own or name in KEPT or name.startswith("LC_")


def own_settings(source: Mapping[str, str]) -> dict[str, str]:
    """Give the variables with settings of PanCode's that a session's panes have from the shell that opens it.

    >>> own_settings({"PANCODE_MODEL": "a", "PANCODE_HOME": "/h", "PATH": "/bin"})
    {'PANCODE_MODEL': 'a'}
    """
    return {
        name: value
        for name, value in sorted(source.items())
        if name.startswith("PANCODE_") and _is_shown(name) and name not in _OF_THE_PLACE
    }


def handover_lines(source: Mapping[str, str]) -> str:
    r"""Give the tmux commands that put the operator's matching variables into the hidden environment.

    They go to `tmux source-file -` by stdin: not on disk, not in an argument list, in no pane. Values
    are percent-encoded, so that any byte survives and nothing can be read as a command.

    >>> handover_lines({"OPENAI_API_KEY": "a b", "EDITOR": "vi"})
    'set-environment -g -h OPERATOR_OPENAI_API_KEY va%20b\n'
    """
    lines = [
        f"set-environment -g -h {_PREFIX}{name} v{_encode(value)}"
        for name, value in sorted(source.items())
        if HANDED_OVER.fullmatch(name) and value and not _is_shown(name)
    ]
    return "".join(line + "\n" for line in lines)


def _encode(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in raw)


def read_handover(lines: Sequence[str]) -> dict[str, str]:
    """Read what `show-environment -g -h` printed back into names and values.

    >>> read_handover(["OPERATOR_OPENAI_API_KEY=va%20b", "OTHER=x"])
    {'OPENAI_API_KEY': 'a b'}
    """
    # Here and not above: it costs `pancode up` milliseconds, which only writes.
    from urllib.parse import unquote

    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and name.startswith(_PREFIX):
            found[name.removeprefix(_PREFIX)] = unquote(value[1:], errors="surrogateescape")
    return found


async def operator_environment(control: Control) -> dict[str, str]:
    """Give the variables that the operator's last `pancode up` handed over; for the controller alone."""
    return read_handover(await control.command("show-environment", "-g", "-h"))
