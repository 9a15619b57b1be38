"""The Services that KServe, ModelMesh and an Istio installation make; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.backends import GRPC_PORT, REST_PORT
from meshsplit.local.endpoints import SERVICE_NAME
from meshsplit.local.mesh.listener import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.local.backends import Backend
    from meshsplit.local.cluster import Body
    from meshsplit.model import Endpoint

_PREDICTOR_PORT = 80  # KServe's CommonDefaultHttpPort
_DOMAIN = "svc.cluster.local"


def make_services(backends: Iterable[Backend]) -> list[Body]:
    """The Services of these backends, by namespace and name; ModelMesh has one for all of a namespace."""
    found = {
        (backend.namespace, backend.service): _make_service(
            backend.namespace,
            backend.service,
            _to_shared_ports(backend) if backend.in_modelmesh else _to_ports(backend),
            backend.selector,
        )
        for backend in backends
    }
    return [found[key] for key in sorted(found)]


def make_gateway_service(loop: Endpoint, port: int) -> list[Body]:
    """The gateway's own Service, and the EndpointSlice that puts 127.0.0.1:`port` behind it.

    None for a host that is no Service of the cluster: only a Service can be an object.
    """
    name, namespace, domain = (*loop.host.split(".", 2), "", "")[:3]
    if domain != _DOMAIN:
        return []
    return [
        _make_service(namespace, name, [_make_port("http", loop.port, port)], None),
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": namespace, "labels": {SERVICE_NAME: name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [LOOPBACK], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        },
    ]


def _make_service(
    namespace: str, name: str, ports: list[dict[str, Any]], selector: dict[str, str] | None
) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": ports, **({"selector": selector} if selector else {})},
    }


def _to_ports(backend: Backend) -> list[dict[str, Any]]:
    """The first declared port is behind port 80, the others are behind their own number (KServe's rule).

    Without one it is the port of the protocol that the InferenceService names.
    """
    if not backend.declared:
        if backend.member.rest is None:
            return [_make_port("grpc", _PREDICTOR_PORT, GRPC_PORT)]
        return [_make_port(backend.service, _PREDICTOR_PORT, REST_PORT)]
    first, *others = backend.declared
    return [
        _make_port(first.name or "http", _PREDICTOR_PORT, first.number),
        *(_make_port(port.name or f"port-{port.number}", port.number, port.number) for port in others),
    ]


def _to_shared_ports(backend: Backend) -> list[dict[str, Any]]:
    endpoints = {"grpc": backend.member.grpc, "http": backend.member.rest}
    return [_make_port(name, it.port, it.port) for name, it in endpoints.items() if it is not None]


def _make_port(name: str, number: int, target: int) -> dict[str, Any]:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": target}
