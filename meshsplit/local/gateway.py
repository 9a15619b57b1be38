"""A real Envoy as the mesh's gateway, changed while it serves without failing a request."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from meshsplit.local.mesh.config import ROUTE_CONFIGURATION, MeshConfig
from meshsplit.local.mesh.listener import LISTENER, LOOPBACK, make_listener
from meshsplit.local.probe import get_served_version, make_probe_host
from meshsplit.local.process import EnvoyProcess, GatewayError, MissingExtra, find_envoy, wait_until
from meshsplit.local.xds import CLUSTERS, LISTENERS, ROUTES, XdsFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Gateway", "GatewayError", "GatewayRejected", "MissingExtra", "PortInUse"]

CONCURRENCY = 1
"""Envoy's worker threads. One worker has one copy of the routes, so the answer of one connection proves them
for all; it outruns any Python server behind it, and leaves the machine's other cores to the models.
"""
# How long a cluster outlives the last route to it; the default of propagationSeconds.
PROPAGATION_SECONDS = 5.0
# An apply takes 30 ms under load, and 5 s with 5,000 groups and their models on one host (tests/bench).
APPLY_SECONDS = 20.0
# Envoy is up in 0.1 s on an idle machine.
START_SECONDS = 15.0
_POLL_SECONDS = 0.002
_REFUSALS = ("Filesystem config update rejected: ", "Filesystem config update failure: ")
_NO_ROUTES = MeshConfig(routes={"name": ROUTE_CONFIGURATION}, clusters=(), endpoints=())


class PortInUse(GatewayError):  # noqa: N818 - the name callers read
    """Another process listens on the gateway's port."""


class GatewayRejected(GatewayError):  # noqa: N818 - the name callers read
    """Envoy refused a configuration and keeps serving the one before; the message is Envoy's own."""


class Gateway:
    """One Envoy on loopback. `start` and `stop` it; `apply` from any thread, one at a time is served."""

    def __init__(self, files: XdsFiles, envoy: EnvoyProcess, port: int, propagation_seconds: float) -> None:
        self._files = files
        self._envoy = envoy
        self._propagation_seconds = propagation_seconds
        self._lock = threading.Lock()
        self._mesh = _NO_ROUTES
        self._retired: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._timer: threading.Timer | None = None
        self.port = port

    @classmethod
    def start(cls, directory: Path, port: int, *, propagation_seconds: float = PROPAGATION_SECONDS) -> Self:
        """A gateway without routes (404 for everything) that answers on 127.0.0.1:`port` (0: a free one).

        Its files and its log are in `directory`. PortInUse or MissingExtra before anything is started,
        GatewayError when Envoy does not come up.
        """
        binary = find_envoy()
        _require_free(port)
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        files = XdsFiles(directory)
        version = _write_routes(files, _NO_ROUTES.routes)
        files.write(CLUSTERS, [])
        files.write(LISTENERS, [make_listener(port, files.make_source(ROUTES))])
        sources = {"lds_config": files.make_source(LISTENERS), "cds_config": files.make_source(CLUSTERS)}
        envoy = EnvoyProcess(binary, directory, sources, CONCURRENCY)
        try:
            bound = _wait_for_listener(envoy, port, version)
        except BaseException:
            envoy.stop()
            raise
        return cls(files, envoy, bound, propagation_seconds)

    @property
    def url(self) -> str:
        """Where callers send their requests."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where Envoy's admin endpoint listens."""
        return self._envoy.admin_url

    @property
    def pid(self) -> int:
        """Envoy's process id."""
        return self._envoy.pid

    @property
    def log(self) -> Path:
        """Envoy's log."""
        return self._envoy.log

    def require_running(self) -> None:
        """Raise GatewayError with the end of Envoy's log when Envoy has ended by itself."""
        if not self._envoy.is_running():
            raise GatewayError(f"Envoy has ended:\n{self._envoy.log_tail()}")

    def is_running(self) -> bool:
        """Whether Envoy has not ended."""
        return self._envoy.is_running()

    def apply(self, mesh: MeshConfig) -> None:
        """Serve `mesh`; when this returns, every new request is routed by it.

        Make before break: clusters and endpoints of both, then the routes, and only after the propagation
        time (by a timer, not here) the clusters without routes go. GatewayRejected when Envoy refuses or
        has not taken it over within APPLY_SECONDS: the routes before are then served as before.
        """
        with self._lock:
            if mesh == self._mesh:
                return
            offset = self.log.stat().st_size
            deadline = time.monotonic() + APPLY_SECONDS
            try:
                self._apply_clusters(mesh, offset, deadline)
                version = _write_routes(self._files, mesh.routes)
                self._wait(lambda: get_served_version(self.port) == version, offset, deadline)
            except GatewayError:
                self._restore()
                raise
            previous, self._mesh = self._mesh, mesh
            self._retire(previous)

    def stop(self) -> None:
        """End Envoy and wait until it is gone; again is harmless."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._envoy.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _apply_clusters(self, mesh: MeshConfig, offset: int, deadline: float) -> None:
        version = self._write_clusters(self._mesh.to_static_clusters() | mesh.to_static_clusters())
        self._wait(lambda: self._has_clusters(version), offset, deadline)

    def _restore(self) -> None:
        """Put the mesh that is served back in place, and wait until Envoy is past what it refused."""
        self._files.forget()
        self._write_clusters(self._mesh.to_static_clusters())
        version = _write_routes(self._files, self._mesh.routes)
        deadline = time.monotonic() + APPLY_SECONDS
        while get_served_version(self.port) != version and self._envoy.is_running():
            if not wait_until(deadline, _POLL_SECONDS):
                return

    def _write_clusters(self, clusters: Mapping[str, Mapping[str, Any]]) -> str:
        """Write `clusters` and those that are not due to go yet."""
        kept = {name: it for name, (_, it) in self._retired.items()} | {**clusters}
        return self._files.write(CLUSTERS, [kept[name] for name in sorted(kept)])

    def _has_clusters(self, version: str) -> bool:
        """Whether Envoy has taken this version and none of its clusters is still in preparation."""
        filtered = "/stats?format=json&filter=%5Ecluster_manager%5C.(cds.version_text%7Cwarming_clusters)$"
        stats = self._envoy.get_json(filtered).get("stats", ())
        values = {it["name"]: it["value"] for it in stats}
        return values == {
            "cluster_manager.cds.version_text": version,
            "cluster_manager.warming_clusters": 0,
        }

    def _wait(self, accepted: Callable[[], bool], offset: int, deadline: float) -> None:
        while not accepted():
            refusals = _to_refusals(self._envoy.read_log(offset))
            if refusals:
                raise GatewayRejected("; ".join(refusals))
            self.require_running()
            if not wait_until(deadline, _POLL_SECONDS):
                raise GatewayRejected(f"not taken over in {APPLY_SECONDS:g} s:\n{self._envoy.log_tail()}")

    def _retire(self, previous: MeshConfig) -> None:
        due = time.monotonic() + self._propagation_seconds
        self._retired |= {name: (due, it) for name, it in previous.to_static_clusters().items()}
        used = self._mesh.to_static_clusters()
        self._retired = {name: it for name, it in self._retired.items() if name not in used}
        self._schedule()

    def _schedule(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._retired:
            delay = min(due for due, _ in self._retired.values()) - time.monotonic()
            self._timer = threading.Timer(max(delay, 0), self._prune)
            self._timer.daemon = True
            self._timer.start()

    def _prune(self) -> None:
        with self._lock:
            if not self._envoy.is_running():
                return
            now = time.monotonic()
            self._retired = {name: it for name, it in self._retired.items() if it[0] > now}
            self._write_clusters(self._mesh.to_static_clusters())
            self._schedule()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As Envoy does: a connection of an earlier listener that is still closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {port} on {LOOPBACK} is in use") from None
            raise GatewayError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from None


def _write_routes(files: XdsFiles, routes: Mapping[str, Any]) -> str:
    """The version that the probe's host will answer with."""
    version = files.next_version()
    hosts = [make_probe_host(version), *routes.get("virtual_hosts", ())]
    files.write(ROUTES, [{**routes, "virtual_hosts": hosts}])
    return version


def _wait_for_listener(envoy: EnvoyProcess, port: int, version: str) -> int:
    deadline = time.monotonic() + START_SECONDS
    while True:
        bound = _to_port(envoy.get_json("/listeners?format=json"))
        if bound and get_served_version(bound) == version:
            return bound
        log = envoy.read_log()
        if "Address already in use" in log:
            raise PortInUse(f"port {port} on {LOOPBACK} is in use")
        refusals = _to_refusals(log)
        if refusals or not envoy.is_running() or not wait_until(deadline, _POLL_SECONDS):
            raise GatewayError(f"Envoy did not come up:\n{envoy.log_tail()}")


def _to_port(listeners: Mapping[str, Any]) -> int:
    for status in listeners.get("listener_statuses", ()):
        if status.get("name") == LISTENER:
            return int(status["local_address"]["socket_address"]["port_value"])
    return 0


def _to_refusals(log: str) -> list[str]:
    """What Envoy says of each configuration it refused, without the log line's time and place."""
    return [
        line.split(refusal, 1)[1] for line in log.splitlines() for refusal in _REFUSALS if refusal in line
    ]
