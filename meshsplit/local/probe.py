"""A host of the gateway's own that tells which routes it serves."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from typing import Any

from meshsplit.local.mesh.listener import LOOPBACK

_HOST = "routes.meshsplit.invalid"  # nobody's real host (RFC 2606)
_TIMEOUT_SECONDS = 1.0


def make_probe_host(version: str) -> dict[str, Any]:
    """A virtual host that answers with `version`."""
    answer = {"status": 200, "body": {"inline_string": version}}
    return {
        "name": _HOST,
        "domains": [_HOST],
        "routes": [{"match": {"path": "/"}, "direct_response": answer}],
    }


def get_served_version(port: int) -> str:
    """The version of the routes that serve a new request; empty while nothing answers.

    Envoy's main thread counts an update as taken before its workers have it; only a worker's answer counts.
    """
    connection = HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/", headers={"host": _HOST})
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()
