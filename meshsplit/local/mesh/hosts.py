"""Routes by host as Envoy's virtual hosts (Istio: buildGatewayHTTPRouteConfig in core/gateway.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.matches import is_catch_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshsplit.local.mesh.virtualservice import VirtualService

Routes = list[dict[str, Any]]


def to_virtual_hosts(served: Sequence[tuple[VirtualService, Routes]], port: int) -> list[dict[str, Any]]:
    """Virtual hosts by name; the routes of VirtualServices that share a host follow one another as given.

    Hosts with the very same VirtualServices share one virtual host, named after the most specific of them.
    """
    owners: dict[str, list[int]] = {}
    for index, (virtual_service, routes) in enumerate(served):
        hosts = [host.lower() for host in virtual_service.spec.hosts] if routes else []
        for host in dict.fromkeys(hosts):
            owners.setdefault(host, []).append(index)
    shared: dict[tuple[int, ...], list[str]] = {}
    for host in sorted(owners, key=_most_specific_first):
        shared.setdefault(tuple(owners[host]), []).append(host)
    virtual_hosts = [
        _to_virtual_host(domains, [route for index in indices for route in served[index][1]], port)
        for indices, domains in shared.items()
    ]
    # Envoy answers 404 for everything where there is no route.
    return sorted(virtual_hosts, key=_by_name) or [{"name": f"blackhole:{port}", "domains": ["*"]}]


def _most_specific_first(host: str) -> tuple[bool, int, str]:
    """Wildcards last, then longest first (Istio: host.MoreSpecific)."""
    return host.startswith("*"), -len(host), host


def _to_virtual_host(domains: list[str], routes: Routes, port: int) -> dict[str, Any]:
    """Routes that match everything go behind the others (Istio: SortVHostRoutes)."""
    return {
        "name": f"{domains[0]}:{port}",
        "domains": domains,
        "routes": sorted(routes, key=lambda route: is_catch_all(route["match"])),
        "include_request_attempt_count": True,
    }


def _by_name(host: Mapping[str, Any]) -> str:
    return str(host["name"])
