"""Many clients on one connection, each with a header or a cookie jar of its own, and who answered them."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

TIMEOUT_SECONDS = 20.0
_BATCH = 64
"""Requests that are sent before their answers are read; they fit into the buffers of a loopback socket."""
_END = b"\r\n\r\n"


class _Echo(asyncio.Protocol):
    """Answers every request without a body with its own name and the request's path."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while _END in self._received:
            head, self._received = self._received.split(_END, 1)
            body = f"{self._name} {head.split()[1].decode()}".encode()
            assert self._transport is not None
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


@contextmanager
def echo_servers(*names: str) -> Iterator[dict[str, int]]:
    """Servers by these names, each on a port of its own, until the block ends."""
    loop = asyncio.new_event_loop()

    async def start() -> list[asyncio.Server]:
        return [await loop.create_server(partial(_Echo, name), "127.0.0.1", 0) for name in names]

    servers = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield {name: it.sockets[0].getsockname()[1] for name, it in zip(names, servers, strict=True)}
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class Client:
    """One client: the headers that it always sends, and the cookies that it was given."""

    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    keeps_cookies: bool = True

    def write(self, path: str, host: str, body: bytes) -> bytes:
        """Its request, as it goes over the wire: with a body a POST."""
        lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", f"host: {host}"]
        lines += [f"content-length: {len(body)}"] if body else []
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.cookies:
            lines.append(f"cookie: {'; '.join(f'{name}={value}' for name, value in self.cookies.items())}")
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Answer:
    """What a client got, and the cookies that were set."""

    status: int
    body: str
    set_cookies: tuple[str, ...]

    @property
    def server(self) -> str:
        """The name of the echo server that answered."""
        return self.body.split()[0]

    @property
    def path(self) -> str:
        """The path that it saw."""
        return self.body.split()[1]


def ask_all(
    port: int, clients: Sequence[Client], path: str, host: str = "any", body: bytes = b""
) -> list[Answer]:
    """One request of every client, over one connection, in order."""
    answers: list[Answer] = []
    with _connect(port) as connection, connection.makefile("rb") as stream:
        for at in range(0, len(clients), _BATCH):
            batch = clients[at : at + _BATCH]
            connection.sendall(b"".join(client.write(path, host, body) for client in batch))
            answers += [_read(stream, client) for client in batch]
    return answers


def ask_alone(port: int, client: Client, path: str, times: int, host: str = "any") -> list[Answer]:
    """Some requests of one client, over a connection of its own."""
    with _connect(port) as connection, connection.makefile("rb") as stream:
        answers = []
        for _ in range(times):
            connection.sendall(client.write(path, host, b""))
            answers.append(_read(stream, client))
    return answers


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)


def _read(stream: BinaryIO, client: Client) -> Answer:
    status = int(stream.readline().split()[1])
    length, cookies = 0, []
    for line in stream:
        name, _, value = line.decode().strip().partition(": ")
        if not name:
            break
        if name == "content-length":
            length = int(value)
        elif name == "set-cookie":
            cookies.append(value)
    body = stream.read(length).decode()
    if client.keeps_cookies:
        for cookie in cookies:
            key, _, value = cookie.split(";")[0].partition("=")
            client.cookies[key] = value
    return Answer(status, body, tuple(cookies))
