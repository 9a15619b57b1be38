"""Istio objects and Services for tests of the local mesh's translation."""

from collections.abc import Mapping
from typing import Any

from meshsplit.local.mesh import Endpoint, MeshConfig, Service, ServicePort, to_mesh

PORT = 8080
GATEWAY = "istio-system/ingress"
ONE = "one.ns.svc.cluster.local"
TWO = "two.ns.svc.cluster.local"


def to(host: str = ONE, **fields: Any) -> dict[str, Any]:
    """An HTTP route to port 80 of a host."""
    return {"route": [{"destination": {"host": host, "port": {"number": 80}}}], **fields}


def make_virtual_service(*http: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    metadata = {"name": "v", "namespace": "ns", **fields.pop("metadata", {})}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {"hosts": ["*"], "gateways": [GATEWAY], "http": list(http), **fields},
    }


def make_destination_rule(host: str, name: str = "d", namespace: str = "ns", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"host": host, **spec},
    }


def make_service(host: str, *versions: str) -> Service:
    endpoints = tuple(Endpoint("127.0.0.1", 9000 + i, {"version": it}) for i, it in enumerate(versions))
    return Service(host, (ServicePort(80, False, endpoints),))


def routes_of(mesh: MeshConfig) -> list[dict[str, Any]]:
    (host,) = mesh.routes["virtual_hosts"]
    routes: list[dict[str, Any]] = host["routes"]
    return routes


def translate(*objects: Mapping[str, Any], services: tuple[Service, ...] = ()) -> list[dict[str, Any]]:
    return routes_of(to_mesh(objects, services, PORT))


def translate_route(**fields: Any) -> dict[str, Any]:
    (route,) = translate(make_virtual_service(to(**fields)))
    return route
