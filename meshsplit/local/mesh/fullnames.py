"""VirtualServices with every short name spelt out (Istio: resolveVirtualServiceShortnames)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.mesh.names import to_fqdn, to_gateway

if TYPE_CHECKING:
    from meshsplit.local.mesh.virtualservice import Destination, HttpRoute, VirtualService


def to_full_names(virtual_service: VirtualService) -> VirtualService:
    """Hosts as full, gateways as `namespace/name`, both read in the object's own namespace.

    Istio does this before it merges delegates, so a delegate's short names are those of its namespace.
    """
    namespace = virtual_service.metadata.namespace
    spec = virtual_service.spec
    update = {
        "hosts": [to_fqdn(host, namespace) for host in spec.hosts],
        "gateways": [to_gateway(gateway, namespace) for gateway in spec.gateways],
        "http": [_to_full_route(route, namespace) for route in spec.http],
    }
    return virtual_service.model_copy(update={"spec": spec.model_copy(update=update)})


def _to_full_route(route: HttpRoute, namespace: str) -> HttpRoute:
    update = {
        "match": [
            it.model_copy(update={"gateways": [to_gateway(gateway, namespace) for gateway in it.gateways]})
            for it in route.match
        ],
        "route": [
            it.model_copy(update={"destination": _to_full_destination(it.destination, namespace)})
            for it in route.route
        ],
        "mirror": _to_full_destination(route.mirror, namespace) if route.mirror else None,
    }
    return route.model_copy(update=update)


def _to_full_destination(destination: Destination, namespace: str) -> Destination:
    return destination.model_copy(update={"host": to_fqdn(destination.host, namespace)})
