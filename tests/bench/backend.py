"""A backend that no gateway outruns: an Envoy that answers by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshsplit.local.process import EnvoyProcess, GatewayError, find_envoy, wait_until
from meshsplit.local.xds import LISTENERS, XdsFiles

PATH_HEADER = "x-served-path"
"""The response header in which the backend names the path it was asked for."""

_START_SECONDS = 15.0
_POLL_SECONDS = 0.01
_ANSWER = (
    '{"model_name": "m", "outputs": [{"name": "predict", "shape": [1], "datatype": "INT64", "data": [1]}]}'
)
_EXTENSIONS = "type.googleapis.com/envoy.extensions"


@dataclass(frozen=True, slots=True)
class Backend:
    """Its port on 127.0.0.1 and its process."""

    port: int
    pid: int


@contextmanager
def running_backend(folder: Path) -> Iterator[Backend]:
    """Start an Envoy with one worker that answers every request with 200; stopped at the end."""
    folder.mkdir(parents=True)
    files = XdsFiles(folder)
    files.write(LISTENERS, [_make_listener()])
    envoy = EnvoyProcess(find_envoy(), folder, {"lds_config": files.make_source(LISTENERS)}, concurrency=1)
    try:
        yield Backend(_wait_for_port(envoy), envoy.pid)
    finally:
        envoy.stop()


def _wait_for_port(envoy: EnvoyProcess) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        for status in envoy.get_json("/listeners?format=json").get("listener_statuses", ()):
            return int(status["local_address"]["socket_address"]["port_value"])
        if not envoy.is_running() or not wait_until(deadline, _POLL_SECONDS):
            raise GatewayError(f"the backend did not come up:\n{envoy.log_tail()}")


def _make_listener() -> dict[str, Any]:
    path = {"header": {"key": PATH_HEADER, "value": "%REQ(:PATH)%"}}
    everything = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": _ANSWER}},
        "response_headers_to_add": [path],
    }
    router = {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "backend",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [everything]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": "backend",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": filters}],
    }
