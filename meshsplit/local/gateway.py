"""A real Envoy as the mesh's gateway and as a sidecar, changed while it serves without failing a request."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from meshsplit.local.listening import PortInUse, find_refusals, require_free, wait_for_ports
from meshsplit.local.mesh.config import ROUTE_CONFIGURATION, SIDECAR_CONFIGURATION, MeshConfig
from meshsplit.local.mesh.listener import (
    LISTENER,
    LOOPBACK,
    SIDECAR_LISTENER,
    make_listener,
    make_sidecar_listener,
)
from meshsplit.local.probe import get_served_version, make_probe_host
from meshsplit.local.process import EnvoyProcess, GatewayError, MissingExtra, find_envoy, wait_until
from meshsplit.local.xds import CLUSTERS, LISTENERS, ROUTES, SIDECAR_ROUTES, XdsFiles

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
_POLL_SECONDS = 0.002
_NO_ROUTES = MeshConfig(routes={"name": ROUTE_CONFIGURATION}, clusters=(), endpoints=())
_NO_SIDECAR = MeshConfig(routes={"name": SIDECAR_CONFIGURATION}, clusters=(), endpoints=())


class GatewayRejected(GatewayError):  # noqa: N818 - the name callers read
    """Envoy refused a configuration and keeps serving the one before; the message is Envoy's own."""


class Gateway:
    """One Envoy on loopback, with a listener of a gateway and one of a sidecar.

    `start` and `stop` it; `apply` from any thread, one at a time is served.
    """

    def __init__(
        self, files: XdsFiles, envoy: EnvoyProcess, ports: Mapping[str, int], propagation_seconds: float
    ) -> None:
        self._files = files
        self._envoy = envoy
        self._propagation_seconds = propagation_seconds
        self._lock = threading.Lock()
        self._mesh = _NO_ROUTES
        self._sidecar = _NO_SIDECAR
        self._retired: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._timer: threading.Timer | None = None
        self.port = ports[LISTENER]
        self._sidecar_port = ports[SIDECAR_LISTENER]

    @classmethod
    def start(cls, directory: Path, port: int, *, propagation_seconds: float = PROPAGATION_SECONDS) -> Self:
        """A gateway without routes (404 for everything) that answers on 127.0.0.1:`port` (0: a free one).

        The sidecar takes a free port. Files and log are in `directory`. PortInUse or MissingExtra before
        anything is started, GatewayError when Envoy does not come up.
        """
        binary = find_envoy()
        require_free(port)
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        files = XdsFiles(directory)
        versions = _write_routes(files, _NO_ROUTES, _NO_SIDECAR)
        files.write(CLUSTERS, [])
        sidecar = make_sidecar_listener(files.make_source(SIDECAR_ROUTES))
        files.write(LISTENERS, [make_listener(port, files.make_source(ROUTES)), sidecar])
        sources = {"lds_config": files.make_source(LISTENERS), "cds_config": files.make_source(CLUSTERS)}
        envoy = EnvoyProcess(binary, directory, sources, CONCURRENCY)
        try:
            ports = wait_for_ports(envoy, port, versions)
        except BaseException:
            envoy.stop()
            raise
        return cls(files, envoy, ports, propagation_seconds)

    @property
    def url(self) -> str:
        """Where callers send their requests."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def sidecar_url(self) -> str:
        """Where callers inside the mesh send theirs, with the name of a Service as host."""
        return f"http://{LOOPBACK}:{self._sidecar_port}"

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

    def apply(self, mesh: MeshConfig, sidecar: MeshConfig = _NO_SIDECAR) -> None:
        """Serve `mesh` and `sidecar`; when this returns, every new request is routed by them.

        Make before break: clusters and endpoints of both, then the routes, and only after the propagation
        time (by a timer, not here) the clusters without routes go. GatewayRejected when Envoy refuses or
        has not taken it over within APPLY_SECONDS: the routes before are then served as before.
        """
        with self._lock:
            if (mesh, sidecar) == (self._mesh, self._sidecar):
                return
            offset = self.log.stat().st_size
            deadline = time.monotonic() + APPLY_SECONDS
            before = self._clusters()
            after = {**mesh.to_static_clusters(), **sidecar.to_static_clusters()}
            try:
                version = self._write_clusters(before | after)
                self._wait(lambda: self._has_clusters(version), offset, deadline)
                versions = _write_routes(self._files, mesh, sidecar)
                self._wait(lambda: self._serves(versions), offset, deadline)
            except GatewayError:
                self._restore()
                raise
            self._mesh, self._sidecar = mesh, sidecar
            self._retire(before, after)

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

    def _clusters(self) -> dict[str, dict[str, Any]]:
        """By name what the routes that are served use."""
        return {**self._mesh.to_static_clusters(), **self._sidecar.to_static_clusters()}

    def _serves(self, versions: Mapping[str, str]) -> bool:
        ports = {LISTENER: self.port, SIDECAR_LISTENER: self._sidecar_port}
        return all(get_served_version(ports[name]) == version for name, version in versions.items())

    def _restore(self) -> None:
        """Put what is served back in place, and wait until Envoy is past what it refused."""
        self._files.forget()
        self._write_clusters(self._clusters())
        versions = _write_routes(self._files, self._mesh, self._sidecar)
        deadline = time.monotonic() + APPLY_SECONDS
        while not self._serves(versions) and self._envoy.is_running():
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
            refusals = find_refusals(self._envoy.read_log(offset))
            if refusals:
                raise GatewayRejected("; ".join(refusals))
            self.require_running()
            if not wait_until(deadline, _POLL_SECONDS):
                raise GatewayRejected(f"not taken over in {APPLY_SECONDS:g} s:\n{self._envoy.log_tail()}")

    def _retire(self, previous: Mapping[str, Mapping[str, Any]], used: Mapping[str, object]) -> None:
        due = time.monotonic() + self._propagation_seconds
        self._retired |= {name: (due, it) for name, it in previous.items()}
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
            self._write_clusters(self._clusters())
            self._schedule()


def _write_routes(files: XdsFiles, mesh: MeshConfig, sidecar: MeshConfig) -> dict[str, str]:
    """By listener the version that its probe's host will answer with."""
    versions = {}
    for listener, source, config in (
        (LISTENER, ROUTES, mesh),
        (SIDECAR_LISTENER, SIDECAR_ROUTES, sidecar),
    ):
        versions[listener] = files.next_version()
        hosts = [make_probe_host(versions[listener]), *config.routes.get("virtual_hosts", ())]
        files.write(source, [{**config.routes, "virtual_hosts": hosts}])
    return versions
