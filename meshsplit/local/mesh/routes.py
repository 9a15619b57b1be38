"""The HTTP routes of a VirtualService as Envoy's routes (Istio: networking/core/route/route.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.answers import to_direct_response, to_redirect
from meshsplit.local.mesh.headers import append_fields, to_header_fields
from meshsplit.local.mesh.matches import is_catch_all, to_route_match
from meshsplit.local.mesh.names import INGRESS_GATEWAY, MESH_GATEWAY, to_cluster_name
from meshsplit.local.mesh.retries import to_retry_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meshsplit.local.mesh.destinationrule import ConsistentHash, DestinationRule
    from meshsplit.local.mesh.headers import HeaderFields
    from meshsplit.local.mesh.services import Service
    from meshsplit.local.mesh.virtualservice import (
        Destination,
        HttpMatch,
        HttpRoute,
        Rewrite,
        RouteDestination,
    )

NO_TIMEOUT = "0s"
_ALL: dict[str, Any] = {"default_value": {"numerator": 100}}  # of HUNDRED, Envoy's default denominator
_PER_MILLION = 10_000  # one percent


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What a VirtualService is read against: Services and rules by host, our gateways, the caller's port.

    A sidecar has no gateways but `mesh`.
    """

    services: Mapping[str, Service]
    rules: Mapping[str, DestinationRule]
    gateways: frozenset[str] | None
    port: int
    sidecar: bool = False

    def serves(self, gateway: str) -> bool:
        """Whether `namespace/name` is ours; with no Gateway object known, every named one is."""
        if self.sidecar or gateway == MESH_GATEWAY:
            return self.sidecar and gateway == MESH_GATEWAY
        return self.gateways is None or gateway in self.gateways or gateway == INGRESS_GATEWAY


def to_routes(https: Iterable[HttpRoute], context: RouteContext) -> list[dict[str, Any]]:
    """One Envoy route per match, in order, up to the first that matches everything."""
    routes: list[dict[str, Any]] = []
    for http in https:
        for match in http.match or (None,):
            if match is None or _is_ours(match, context):
                routes.append(_to_route(http, match, context))
                if is_catch_all(routes[-1]["match"]):
                    return routes
    return routes


def _is_ours(match: HttpMatch, context: RouteContext) -> bool:
    return not match.gateways or any(context.serves(gateway) for gateway in match.gateways)


def _to_route(http: HttpRoute, match: HttpMatch | None, context: RouteContext) -> dict[str, Any]:
    name = f"{http.name}.{match.name}" if match and match.name else http.name
    headers = to_header_fields(http.headers)
    route: dict[str, Any] = {"name": name} if name else {}
    route["match"] = to_route_match(match)
    if http.redirect:
        return {**route, **headers.fields, "redirect": to_redirect(http.redirect, context.port)}
    if http.direct_response:
        return {**route, **headers.fields, "direct_response": to_direct_response(http.direct_response)}
    return {**route, **_to_forwarding(http, headers, context)}


def _to_forwarding(http: HttpRoute, headers: HeaderFields, context: RouteContext) -> dict[str, Any]:
    timeout = http.timeout or NO_TIMEOUT
    only = http.route[0] if len(http.route) == 1 else None
    # A weight of 0 counts only where there is a choice.
    served = [only] if only else [it for it in http.route if it.weight]
    own = to_header_fields(only.headers if only else None)
    rewritten = http.rewrite.authority if http.rewrite else ""
    hashes = [_to_hash(it.destination, context) for it in served]
    optional = {
        # The route's host wins over the destination's, as Envoy has it in a weighted cluster.
        "host_rewrite_literal": rewritten or headers.authority or own.authority,
        "hash_policy": [_to_hash_policy(it) for it in hashes if it],
        "request_mirror_policies": _to_mirrors(http, context),
        "retry_policy": to_retry_policy(http.retries, keeps_endpoint=only is not None and any(hashes)),
    }
    action = {
        **_to_target(only, served, context),
        **_to_path_rewrite(http.rewrite),
        **{name: value for name, value in optional.items() if value},
        "timeout": timeout,
        "max_grpc_timeout": timeout,
    }
    return {**append_fields(headers, own), "route": action}


def _to_target(
    only: RouteDestination | None, served: Sequence[RouteDestination], context: RouteContext
) -> dict[str, Any]:
    if only:
        return {"cluster": _to_cluster(only.destination, context)}
    return {"weighted_clusters": {"clusters": [_to_share(it, context) for it in served]}}


def _to_path_rewrite(rewrite: Rewrite | None) -> dict[str, Any]:
    if rewrite and rewrite.uri_regex_rewrite:
        regex = rewrite.uri_regex_rewrite
        return {"regex_rewrite": {"pattern": {"regex": regex.match}, "substitution": regex.rewrite}}
    # Envoy replaces what the route's match matched: the whole path of an exact match.
    return {"prefix_rewrite": rewrite.uri} if rewrite and rewrite.uri else {}


def _to_share(destination: RouteDestination, context: RouteContext) -> dict[str, Any]:
    headers = to_header_fields(destination.headers)
    rewrite = {"host_rewrite_literal": headers.authority} if headers.authority else {}
    return {
        "name": _to_cluster(destination.destination, context),
        "weight": destination.weight,
        **headers.fields,
        **rewrite,
    }


def _to_cluster(destination: Destination, context: RouteContext) -> str:
    service = context.services.get(destination.host)
    if destination.port:
        port = destination.port.number
    elif service and len(service.ports) == 1:
        port = service.ports[0].number
    else:
        port = context.port
    return to_cluster_name(destination.host, port, destination.subset)


def _to_hash(destination: Destination, context: RouteContext) -> ConsistentHash | None:
    rule = context.rules.get(destination.host)
    return rule.to_consistent_hash(destination.subset) if rule else None


def _to_hash_policy(hashing: ConsistentHash) -> dict[str, Any]:
    if hashing.http_header_name is not None:
        return {"header": {"header_name": hashing.http_header_name}}
    if hashing.http_query_parameter_name is not None:
        return {"query_parameter": {"name": hashing.http_query_parameter_name}}
    if hashing.http_cookie is None:
        return {"connection_properties": {"source_ip": hashing.use_source_ip}}
    cookie = hashing.http_cookie
    optional = {"path": cookie.path or None, "ttl": cookie.ttl}
    return {"cookie": {"name": cookie.name, **{name: it for name, it in optional.items() if it is not None}}}


def _to_mirrors(http: HttpRoute, context: RouteContext) -> list[Any]:
    percentage = http.mirror_percentage
    if http.mirror is None or (percentage and percentage.value <= 0):
        return []
    fraction = dict(_ALL)
    if percentage:
        numerator = int(percentage.value * _PER_MILLION)
        fraction = {"default_value": {"numerator": numerator, "denominator": "MILLION"}}
    return [
        {
            "cluster": _to_cluster(http.mirror, context),
            "runtime_fraction": fraction,
            "trace_sampled": False,
            "disable_shadow_host_suffix_append": True,
        }
    ]
