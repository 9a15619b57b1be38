"""A sidecar's virtual hosts (Istio: BuildSidecarOutboundVirtualHosts in core/httproute.go, for port 0)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.names import DOMAIN
from meshsplit.local.mesh.routes import to_routes
from meshsplit.local.mesh.virtualservice import Destination, HttpRoute, PortSelector, RouteDestination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meshsplit.local.mesh.routes import RouteContext
    from meshsplit.local.mesh.virtualservice import VirtualService

HTTP_PORT = 80
"""The port of a request whose host names none."""


def to_sidecar_hosts(served: Sequence[VirtualService], context: RouteContext) -> list[dict[str, Any]]:
    """Virtual hosts by name: every Service's ports, then hosts that only VirtualServices know.

    Of the VirtualServices for one host the oldest counts alone: sidecars merge none (unlike gateways).
    """
    found: dict[tuple[str, int], Sequence[HttpRoute]] = {}
    for service in context.services.values():
        followed = _find(served, service.host)
        for port in service.ports:
            plain = _make_plain_route(service.host, port.number)
            found[service.host, port.number] = followed.spec.http if followed else [plain]
    for virtual_service in served:
        for host in virtual_service.spec.hosts:
            if host not in context.services and not _covers_any(host, context.services):
                found.setdefault((host, HTTP_PORT), virtual_service.spec.http)
    hosts = [
        _to_virtual_host(host, port, routes)
        for (host, port), https in found.items()
        # A VirtualService may have routes for gateways alone.
        if (routes := to_routes(https, replace(context, port=port)))
    ]
    return sorted(hosts, key=lambda host: str(host["name"]))


def _make_plain_route(host: str, port: int) -> HttpRoute:
    destination = Destination(host=host, port=PortSelector(number=port))
    return HttpRoute(name="default", route=[RouteDestination(destination=destination)])


def _find(served: Iterable[VirtualService], host: str) -> VirtualService | None:
    """The oldest that names the host itself, else the oldest whose wildcard covers it."""
    by_name = [it for it in served if host in it.spec.hosts]
    by_wildcard = [it for it in served if any(_covers(known, host) for known in it.spec.hosts)]
    return next(iter([*by_name, *by_wildcard]), None)


def _covers(wildcard: str, host: str) -> bool:
    return wildcard.startswith("*") and host.endswith(wildcard[1:])


def _covers_any(wildcard: str, hosts: Iterable[str]) -> bool:
    return any(_covers(wildcard, host) for host in hosts)


def _to_virtual_host(host: str, port: int, routes: list[dict[str, Any]]) -> dict[str, Any]:
    names = _to_names(host)
    without_port = names if port == HTTP_PORT else []
    return {
        "name": f"{host}:{port}",
        "domains": [*without_port, *(f"{name}:{port}" for name in names)],
        "routes": routes,
        "include_request_attempt_count": True,
    }


def _to_names(host: str) -> list[str]:
    """The names under which callers of other namespaces know a Service; any other host has its own alone."""
    short = host.removesuffix(f".{DOMAIN}")
    return [host, short, short.removesuffix(".svc")] if short.endswith(".svc") else [host]
