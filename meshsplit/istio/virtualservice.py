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
    return written(
        name=route.name,
        match=[_to_match(match) for match in route.matches],
        rewrite=written(uri=route.rewrite_uri, authority=route.rewrite_authority),
        route=[_to_destination(each, len(route.destinations) == 1) for each in route.destinations],
        timeout=route.timeout,
        retries=None if route.retries is None else _to_retries(route.retries),
        mirror=None if route.mirror is None else _to_service(route.mirror),
        mirrorPercentage=None if route.mirror_percent is None else {"value": route.mirror_percent},
        headers={"response": {"add": dict(route.add_response_headers)}}
        if route.add_response_headers
        else None,
    )


def _to_match(match: RouteMatch) -> Fields:
    return written(
        uri=match.uri and _to_string_match(match.uri),
        method=match.method and _to_string_match(match.method),
        headers={name: _to_string_match(value) for name, value in match.headers},
    )


def _to_string_match(match: StringMatch) -> dict[str, str]:
    return {match.kind.value: match.value}


def _to_destination(destination: RouteDestination, alone: bool) -> Fields:
    return written(
        destination=_to_service(destination.endpoint),
        weight=None if alone else destination.weight,
        headers={"request": {"set": dict(destination.set_headers)}} if destination.set_headers else None,
    )


def _to_service(endpoint: Endpoint) -> Fields:
    return {"host": endpoint.host, "port": {"number": endpoint.port}}


def _to_retries(retries: Retries) -> Fields:
    return written(attempts=retries.attempts, perTryTimeout=retries.per_try_timeout, retryOn=retries.retry_on)
