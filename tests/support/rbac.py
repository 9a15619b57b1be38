"""A guard before an API server that refuses nobody: it grants what roles grant, and refuses the rest."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import yaml

_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_CHUNK = 1 << 16
_HOP = {"connection", "transfer-encoding", "keep-alive"}
EVERYBODY = {("create", "authentication.k8s.io", "selfsubjectreviews")}
"""Granted to whoever is logged in (the bootstrap role system:basic-user), as are /version and discovery."""


class Right(NamedTuple):
    """What a request is, as RBAC sees it; `namespace` is "" for all of them."""

    verb: str
    group: str
    resource: str
    namespace: str


@dataclass
class Guard:
    """Grants `rules` in `namespace`, "" being all; `used` is what was asked for and granted."""

    upstream: str
    rules: Iterable[Mapping[str, Any]]
    namespace: str = ""
    url: str = ""
    used: set[tuple[str, str, str]] = field(default_factory=set)
    refused: list[Right] = field(default_factory=list)

    def grants(self, right: Right) -> bool:
        """Whether a RoleBinding, or a ClusterRoleBinding, of the rules lets that through."""
        if self.namespace not in ("", right.namespace):
            return False
        return any(
            right.group in rule["apiGroups"]
            and right.resource in rule["resources"]
            and right.verb in rule["verbs"]
            for rule in self.rules
        )

    def admit(self, right: Right | None) -> bool:
        """Decide and remember; None is no resource."""
        if right is None or right[:3] in EVERYBODY:
            return True
        if not self.grants(right):
            self.refused.append(right)
            return False
        self.used.add((right.verb, right.group, right.resource))
        return True


def to_right(method: str, url: str) -> Right | None:
    """The right that a request needs; None for discovery and what else is no resource."""
    split = urlsplit(url)
    parts = split.path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else "", parts[3:])
    if parts[0] not in {"api", "apis"} or not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        # Of a Namespace itself its own name is the namespace.
        namespace, rest = rest[1], rest[2:] or rest
    resource, name = rest[0], rest[1] if len(rest) > 1 else ""
    resource = "/".join([resource, *rest[2:]])
    watched = "watch" in parse_qs(split.query)
    verb = _VERBS.get(method) or ("get" if name else "watch" if watched else "list")
    return Right(verb, group, resource, namespace)


@contextmanager
def guarded(
    upstream: str, folder: Path, rules: Iterable[Mapping[str, Any]], namespace: str = ""
) -> Iterator[tuple[Guard, Path]]:
    """A running guard, and a kubeconfig in `folder` that leads to it."""
    guard = Guard(upstream, list(rules), namespace)

    class Handler(_Handler):
        owner = guard

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    guard.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield guard, _write_kubeconfig(folder / "guarded", guard.url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: Guard

    def _answer(self) -> None:
        right = to_right(self.command, self.path)
        if not self.owner.admit(right):
            self._refuse(right)
            return
        host = urlsplit(self.owner.upstream)
        connection = HTTPConnection(host.hostname or "", host.port)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # who watches may go away
            while chunk := response.read1(_CHUNK):
                self.wfile.write(chunk)
                self.wfile.flush()
        connection.close()

    def _refuse(self, right: Right | None) -> None:
        content = json.dumps({"kind": "Status", "reason": "Forbidden", "message": f"no: {right}"}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Say nothing."""


def _write_kubeconfig(path: Path, url: str) -> Path:
    named = {"cluster": "guarded", "user": "guarded", "namespace": "models"}
    content = {
        "clusters": [{"name": "guarded", "cluster": {"server": url}}],
        "users": [{"name": "guarded", "user": {}}],
        "contexts": [{"name": "guarded", "context": named}],
        "current-context": "guarded",
    }
    path.write_text(yaml.safe_dump(content))
    return path
