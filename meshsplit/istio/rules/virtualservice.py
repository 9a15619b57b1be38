"""Istio's rules for a VirtualService as a whole (pkg/config/validation, ValidateVirtualService)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from meshsplit.istio.rules import dns
from meshsplit.istio.rules.gateways import MESH, check_gateway_names
from meshsplit.istio.rules.httproute import check_http_route
from meshsplit.istio.rules.violation import Violation

Spec = Mapping[str, Any]


def check_virtual_service(spec: Spec) -> Iterator[Violation]:
    """Check hosts, gateways and HTTP routes of a spec of the right shape."""
    hosts, gateways = spec.get("hosts") or [], spec.get("gateways") or []
    if not hosts:
        yield from _check_delegate(spec)
    yield from check_gateway_names(gateways, ("spec", "gateways"))
    yield from _check_hosts(hosts, bound_to_mesh=not gateways or MESH in gateways)
    if not any(spec.get(kind) for kind in ("http", "tcp", "tls")):
        yield Violation(("spec",), "http, tcp or tls is required")
    for index, route in enumerate(spec.get("http") or []):
        yield from check_http_route(route, ("spec", "http", index), is_delegate=not hosts)


def _check_delegate(spec: Spec) -> Iterator[Violation]:
    for key in ("gateways", "tls", "tcp"):
        if spec.get(key):
            yield Violation(("spec", key), f"a VirtualService without hosts is a delegate and has no {key}")


def _check_hosts(hosts: Sequence[str], bound_to_mesh: bool) -> Iterator[Violation]:
    valid = True
    for index, host in enumerate(hosts):
        problem = None if dns.is_ip(host) else dns.why_not_wildcard_domain(host)
        if problem is None and host == "*" and bound_to_mesh:
            problem = "host * needs a gateway other than mesh"
        if problem:
            valid = False
            yield Violation(("spec", "hosts", index), problem)
    for (_, one), (index, other) in combinations(enumerate(hosts), 2) if valid else ():
        if dns.hosts_overlap(one, other):
            yield Violation(("spec", "hosts", index), f"hosts {one!r} and {other!r} overlap")
