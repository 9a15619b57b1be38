"""A server that answers Prometheus' query API as a test says, and counts what it is asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from support.prometheus import serving

Sample = tuple[Mapping[str, str], str]


def vector(*samples: Sample, at: float = 0.0, **more: Any) -> tuple[int, bytes]:
    """A successful answer with these series; `more` goes beside `data`."""
    result = [{"metric": dict(labels), "value": [at, value]} for labels, value in samples]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    return 200, json.dumps(body).encode()


def refusal(status: int, kind: str, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"status": "error", "errorType": kind, "error": message}).encode()


class FakePrometheus(ThreadingHTTPServer):
    """`answer` gets the query and returns status and body; `queries` are all that were asked.

    So does `tell` for queries over the past; `stories` are those.
    """

    answer: Callable[[str], tuple[int, bytes]]
    tell: Callable[[str], tuple[int, bytes]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.answer = lambda _query: vector()
        self.tell = lambda _query: vector()
        self.stories: list[str] = []
        self.queries: list[str] = []
        self.forms: list[Mapping[str, list[str]]] = []
        self.silent, self.dripping = False, False
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, FakePrometheus)
        assert self.path in ("/api/v1/query", "/api/v1/query_range")
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        query, over_time = form["query"][0], self.path.endswith("_range")
        (server.stories if over_time else server.queries).append(query)
        server.forms.append(form)
        if server.silent:
            server.stopping.wait(30)
            return
        status, body = (server.tell if over_time else server.answer)(query)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if status in (301, 302, 307):
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        while server.dripping and not server.stopping.wait(0.02):
            try:
                self.wfile.write(b" ")
            except OSError:
                return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def fake_prometheus() -> Iterator[FakePrometheus]:
    with serving(FakePrometheus()) as running:
        yield running
        running.stopping.set()
