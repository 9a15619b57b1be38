"""Services of the embedded cluster that something on this machine stands behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from meshsplit.local.mesh.services import Endpoint, Service, ServicePort

BACKED_BY = "local.meshsplit.dev/backed-by"
"""Label of a Service whose target ports are ports of this machine: `model` or `gateway`."""
MODEL = "model"
GATEWAY = "gateway"

_LOOPBACK = "127.0.0.1"
_DOMAIN = ("svc", "cluster", "local")
# Istio tells a port's protocol by the first part of its name (protocol selection); these are HTTP/2.
_HTTP2 = ("grpc", "http2", "h2c")
_NAMED = {False: "http", True: "grpc"}


def make_services(ports: Mapping[tuple[str, int], tuple[bool, int]], backed_by: str) -> list[dict[str, Any]]:
    """The Services that make each (host, port) lead to (is gRPC, local port), by namespace and name.

    A host that is no Service of the cluster is left out: only a Service can be an object.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for (host, number), (http2, port) in sorted(ports.items()):
        name, namespace, *domain = host.split(".")
        if tuple(domain) == _DOMAIN:
            named = {"name": f"{_NAMED[http2]}-{number}", "port": number, "targetPort": port}
            found.setdefault((namespace, name), []).append({**named, "protocol": "TCP"})
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": {BACKED_BY: backed_by}},
            "spec": {"ports": listed},
        }
        for (namespace, name), listed in sorted(found.items())
    ]


def is_backed(body: Mapping[str, Any], backed_by: str) -> bool:
    """Whether the Service was made by `make_services` for that."""
    return (body["metadata"].get("labels") or {}).get(BACKED_BY) == backed_by


def read_services(bodies: Iterable[Mapping[str, Any]]) -> tuple[Service, ...]:
    """The backed Services as the mesh sees them, in the order given.

    Nothing is behind any other Service, nor behind a port whose target is a name.
    """
    return tuple(
        Service(
            _to_host(body),
            tuple(
                _to_port(port)
                for port in body["spec"].get("ports", ())
                if isinstance(port.get("targetPort"), int)
            ),
        )
        for body in bodies
        if is_backed(body, MODEL) or is_backed(body, GATEWAY)
    )


def _to_host(body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    return ".".join((metadata["name"], metadata["namespace"], *_DOMAIN))


def _to_port(port: Mapping[str, Any]) -> ServicePort:
    http2 = str(port.get("name", "")).partition("-")[0] in _HTTP2
    return ServicePort(port["port"], http2, (Endpoint(_LOOPBACK, port["targetPort"], {}),))
