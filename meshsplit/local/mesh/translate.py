"""Istio objects and Services become one gateway's Envoy configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.clusters import to_cluster, to_used_clusters
from meshsplit.local.mesh.config import ROUTE_CONFIGURATION, MeshConfig
from meshsplit.local.mesh.delegates import to_roots
from meshsplit.local.mesh.destinationrule import DestinationRule, to_rules
from meshsplit.local.mesh.fullnames import to_full_names
from meshsplit.local.mesh.hosts import to_virtual_hosts
from meshsplit.local.mesh.routes import RouteContext, to_routes
from meshsplit.local.mesh.schema import API_VERSIONS, Metadata, to_object
from meshsplit.local.mesh.virtualservice import VirtualService

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meshsplit.local.mesh.services import Service

_MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024  # as istiod sends it


def to_mesh(
    objects: Sequence[Mapping[str, Any]], services: Sequence[Service], gateway_port: int
) -> MeshConfig:
    """What istiod would send a gateway on `gateway_port` that serves any host.

    Reads VirtualService and DestinationRule; of Gateway objects only which exist: if there are any, a
    VirtualService is served only through one of them, else through every gateway it names (but never
    through `mesh`). Other objects are ignored. UnsupportedField for what cannot be served as Istio would.
    """
    virtual_services = sorted(
        (to_full_names(to_object(VirtualService, it)) for it in _of_kind("VirtualService", objects)),
        key=lambda it: it.metadata.age_order,
    )
    rules = to_rules(to_object(DestinationRule, it) for it in _of_kind("DestinationRule", objects))
    by_host = {service.host: service for service in services}
    context = RouteContext(services=by_host, rules=rules, gateways=_to_gateways(objects), port=gateway_port)
    served = [it for it in to_roots(virtual_services) if _is_served(it, context)]
    hosts = to_virtual_hosts([(it, to_routes(it, context)) for it in served], gateway_port)
    names = to_used_clusters(route for host in hosts for route in host.get("routes", ()))
    clusters = [it for name in sorted(names) if (it := to_cluster(name, by_host, rules))]
    return MeshConfig(
        routes={
            "name": ROUTE_CONFIGURATION,
            "virtual_hosts": hosts,
            "validate_clusters": False,
            "ignore_port_in_host_matching": True,
            "max_direct_response_body_size_bytes": _MAX_DIRECT_RESPONSE_BYTES,
        },
        clusters=tuple(cluster for cluster, _ in clusters),
        endpoints=tuple(assignment for _, assignment in clusters),
    )


def _of_kind(kind: str, objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [it for it in objects if it.get("kind") == kind and it.get("apiVersion") in API_VERSIONS]


def _to_gateways(objects: Iterable[Mapping[str, Any]]) -> frozenset[str] | None:
    found = [Metadata.model_validate(it.get("metadata")) for it in _of_kind("Gateway", objects)]
    return frozenset(f"{it.namespace}/{it.name}" for it in found) or None


def _is_served(virtual_service: VirtualService, context: RouteContext) -> bool:
    return any(context.serves(gateway) for gateway in virtual_service.spec.gateways)
