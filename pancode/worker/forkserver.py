"""The fork server of a session: starts workers by forking one process that has all of their code already.

A worker with an interpreter of its own costs 12 ms and 4 MB, a forked one 2 ms and 1 MB.

Over a Unix socket, JSON lines: it says `{"stamp": …}`, which names the code that it was started with. Each
order `{"do": "fork", "folder", "epoch", "tty", "holder", "cwd"}` is answered in turn with `{"pid"}`, or
`{"error"}`; `{"do": "end"}` ends it. Once they are forked its workers don't need it, and it knows no secrets:
a worker reads its own.
"""

from __future__ import annotations

import _socket
import fcntl
import gc
import posix
import select
import sys
import termios

from pancode.worker import kernel, signals, title
from pancode.worker.lean_json import dumps, loads
from pancode.worker.peers import is_ours
from pancode.worker.shim import BUG, main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BACKLOG = 8
_LONGEST_ORDER = 1 << 14
_HOLDER_MS = 2000
"""How long a worker that ends at once waits for its pane's holder to begin; a closed one never does."""
_LATER = (
    "agent", "calls", "captions", "cast", "contract", "ending", "gates", "heartbeat", "hooks", "link", "loop",
    "native", "netns", "pause", "porter", "proxy", "question", "redaction", "resources", "run", "sandbox",
    "structured", "terminal", "tree", "verdict",
)  # fmt: skip
"""Modules of the worker that a shim of its own imports when it needs them."""


def serve(path: str, stamp: str, adapters: list[str]) -> int:
    """Answer orders at the socket `path` until told to end; `stamp` is repeated to whoever connects.

    The adapter files are loaded beforehand; one that can't be is left to the worker that needs it.
    """
    listener = _listen(path)
    # Workers are nobody's zombies: the kernel collects them, and the controller watches them itself.
    signals.ignore(signals.SIGINT, signals.SIGCHLD)
    _load(adapters)
    title.show(sys.orig_argv[:-1])
    server = Server(listener, stamp, _tmux())
    while server.step():
        pass
    return 0


def _listen(path: str) -> _socket.socket:
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    if posix.access(path, posix.F_OK):  # Of one that was killed; its directory is this user's alone.
        posix.unlink(path)
    listener.bind(path)
    listener.listen(_BACKLOG)
    return listener


def _load(adapters: list[str]) -> None:
    for name in _LATER:
        __import__(f"pancode.worker.{name}")
    from pancode.worker.stream import AdapterError, load_adapter

    for path in adapters:
        try:
            load_adapter(path)
        except AdapterError:
            continue
    gc.collect()
    kernel.call("malloc_trim", 0)  # It also loads what calls the kernel.
    # What the workers share is not to be written to by their collections.
    gc.freeze()


def _tmux() -> int | None:
    """Give a descriptor of the tmux server's process; None where there is none."""
    words = posix.environ.get(b"TMUX", b"").split(b",")
    try:
        return posix.pidfd_open(int(words[1]))
    except (OSError, ValueError, IndexError):
        return None


class Server:
    """Waits for connections and orders; one process, one thread, so that a fork copies nothing half done."""

    def __init__(self, listener: _socket.socket, stamp: str, tmux: int | None) -> None:
        """Serve `listener`; `tmux` is what a worker learns from whether tmux has ended."""
        self._listener = listener
        self._hello = dumps({"stamp": stamp}).encode() + b"\n"
        self._tmux = tmux
        self._peers: dict[int, tuple[_socket.socket, bytes]] = {}

    def step(self) -> bool:
        """Wait for the next thing to happen and deal with it; False once it is to end."""
        poller = select.poll()
        for fd in (self._listener.fileno(), *self._peers):
            poller.register(fd, select.POLLIN)
        for fd, _ in poller.poll():
            if fd == self._listener.fileno():
                self._accept()
            elif not self._receive(fd):
                return False
        return True

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 -- C's only name
            peer = _socket.socket(fileno=fd)
            if is_ours(peer):
                peer.sendall(self._hello)
                self._peers[peer.fileno()] = peer, b""
        except OSError:
            return

    def _receive(self, fd: int) -> bool:
        peer, before = self._peers[fd]
        try:
            data = peer.recv(_LONGEST_ORDER)
        except OSError:
            data = b""
        *lines, rest = (before + data).split(b"\n")
        self._peers[fd] = peer, rest
        if not data or len(rest) > _LONGEST_ORDER:
            del self._peers[fd]
            peer.close()
        return all(self._order(peer, line) for line in lines)

    def _order(self, peer: _socket.socket, line: bytes) -> bool:
        try:
            order = loads(line.decode())
            if order["do"] == "end":
                return False
            if order["do"] != "fork":
                raise ValueError(f"there is no order {order['do']}")  # noqa: TRY301 -- answered below like the rest
            answer: dict[str, Any] = {"pid": self._fork(order)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:  # noqa: SIM105 -- contextlib costs 3 ms
            peer.sendall(dumps(answer).encode() + b"\n")
        except OSError:
            pass  # The next controller finds the worker by its journal.
        return True

    def _fork(self, order: dict[str, Any]) -> int:
        """Fork a worker and give its pid; raise OSError, or KeyError for an order that lacks something."""
        tty = posix.open(order["tty"], posix.O_RDWR | posix.O_NOCTTY | posix.O_CLOEXEC)
        try:
            # For reading, too: else this would wait until the holder has opened its end.
            holder = posix.open(order["holder"], posix.O_RDWR | posix.O_CLOEXEC)
            try:
                pid = posix.fork()
                if pid == 0:
                    self._become(order, tty, holder)
            finally:
                posix.close(holder)
        finally:
            posix.close(tty)
        return pid

    def _become(self, order: dict[str, Any], tty: int, holder: int) -> None:
        """Be the worker; never returns."""
        status = BUG
        try:
            posix.setsid()
            for fd in (0, 1, 2):
                posix.dup2(tty, fd)
            self._listener.close()
            for peer, _ in self._peers.values():
                peer.close()
            words = [order["folder"], str(order["epoch"])]
            title.show([*sys.orig_argv[:4], *words])
            posix.write(holder, b"%d\n" % posix.getpid())
            _enter(order["cwd"])
            status = main(words, self._tmux)
        except BaseException as error:  # noqa: BLE001 -- it must not return into the server
            posix.write(2, f"pancode: a fault in the worker: {type(error).__name__}: {error}\r\n".encode())
        finally:
            try:
                _wait_until_read(holder)
                posix.write(holder, b"%d\n" % status)
                posix.unlink(order["holder"])
            finally:
                posix._exit(status)  # noqa: SLF001 -- as above


def _wait_until_read(holder: int) -> None:
    """Wait until the pane's holder has read this worker's pid, so that it has the FIFO open, too."""
    for _ in range(_HOLDER_MS):
        if not int.from_bytes(fcntl.ioctl(holder, termios.FIONREAD, bytes(4)), sys.byteorder):
            return
        select.poll().poll(1)


def _enter(directory: str) -> None:
    try:  # noqa: SIM105 -- contextlib costs 3 ms
        posix.chdir(directory)
    except OSError:
        pass  # The agent can't enter it either, which its start says.
