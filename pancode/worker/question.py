"""One question of an agent's hook: its connection, its text, and the action that it is about."""

from __future__ import annotations

import _socket

from pancode.worker.lean_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

LONGEST_FIELD = 4096
"""Characters that a field of an action keeps; who decides must not decide on a part."""
MOST_PATHS = 64
_READ = 1 << 16
_TCP, _KEEPIDLE, _KEEPINTVL, _KEEPCNT = 6, 4, 5, 6
_PROBES = ((_KEEPIDLE, 3), (_KEEPINTVL, 2), (_KEEPCNT, 3))


class Question:
    """A client of the hook port until it has its answer."""

    __slots__ = ("_gone", "_line", "_read", "action", "data", "id", "until")

    def __init__(
        self,
        line: _socket.socket,
        until: float,
        read: Callable[[Question], None],
        gone: Callable[[Question], None],
    ) -> None:
        """Read from `line`; `read` is called when something is there, `gone` when the client has died."""
        line.setblocking(False)
        line.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            line.setsockopt(_TCP, option, value)
        self._line = line
        self._read = read
        self._gone = gone
        self.id = ""
        self.data = bytearray()
        self.action: Mapping[str, Any] | None = None
        self.until = until

    @property
    def fd(self) -> int:
        """The descriptor to watch."""
        return self._line.fileno()

    def readable(self, _mask: int) -> None:
        """Have it read."""
        self._read(self)

    def died(self, _mask: int) -> None:
        """Have it taken back."""
        self._gone(self)

    def read(self) -> bool | None:
        """Take in what is there; True at the end of the question, None if the client has died."""
        try:
            data = self._line.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            return None
        self.data += data
        return not data

    def send(self, answer: bytes) -> None:
        """Give the answer and hang up; one that the client doesn't take is a no."""
        try:  # noqa: SIM105 -- contextlib costs 3 ms
            self._line.send(answer)
        except OSError:
            pass
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection."""
        self._line.close()


def action_of(adapter: Any, data: bytearray) -> Mapping[str, Any]:  # noqa: ANN401 -- an adapter's module
    """Give the action that a hook's input is about, read by the agent's adapter; raise ValueError."""
    try:
        payload = loads(data.decode())
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise ValueError("the hook's input is not a JSON object")  # noqa: TRY004 -- one error for all
    try:
        action = adapter.hook_asks(payload)
    except Exception as error:  # noqa: BLE001 -- what an adapter can't read is a no, whatever it stumbles over
        raise ValueError(
            f"the adapter can't read the hook's input: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(action, dict) or not isinstance(action.get("tool"), str) or not action["tool"]:
        raise ValueError("the adapter can't tell which tool this is")
    return action


def limited(action: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Give the action with long fields cut, and whether one was.

    >>> limited({"tool": "shell", "command": "ls"})
    ({'tool': 'shell', 'command': 'ls'}, False)
    """
    kept: dict[str, Any] = {}
    cut = False
    for name, value in action.items():
        if isinstance(value, str):
            kept[name] = value[:LONGEST_FIELD]
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            kept[name] = [each[:LONGEST_FIELD] for each in value[:MOST_PATHS]]
        elif value is not None:
            kept[name] = _as_text(value)[:LONGEST_FIELD]
        cut = cut or (value is not None and kept[name] != value)
    return kept, cut


def _as_text(value: object) -> str:
    try:
        return dumps(value)
    except (TypeError, ValueError):
        return repr(type(value))
