"""What goes out of a sandbox: the forwarded ports and the hosts on the list, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pancode.worker import callers, netns, porter
from tests.ports import free_port
from tests.worker.conftest import SECONDS, until

Serve = Callable[..., "Served"]


def all_of(line: socket.socket) -> bytes:
    found = b""
    while data := line.recv(1 << 16):
        found += data
    return found


class Served:
    """A porter in this process, on ports of the host's loopback."""

    def __init__(self, **network: Any) -> None:
        self.told: list[dict[str, Any]] = []
        self.proxy, self.forward = free_port(), free_port()
        to = network.pop("to", None)
        forwards = [] if to is None else [{"port": self.forward, "host": "127.0.0.1", "to": to}]
        whole: Any = {
            "forwards": forwards,
            "hosts": [],
            "proxy_port": self.proxy,
            "hook_port": None,
            **network,
        }
        ports = [self.proxy] if to is None else [self.proxy, self.forward]
        self.porter = porter.serve(netns.own(ports), whole, self.told.append)
        self.lines: list[socket.socket] = []

    def connect(self, port: int) -> socket.socket:
        self.lines.append(socket.create_connection(("127.0.0.1", port), SECONDS))
        return self.lines[-1]

    def ask(self, request: str | bytes) -> bytes:
        """Send a request to the proxy, give the whole answer."""
        line = self.connect(self.proxy)
        line.sendall(request if isinstance(request, bytes) else f"{request} HTTP/1.1\r\n\r\n".encode())
        return all_of(line)

    def decisions(self) -> list[tuple[str, int, str, int]]:
        return [(each["host"], each["port"], each["decision"], each["count"]) for each in self.told]

    def end(self) -> None:
        self.porter.stop()
        for line in self.lines:
            line.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Served] = []

    def make(**network: Any) -> Served:
        made.append(Served(**network))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Give a maker of servers: each connection is dealt with by the given function, in a thread."""
    made: list[tuple[socket.socket, threading.Thread]] = []

    def make(deal: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def work() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                line.settimeout(SECONDS)
                with line, contextlib.suppress(ConnectionError):
                    deal(line)

        thread = threading.Thread(target=work)
        thread.start()
        made.append((listener, thread))
        return int(listener.getsockname()[1])

    yield make
    for listener, thread in made:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(SECONDS)


Server = Callable[[Callable[[socket.socket], None]], int]


def upstream_that(answer: bytes, heard: list[bytes]) -> Callable[[socket.socket], None]:
    def deal(line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(4096)
        heard.append(head)
        line.sendall(answer)
        if b" 200 " in answer:
            line.sendall(all_of(line).upper())

    return deal


def test_a_forwarded_port_carries_both_ways_and_keeps_half_closed_sides(serve: Serve, server: Server) -> None:
    def deal(line: socket.socket) -> None:
        line.sendall(b"first ")
        line.sendall(all_of(line)[::-1])

    line = serve(to=server(deal)).connect
    served = line.__self__  # type: ignore[attr-defined]
    client = served.connect(served.forward)
    assert client.recv(6) == b"first "
    client.sendall(b"olleh")
    client.shutdown(socket.SHUT_WR)
    assert all_of(client) == b"hello"
    assert served.told == []


def test_a_slow_reader_gets_every_byte(serve: Serve, server: Server) -> None:
    sent = bytes(range(256)) * (64 << 10)
    served = serve(to=server(lambda line: line.sendall(sent)))
    client = served.connect(served.forward)
    assert all_of(client) == sent


def test_a_server_that_is_not_there_is_a_broken_connection(serve: Serve) -> None:
    served = serve(to=free_port())
    # It may break before the client has looked whether it is there.
    with pytest.raises(ConnectionResetError):
        served.connect(served.forward).recv(1)


def test_a_connection_that_breaks_does_not_look_like_its_end(serve: Serve, server: Server) -> None:
    def deal(line: socket.socket) -> None:
        line.sendall(b"half")
        line.recv(1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    served = serve(to=server(deal))
    client = served.connect(served.forward)
    assert client.recv(4) == b"half"
    client.sendall(b"x")
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_host_that_is_not_on_the_list_is_refused_in_a_sentence(serve: Serve) -> None:
    served = serve(hosts=["api.example.com:443", "*.example.net:443"])
    for place in ("example.com:443", "api.example.com:22", "example.net:443", "api.example.com.evil:443"):
        answer = served.ask(f"CONNECT {place}")
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert answer.endswith(
            f"pancode: {place} is not one of the hosts that this worker may reach\n".encode()
        )
    assert ("example.com", 443, "blocked", 1) in served.decisions()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "0.0.0.0", "127.1", "0x7f.1", "2130706433"],
)
def test_an_allowed_host_must_have_a_public_address(serve: Serve, server: Server, host: str) -> None:
    port = server(lambda line: line.sendall(b"secret"))
    served = serve(hosts=[f"{host}:{port}"])
    assert b"is not an address of the internet" in served.ask(f"CONNECT {host}:{port}")
    assert served.decisions() == [(host, port, "blocked", 1)]


def test_an_ipv6_address_is_checked_like_any_other(serve: Serve) -> None:
    served = serve(hosts=["[::1]:443", "[::ffff:127.0.0.1]:443"])
    for place in ("[::1]:443", "[::ffff:127.0.0.1]:443"):
        assert b" 403 " in served.ask(f"CONNECT {place}")


def test_only_connect_goes_through(serve: Serve) -> None:
    served = serve(hosts=["example.com:80"])
    for request in ("GET http://example.com/", "POST http://example.com/x", "OPTIONS *", "GET /"):
        answer = served.ask(request)
        assert b" 403 " in answer
        assert b"only CONNECT goes through this proxy" in answer
    assert [each["host"] for each in served.told] == ["example.com", ""]


def test_a_body_does_not_hide_the_refusal(serve: Serve) -> None:
    served = serve()
    answer = served.ask(
        b"POST http://example.com/ HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    )
    assert b"only CONNECT" in answer


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x02\x00", b"400"),
        (b"CONNECT\r\n\r\n", b"400"),
        (b"CONNECT a b c HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT example.com HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT ex\xffmple.com:443 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT example.com:0443443 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT example.com:99999 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT user@example.com:443 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT " + b"a" * 9000, b"431"),
        (b"CONNECT " + b"a" * 300 + b":443 HTTP/1.1\r\n\r\n", b"400"),
    ],
)
def test_nonsense_is_refused_at_once(serve: Serve, said: bytes, status: bytes) -> None:
    assert serve(hosts=["example.com:443"]).ask(said).split(b" ")[1] == status


def test_a_head_may_come_in_pieces(serve: Serve, server: Server) -> None:
    heard: list[bytes] = []
    port = server(upstream_that(b"HTTP/1.1 200 OK\r\n\r\n", heard))
    served = serve(hosts=["a.example:443"], upstream=f"127.0.0.1:{port}")
    line = served.connect(served.proxy)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (b"CONN", b"ECT a.example:443 HTTP/1.1\r\nHost: x\r", b"\n\r", b"\nearly"):
        line.sendall(piece)
    line.shutdown(socket.SHUT_WR)
    assert all_of(line) == b"HTTP/1.1 200 Connection established\r\n\r\nEARLY"


def test_the_operators_proxy_is_used_and_asked_for_the_same_place(serve: Serve, server: Server) -> None:
    heard: list[bytes] = []
    port = server(upstream_that(b"HTTP/1.0 200 Fine\r\nVia: x\r\n\r\nbehind ", heard))
    served = serve(hosts=["*.example:443"], upstream=f"127.0.0.1:{port}")
    line = served.connect(served.proxy)
    line.sendall(b"CONNECT A.Example:443 HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n")
    line.shutdown(socket.SHUT_WR)
    assert all_of(line).endswith(b"\r\n\r\nbehind ")
    assert heard == [b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"]
    assert served.decisions() == [("a.example", 443, "allowed", 1)]


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Who are you\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200"]
)
def test_a_proxy_that_refuses_is_passed_on_in_a_sentence(serve: Serve, server: Server, answer: bytes) -> None:
    def deal(line: socket.socket) -> None:
        line.recv(4096)
        line.sendall(answer)

    served = serve(hosts=["a.example:443"], upstream=f"127.0.0.1:{server(deal)}")
    said = served.ask("CONNECT a.example:443")
    assert said.startswith(b"HTTP/1.1 502 ")
    assert b"can't be reached through the proxy 127.0.0.1" in said
    assert served.decisions() == [("a.example", 443, "allowed", 1)]


def test_the_operators_proxy_is_not_asked_for_private_addresses(serve: Serve) -> None:
    served = serve(hosts=["169.254.169.254:80", "[::1]:80"], upstream="127.0.0.1:1")
    assert b" 403 " in served.ask("CONNECT 169.254.169.254:80")
    assert b" 403 " in served.ask("CONNECT [::1]:80")


def test_what_is_decided_again_and_again_is_counted(serve: Serve) -> None:
    served = serve()
    for _ in range(5):
        served.ask("CONNECT example.com:443")
    served.porter.stop()
    assert served.decisions() == [("example.com", 443, "blocked", 1), ("example.com", 443, "blocked", 4)]


def test_a_flood_of_places_is_only_counted(serve: Serve) -> None:
    served = serve()
    for number in range(callers.MOST_PLACES + 7):
        served.ask(f"CONNECT h{number}.example:443")
    assert len(served.told) == callers.MOST_PLACES
    served.porter.stop()
    assert served.decisions()[-1] == ("", 0, "blocked", 7)


def test_a_flood_of_connections_leaves_the_porter_standing(serve: Serve) -> None:
    served = serve()
    held = [served.connect(served.proxy) for _ in range(porter.MOST_OPEN)]
    until(lambda: served.porter.full, "a full porter")
    assert served.ask(b"").startswith(b"HTTP/1.1 503 ")
    for line in held:
        line.close()
    until(lambda: not served.porter.full, "room")
    assert b" 403 " in served.ask("CONNECT example.com:443")


def test_who_says_nothing_is_sent_away(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "HEAD_S", 0.1)
    assert serve().ask(b"CONNECT exa").startswith(b"HTTP/1.1 408 ")


def test_stopping_hangs_up_on_everybody(serve: Serve, server: Server) -> None:
    served = serve(to=server(lambda line: line.sendall(all_of(line))))
    forward, proxy = served.connect(served.forward), served.connect(served.proxy)
    served.ask("CONNECT example.com:443")
    served.porter.stop()
    for line in (forward, proxy):
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.proxy), 1)
