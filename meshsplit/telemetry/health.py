"""Three pages over HTTP: is it alive, is it ready, what are its numbers."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

HEALTHZ, READYZ, METRICS = "/healthz", "/readyz", "/metrics"

SILENCE_SECONDS = 10.0
"""How long a connection may say nothing; a kubelet's probe ends after one (periodSeconds is 10)."""

_LOG = logging.getLogger(__name__)
_PLAIN = "text/plain; charset=utf-8"


class HealthServer:
    """Serves /healthz, /readyz and /metrics from threads of its own between `start` and `stop`.

    A check gives the reason why not, or None when all is well: 200 "ok", or 503 with the reason as text.
    `?name[]=` asks for the metrics of these names only, as with every server of Prometheus' own client.
    `host` "" is every address, IPv6 too where there is any; port 0 takes a free one. OSError when the port is
    taken. The checks run in the threads of the server and must not block.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        healthy: Callable[[], str | None],
        ready: Callable[[], str | None],
        registry: CollectorRegistry,
    ) -> None:
        self._server = _Server(host, port, healthy, ready, registry)
        self.port: Final[int] = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer; once."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more and free the port; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """The listening socket and what the pages say."""

    # A scraper that reads slowly must not keep the process from ending.
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        host: str,
        port: int,
        healthy: Callable[[], str | None],
        ready: Callable[[], str | None],
        registry: CollectorRegistry,
    ) -> None:
        self.checks = {HEALTHZ: healthy, READYZ: ready}
        self.registry = registry
        wide = not host and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if wide or ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without the look-up of the host's name that http.server makes."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong in a check; a client that goes away is no error of this process."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            _LOG.error("cannot answer a probe", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; everything else is refused by the base class (501)."""

    server: _Server
    timeout = SILENCE_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        check = self.server.checks.get(path)
        if check is not None:
            self._answer_check(check)
        elif path == METRICS:
            self._answer_metrics(parse_qs(query).get("name[]"))
        else:
            self._answer(HTTPStatus.NOT_FOUND, f"try {HEALTHZ}, {READYZ} or {METRICS}\n".encode(), _PLAIN)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: probes come every few seconds."""

    def _answer_metrics(self, names: list[str] | None) -> None:
        registry: Any = self.server.registry
        if names is not None:
            registry = registry.restricted_registry(names)
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._answer(HTTPStatus.OK, encode(registry), content_type)

    def _answer_check(self, check: Callable[[], str | None]) -> None:
        reason = check()
        status = HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, f"{'ok' if reason is None else reason}\n".encode(), _PLAIN)

    def _answer(self, status: HTTPStatus, content: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
