"""Constant load on a gateway while a test changes what is behind it."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.waiting import eventually

BODY = json.dumps(
    {"inputs": [{"name": "predict", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}]}
).encode()


def infer_path(namespace: str, name: str) -> str:
    return f"/modelmesh/{namespace}/v2/models/{name}/infer"


def ask(
    url: str, path: str, headers: dict[str, str] | None = None, method: str = "POST"
) -> tuple[int, bytes]:
    """One request on a connection of its own: (status, body)."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, BODY if method == "POST" else None, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass
class Load:
    """What clients saw so far: the members that answered, in order, and every failure."""

    members: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def last(self, count: int) -> set[str]:
        """The members that answered the last `count` requests; empty before there were that many."""
        return set(self.members[-count:]) if len(self.members) >= count else set()


@contextmanager
def constant_load(
    url: str, path: str, clients: int = 3, headers: dict[str, str] | None = None
) -> Iterator[Load]:
    """Keep `clients` kept-alive connections busy until the block ends.

    It begins when the first request is answered well: an Envoy follows what a status already says.
    """
    load, stop = Load(), threading.Event()
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    eventually(lambda: ask(url, path, all_headers)[0] == http.HTTPStatus.OK, f"{url}{path} is served")

    def work() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        while not stop.is_set():
            try:
                connection.request("POST", path, BODY, all_headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                load.failures.append(repr(error))
                connection.close()
                continue
            if answer.status == 200:
                # Members of a group may serve under one name; the header tells which one it was.
                told = answer.headers["x-served-by"] or answer.headers["ce-inferenceservicename"]
                load.members.append(told or json.loads(content)["model_name"])
            else:
                load.failures.append(f"{answer.status} {content[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
