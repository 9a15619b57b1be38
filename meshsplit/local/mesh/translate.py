"""Istio objects, Ingresses and Services become the Envoy configuration of a gateway and of a sidecar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.clusters import to_cluster, to_used_clusters
from meshsplit.local.mesh.config import ROUTE_CONFIGURATION, SIDECAR_CONFIGURATION, MeshConfig
from meshsplit.local.mesh.delegates import to_roots
from meshsplit.local.mesh.destinationrule import DestinationRule, to_rules
from meshsplit.local.mesh.fullnames import to_full_names
from meshsplit.local.mesh.hosts import to_virtual_hosts
from meshsplit.local.mesh.ingress import INGRESS_API_VERSION, Ingress, to_virtual_services
from meshsplit.local.mesh.routes import RouteContext, to_routes
from meshsplit.local.mesh.schema import API_VERSIONS, Metadata, to_object
from meshsplit.local.mesh.sidecar import to_sidecar_hosts
from meshsplit.local.mesh.virtualservice import VirtualService

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meshsplit.local.mesh.services import Service

_MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024  # as istiod sends it


@dataclass(frozen=True, slots=True)
class MeshObjects:
    """Istio objects and Ingresses as they were read; `gateways` is None where there is no Gateway object."""

    virtual_services: tuple[VirtualService, ...]
    rules: Mapping[str, DestinationRule]
    gateways: frozenset[str] | None
    ingresses: tuple[Ingress, ...]


def read_objects(objects: Sequence[Mapping[str, Any]]) -> MeshObjects:
    """VirtualServices, DestinationRules, Ingresses, and of Gateways only which exist; others are ignored.

    UnsupportedField for what cannot be served as Istio would.
    """
    found = (to_full_names(to_object(VirtualService, it)) for it in _of_kind("VirtualService", objects))
    ingresses = (to_object(Ingress, it) for it in _of_kind("Ingress", objects, (INGRESS_API_VERSION,)))
    return MeshObjects(
        virtual_services=tuple(to_roots(sorted(found, key=lambda it: it.metadata.age_order))),
        rules=to_rules(to_object(DestinationRule, it) for it in _of_kind("DestinationRule", objects)),
        gateways=_to_gateways(objects),
        ingresses=tuple(sorted(ingresses, key=lambda it: it.metadata.age_order)),
    )


def to_mesh(
    objects: Sequence[Mapping[str, Any]], services: Sequence[Service], gateway_port: int
) -> MeshConfig:
    """What istiod would send a gateway for these objects, as `read_objects` and `to_gateway` do it."""
    return to_gateway(read_objects(objects), services, gateway_port)


def to_gateway(read: MeshObjects, services: Sequence[Service], port: int) -> MeshConfig:
    """What istiod would send a gateway on `port` that serves any host.

    If there are Gateway objects, a VirtualService is served only through one of them, else through every
    gateway it names (but never through `mesh`). Ingresses are served whatever there is.
    """
    by_host = {service.host: service for service in services}
    context = RouteContext(services=by_host, rules=read.rules, gateways=read.gateways, port=port)
    from_ingresses = to_virtual_services(read.ingresses, by_host)
    known = sorted((*read.virtual_services, *from_ingresses), key=lambda it: it.metadata.age_order)
    served = [it for it in known if any(context.serves(gateway) for gateway in it.spec.gateways)]
    hosts = to_virtual_hosts([(it, to_routes(it.spec.http, context)) for it in served], port)
    return _to_config(ROUTE_CONFIGURATION, hosts, context, ignore_port_in_host_matching=True)


def to_sidecar(read: MeshObjects, services: Sequence[Service]) -> MeshConfig:
    """What istiod would send a sidecar for one port that takes requests to every Service (proxyHttpPort).

    A VirtualService is followed when it is bound to `mesh`, which is also what one without gateways is. A
    Service's port that no such VirtualService covers has a plain route.
    """
    by_host = {service.host: service for service in services}
    context = RouteContext(services=by_host, rules=read.rules, gateways=None, port=0, sidecar=True)
    served = [
        it
        for it in read.virtual_services
        if not it.spec.gateways or any(context.serves(gateway) for gateway in it.spec.gateways)
    ]
    hosts = to_sidecar_hosts(served, context)
    # Ports tell one of a Service's virtual hosts from another.
    return _to_config(SIDECAR_CONFIGURATION, hosts, context, ignore_port_in_host_matching=False)


def _to_config(
    name: str, hosts: list[dict[str, Any]], context: RouteContext, *, ignore_port_in_host_matching: bool
) -> MeshConfig:
    names = to_used_clusters(route for host in hosts for route in host.get("routes", ()))
    found = [it for each in sorted(names) if (it := to_cluster(each, context.services, context.rules))]
    return MeshConfig(
        routes={
            "name": name,
            "virtual_hosts": hosts,
            "validate_clusters": False,
            "ignore_port_in_host_matching": ignore_port_in_host_matching,
            "max_direct_response_body_size_bytes": _MAX_DIRECT_RESPONSE_BYTES,
        },
        clusters=tuple(cluster for cluster, _ in found),
        endpoints=tuple(assignment for _, assignment in found),
    )


def _of_kind(
    kind: str, objects: Iterable[Mapping[str, Any]], versions: Sequence[str] = API_VERSIONS
) -> list[Mapping[str, Any]]:
    return [it for it in objects if it.get("kind") == kind and it.get("apiVersion") in versions]


def _to_gateways(objects: Iterable[Mapping[str, Any]]) -> frozenset[str] | None:
    found = [Metadata.model_validate(it.get("metadata")) for it in _of_kind("Gateway", objects)]
    return frozenset(f"{it.namespace}/{it.name}" for it in found) or None
