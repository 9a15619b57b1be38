"""A route plan as the VirtualService object that Istio reads, keys in canonical order."""

from typing import Any

from meshsplit.istio.envelope import Fields, make_object, written
from meshsplit.model import (
    Endpoint,
    Retries,
    Route,
    RouteDestination,
    RouteMatch,
    RoutePlan,
    StringMatch,
)


def make_virtual_service(plan: RoutePlan, api_version: str) -> dict[str, Any]:
    """Write `plan` down; fields without a value are left out, and so is the weight of a lone destination."""
    spec = written(
        hosts=list(plan.hosts),
        gateways=list(plan.gateways),
        http=[_to_http_route(route) for route in plan.routes],
    )
    return make_object(api_version, "VirtualService", plan, spec)


def _to_http_route(route: Route) -> Fields:
    fields: Fields = {}
    if route.name is not None:
        fields["name"] = route.name
    if route.matches:
        fields["match"] = [_to_match(match) for match in route.matches]
    if route.rewrite_uri or route.rewrite_authority:
        fields["rewrite"] = written(uri=route.rewrite_uri, authority=route.rewrite_authority)
    fields["route"] = [_to_destination(each, len(route.destinations) == 1) for each in route.destinations]
    if route.timeout is not None:
        fields["timeout"] = route.timeout
    if route.retries is not None:
        fields["retries"] = _to_retries(route.retries)
    if route.mirror is not None:
        fields["mirror"] = _to_service(route.mirror)
    if route.mirror_percent is not None:
        fields["mirrorPercentage"] = {"value": route.mirror_percent}
    if route.add_response_headers:
        fields["headers"] = {"response": {"add": dict(route.add_response_headers)}}
    return fields


def _to_match(match: RouteMatch) -> Fields:
    fields: Fields = {}
    if match.uri is not None:
        fields["uri"] = _to_string_match(match.uri)
    if match.method is not None:
        fields["method"] = _to_string_match(match.method)
    if match.headers:
        fields["headers"] = {name: _to_string_match(value) for name, value in match.headers}
    return fields


def _to_string_match(match: StringMatch) -> dict[str, str]:
    return {match.kind.value: match.value}


def _to_destination(destination: RouteDestination, alone: bool) -> Fields:
    fields: Fields = {"destination": _to_service(destination.endpoint)}
    if not alone and destination.weight is not None:
        fields["weight"] = destination.weight
    if destination.set_headers:
        fields["headers"] = {"request": {"set": dict(destination.set_headers)}}
    return fields


def _to_service(endpoint: Endpoint) -> Fields:
    return {"host": endpoint.host, "port": {"number": endpoint.port}}


def _to_retries(retries: Retries) -> Fields:
    return written(attempts=retries.attempts, perTryTimeout=retries.per_try_timeout, retryOn=retries.retry_on)
