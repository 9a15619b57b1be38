"""Pods as KServe and ModelMesh make them; their container ports are ports of this machine; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsplit.local.backends import GRPC_PORT
from meshsplit.local.mesh.listener import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.backends import Backend, ContainerPort
    from meshsplit.local.models.spec import Ports, ServingKey

PORTS = "local.meshsplit.dev/ports"
"""Annotation of a Pod: the port of 127.0.0.1 behind each container port, as in `8080=40321,8081=40322`."""
PROCESS = "local.meshsplit.dev/process"
"""Annotation of a Pod: the id of the process that answers."""
COUNTERS_PORT = 2112  # ModelMesh's own

# The names by which KServe's users say that a container port speaks HTTP/2.
_HTTP2_NAMES = ("h2c", "grpc", "http2")


@dataclass(frozen=True, slots=True)
class Pod:
    """One process behind Services: `ports` are (container port, its name, the port of this machine)."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    ports: tuple[tuple[int, str, int], ...]
    pid: int

    def find_port(self, target: int | str) -> int | None:
        """The port of this machine behind a Service's target port, a number or a name."""
        found = (local for number, name, local in self.ports if target in (number, name))
        return next(found, None)

    def to_body(self) -> dict[str, Any]:
        """The object."""
        listed = [{"containerPort": number, "name": name} for number, name, _ in self.ports]
        mapped = ",".join(f"{number}={local}" for number, _, local in self.ports)
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": self.namespace,
                "name": self.name,
                "labels": {**self.labels},
                "annotations": {PORTS: mapped, PROCESS: str(self.pid)},
            },
            "spec": {"containers": [{"name": "kserve-container", "ports": listed}]},
            "status": {
                "phase": "Running",
                "podIP": LOOPBACK,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }


def to_pods(backends: Iterable[Backend], ports: Mapping[ServingKey, Ports]) -> tuple[Pod, ...]:
    """The Pods of these backends by name, ModelMesh's one for all; none where nothing answers yet."""
    found: dict[tuple[str, str], Pod] = {}
    for backend in backends:
        own = ports.get(backend.serving_key)
        if own is not None:
            pod = _to_shared_pod(backend, own) if backend.in_modelmesh else _to_pod(backend, own)
            found[pod.namespace, pod.name] = pod
    return tuple(found[key] for key in sorted(found))


def _is_grpc(port: ContainerPort) -> bool:
    """Whether gRPC answers at a container port: by its name, else by its number."""
    named = port.name.partition("-")[0]
    return named in _HTTP2_NAMES or (not named and port.number == GRPC_PORT)


def _to_pod(backend: Backend, own: Ports) -> Pod:
    labels = {**backend.labels, **backend.selector, "serving.kserve.io/inferenceservice": backend.member.name}
    labels["component"] = backend.service.removeprefix(f"{backend.member.name}-")
    ports = tuple(
        (port.number, port.name, own.grpc if _is_grpc(port) else own.rest) for port in backend.container_ports
    )
    return Pod(backend.namespace, backend.service, labels, ports, own.pid)


def _to_shared_pod(backend: Backend, own: Ports) -> Pod:
    ports = [(8033, "grpc", own.grpc), (8008, "http", own.rest)]
    if own.metrics is not None:
        ports.append((COUNTERS_PORT, "prometheus", own.metrics))
    return Pod(backend.namespace, backend.service, backend.selector, tuple(ports), own.pid)
