"""A route plan as the VirtualService object that Istio reads, keys in canonical order."""

from typing import Any

from meshsplit.model import (
    Endpoint,
    Owner,
    Retries,
    Route,
    RouteDestination,
    RouteMatch,
    RoutePlan,
    StringMatch,
)

Fields = dict[str, Any]


def make_virtual_service(plan: RoutePlan, api_version: str) -> dict[str, Any]:
    """Write `plan` down; fields without a value are left out, and so is the weight of a lone destination."""
    return {
        "apiVersion": api_version,
        "kind": "VirtualService",
        "metadata": _written(
            name=plan.name,
            namespace=plan.namespace,
            labels=dict(plan.labels),
            annotations=dict(plan.annotations),
            ownerReferences=[_to_owner_reference(owner, owner == plan.owners[0]) for owner in plan.owners],
        ),
        "spec": _written(
            hosts=list(plan.hosts),
            gateways=list(plan.gateways),
            http=[_to_http_route(route) for route in plan.routes],
        ),
    }


def _written(**fields: Any) -> Fields:
    """Keep the fields that say something, in the order given."""
    return {key: value for key, value in fields.items() if value is not None and value != [] and value != {}}


def _to_owner_reference(owner: Owner, controller: bool) -> Fields:
    """Without blockOwnerDeletion, which would need the right to write finalizers of InferenceServices."""
    return _written(
        apiVersion=owner.api_version,
        kind=owner.kind,
        name=owner.name,
        uid=owner.uid,
        controller=True if controller else None,
    )


def _to_http_route(route: Route) -> Fields:
    return _written(
        name=route.name,
        match=[_to_match(match) for match in route.matches],
        rewrite=_written(uri=route.rewrite_uri, authority=route.rewrite_authority),
        route=[_to_destination(each, len(route.destinations) == 1) for each in route.destinations],
        timeout=route.timeout,
        retries=None if route.retries is None else _to_retries(route.retries),
        mirror=None if route.mirror is None else _to_service(route.mirror),
        mirrorPercentage=None if route.mirror_percent is None else {"value": route.mirror_percent},
    )


def _to_match(match: RouteMatch) -> Fields:
    return _written(
        uri=_to_string_match(match.uri),
        method=_to_string_match(match.method),
        headers={name: _to_string_match(value) for name, value in match.headers},
    )


def _to_string_match(match: StringMatch | None) -> dict[str, str] | None:
    return None if match is None else {match.kind.value: match.value}


def _to_destination(destination: RouteDestination, alone: bool) -> Fields:
    return _written(
        destination=_to_service(destination.endpoint),
        weight=None if alone else destination.weight,
        headers={"request": {"set": dict(destination.set_headers)}} if destination.set_headers else None,
    )


def _to_service(endpoint: Endpoint) -> Fields:
    return {"host": endpoint.host, "port": {"number": endpoint.port}}


def _to_retries(retries: Retries) -> Fields:
    return _written(
        attempts=retries.attempts, perTryTimeout=retries.per_try_timeout, retryOn=retries.retry_on
    )
