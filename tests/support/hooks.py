"""A webhook that keeps what it is told, and a Secret that its calls are signed with."""

import base64
import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from meshsplit.rollout.gates import SIGNATURE_HEADER
from support.manifests import NAMESPACE


@dataclass
class Posted:
    """One call as it arrived."""

    body: bytes
    signature: str
    content_type: str

    @property
    def payload(self) -> dict[str, object]:
        payload: dict[str, object] = json.loads(self.body)
        return payload


class Hook(ThreadingHTTPServer):
    """Answers every POST with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 403
        self.posted: list[Posted] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Hook)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(
            Posted(body, self.headers.get(SIGNATURE_HEADER, ""), self.headers["Content-Type"])
        )
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def make_secret(name: str, value: bytes, key: str = "secret") -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    data = {key: base64.b64encode(value).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
