"""Ports for servers that are told their port before they listen on it."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_OURS = (10_000, 20_000)
"""Below those that the system hands out, and below those of gateways: nobody else takes one meanwhile."""
_chance = random.SystemRandom()


def free_port() -> int:
    """Give a port of the loopback that nobody listens on."""
    while True:
        port = _chance.randrange(*_OURS)
        with socket.socket() as line:
            try:
                line.bind((HOST, port))
            except OSError:
                continue
        return port
