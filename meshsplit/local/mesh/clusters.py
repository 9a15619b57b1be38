"""Services as Envoy's clusters and endpoints (Istio: core/cluster_builder.go, cluster_traffic_policy.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsplit.local.mesh.destinationrule import ConsistentHash, DestinationRule, LoadBalancer
    from meshsplit.local.mesh.services import Endpoint, Service, ServicePort

CONNECT_TIMEOUT = "10s"  # Istio's meshConfig.connectTimeout
_UNLIMITED = 2**32 - 1  # Istio takes Envoy's circuit breakers off (getDefaultCircuitBreakerThresholds)
_DEFAULT_RING_SIZE = 1024
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def to_used_clusters(routes: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of the clusters that Envoy routes send requests to."""
    names: set[str] = set()
    for action in (route["route"] for route in routes if "route" in route):
        names.update([action["cluster"]] if "cluster" in action else ())
        names.update(share["name"] for share in action.get("weighted_clusters", {}).get("clusters", ()))
        names.update(mirror["cluster"] for mirror in action.get("request_mirror_policies", ()))
    return names


def to_cluster(
    name: str, services: Mapping[str, Service], rules: Mapping[str, DestinationRule]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The Cluster and ClusterLoadAssignment of that name; None when Service, port or subset do not exist."""
    _, number, subset, host = name.split("|", 3)
    service = services.get(host)
    port = next((it for it in service.ports if it.number == int(number)), None) if service else None
    rule = rules.get(host)
    labels = _to_labels(subset, rule)
    if port is None or labels is None:
        return None
    endpoints = [it for it in port.endpoints if labels.items() <= it.labels.items()]
    balancer = rule.to_load_balancer(subset) if rule else None
    return _make_cluster(name, port, balancer), _make_assignment(name, endpoints)


def _to_labels(subset: str, rule: DestinationRule | None) -> Mapping[str, str] | None:
    if not subset:
        return {}
    return next((it.labels for it in rule.spec.subsets if it.name == subset), None) if rule else None


def _make_cluster(name: str, port: ServicePort, balancer: LoadBalancer | None) -> dict[str, Any]:
    limits = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    http2 = {
        "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": CONNECT_TIMEOUT,
        "eds_cluster_config": {
            # As istiod sends it; whoever delivers the cluster says where its endpoints really come from.
            "eds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "service_name": name,
        },
        "circuit_breakers": {"thresholds": [{**dict.fromkeys(limits, _UNLIMITED), "track_remaining": True}]},
        **_to_policy(balancer),
        **({"typed_extension_protocol_options": {_HTTP_OPTIONS: http2}} if port.http2 else {}),
    }


def _to_policy(balancer: LoadBalancer | None) -> dict[str, Any]:
    if balancer and balancer.consistent_hash:
        return _to_hash_policy(balancer.consistent_hash)
    simple = balancer.simple if balancer else None
    return {"lb_policy": simple if simple in ("RANDOM", "ROUND_ROBIN") else "LEAST_REQUEST"}


def _to_hash_policy(hashing: ConsistentHash) -> dict[str, Any]:
    if hashing.maglev:
        size = hashing.maglev.table_size
        return {"lb_policy": "MAGLEV", **({"maglev_lb_config": {"table_size": str(size)}} if size else {})}
    if hashing.ring_hash:
        size = hashing.ring_hash.minimum_ring_size
    else:
        size = hashing.minimum_ring_size or _DEFAULT_RING_SIZE
    return {
        "lb_policy": "RING_HASH",
        **({"ring_hash_lb_config": {"minimum_ring_size": str(size)}} if size else {}),
    }


def _make_assignment(name: str, endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    ordered = sorted(endpoints, key=lambda endpoint: (endpoint.address, endpoint.port))
    addresses = [{"address": it.address, "port_value": it.port} for it in ordered]
    return {
        "cluster_name": name,
        "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": {"socket_address": it}}} for it in addresses]}
        ],
    }
