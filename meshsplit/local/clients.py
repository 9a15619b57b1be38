"""Clients that keep cookies, each on a connection of its own: who is answered by which server."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshsplit.local.models.catalog import SERVED_BY
from meshsplit.local.traffic import BROKEN, REQUEST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients have met: how many requests each server answered to each client, and how many failed."""

    by_client: tuple[Mapping[str, int], ...]
    failed: int

    @property
    def total(self) -> int:
        """All requests."""
        return sum(sum(served.values()) for served in self.by_client) + self.failed

    @property
    def least(self) -> int:
        """The answers of the client that has the fewest."""
        return min((sum(served.values()) for served in self.by_client), default=0)

    def clients_of(self, server: str) -> int:
        """How many clients it has answered."""
        return sum(server in served for served in self.by_client)

    @property
    def servers(self) -> Sequence[str]:
        """Everyone who has answered, by name."""
        return sorted({server for served in self.by_client for server in served})


def ask(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The answer to one request on a connection of its own; raises one of BROKEN without one."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    try:
        connection.request("POST", urlsplit(url).path, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


class Clients:
    """`count` clients that post `body` to one place, each `rate` times a second until `stop`."""

    def __init__(
        self, url: str, headers: Mapping[str, str], body: bytes, count: int = 20, rate: float = 10.0
    ) -> None:
        self._netloc, self._path = urlsplit(url).netloc, urlsplit(url).path
        self._headers = {"Content-Type": "application/json", **headers}
        self._body = body
        self._pause = 1 / rate
        self._lock = threading.Lock()
        self._served: list[Counter[str]] = [Counter() for _ in range(count)]
        self._failed = 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"client-{number}")
            for number in range(count)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more, and wait for what is on its way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def seen(self) -> Seen:
        """What there was so far, or since the last `take`."""
        with self._lock:
            return Seen(tuple(dict(served) for served in self._served), self._failed)

    def take(self) -> Seen:
        """What there was so far, and begin to count anew."""
        with self._lock:
            taken = Seen(tuple(map(dict, self._served)), self._failed)
            self._served = [Counter() for _ in self._served]
            self._failed = 0
        return taken

    def _work(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._netloc, timeout=REQUEST_SECONDS)
        cookies: dict[str, str] = {}
        due = time.monotonic()
        while not self._stopping.wait(max(due - time.monotonic(), 0.0)):
            due = max(due + self._pause, time.monotonic())
            try:
                server = self._ask(connection, cookies)
            except BROKEN:
                server = None
                connection.close()
            self._count(number, server)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, cookies: dict[str, str]) -> str | None:
        """The server that answered, None when the request failed."""
        kept = {"Cookie": "; ".join(map("=".join, cookies.items()))} if cookies else {}
        connection.request("POST", self._path, self._body, {**self._headers, **kept})
        answer = connection.getresponse()
        answer.read()
        for given in answer.headers.get_all("set-cookie", ()):
            name, _, value = given.partition(";")[0].partition("=")
            cookies[name.strip()] = value
        return answer.headers.get(SERVED_BY, "") if answer.status == http.HTTPStatus.OK else None

    def _count(self, number: int, server: str | None) -> None:
        with self._lock:
            if server is None:
                self._failed += 1
            else:
                self._served[number][server] += 1
