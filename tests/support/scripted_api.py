"""An HTTP server that answers by a script: every request takes the next step, whatever it asks for."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.waiting import DEADLINE_SECONDS


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


Connection = BaseHTTPRequestHandler
Step = Callable[["ScriptedApi", Connection], None]


def answer(status: int, content: bytes | Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Step:
    """One whole answer."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def play(_api: "ScriptedApi", connection: Connection) -> None:
        connection.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            connection.send_header(name, value)
        connection.end_headers()
        connection.wfile.write(body)

    return play


def trickle(content: bytes) -> Step:
    """An answer that comes byte by byte and never ends, although each byte comes in time."""

    def play(api: "ScriptedApi", connection: Connection) -> None:
        connection.send_response(200)
        connection.send_header("Content-Length", str(len(content)))
        connection.end_headers()
        at = 0
        while not api.over.wait(0.02):
            connection.wfile.write(content[at : at + 1])
            at = (at + 1) % (len(content) - 1)

    return play


def stream(*lines: bytes, end: str = "closed") -> Step:
    """A watch. `end`: "closed" properly, "cut" in the middle of a chunk, or "silent" for ever (half-open)."""

    def play(api: "ScriptedApi", connection: Connection) -> None:
        connection.send_response(200)
        connection.send_header("Transfer-Encoding", "chunked")
        connection.end_headers()
        for content in lines:
            connection.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        connection.wfile.flush()
        _end(api, connection, end)

    return play


def _end(api: "ScriptedApi", connection: Connection, end: str) -> None:
    if end == "closed":
        connection.wfile.write(b"0\r\n\r\n")
    elif end == "cut":
        connection.wfile.write(b'40\r\n{"type": "ADDED", "obj')
        connection.close_connection = True
    else:
        api.silence()


def silent(api: "ScriptedApi", _connection: Connection) -> None:
    """No answer at all, and the connection stays open."""
    api.silence()


def hung_up(_api: "ScriptedApi", connection: Connection) -> None:
    """The connection is closed instead of an answer."""
    connection.close_connection = True


@dataclass
class ScriptedApi:
    """`requests` are in order of arrival; `unexpected` counts those after the script's end (500)."""

    url: str
    steps: Iterator[Step]
    requests: list[Request] = field(default_factory=list)
    unexpected: int = 0
    silences: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: Request) -> Step:
        with self.lock:
            self.requests.append(request)
            step = next(self.steps, None)
            self.unexpected += step is None
        return step or answer(500, b"the script has ended")

    def silence(self) -> None:
        with self.lock:
            self.silences += 1
        self.over.wait(DEADLINE_SECONDS)


@contextmanager
def scripted_api(*steps: Step, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedApi]:
    """A server on a free port of 127.0.0.1 that is gone afterwards; fails when the script was exceeded."""
    api = ScriptedApi("", iter(steps))

    class Player(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def play(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            step = api.take(Request(self.command, url.path, query, self.headers, body))
            try:
                step(api, self)
            except OSError:
                # The client went away, which is what some tests are about.
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = play  # noqa: N815 - the names http.server calls

        def log_message(self, *_arguments: object) -> None:
            """Tests look at `requests`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Player)
    server.daemon_threads = True
    server.block_on_close = False
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    api.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
        assert api.unexpected == 0, f"more requests than the script has: {api.requests}"
    finally:
        api.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
