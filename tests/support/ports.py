"""Ports for programs that have to be told theirs."""

import socket
from pathlib import Path
from random import SystemRandom

_FIRST = 10_000
_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_CHANCE = SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that Linux gives to whoever names none.

    One of those may be somebody else's before the program that is told of it has started.
    """
    above = int(_GIVEN.read_text().split()[0])
    while True:
        port = _CHANCE.randrange(_FIRST, above)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
