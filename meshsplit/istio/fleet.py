"""What one more group on a host costs every request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.istio import names
from meshsplit.istio.observed import Key, annotation_of, gateways_of, spec_of

CROWDED = 200
"""Groups on one host of a gateway from which on the cost is worth a note."""

GATEWAY_CPU = ((10, 0.13), (1000, 1.2), (5000, 4.6))
"""Milliseconds of gateway CPU per REST request to the last of N groups on one host, where the two members of
each are exposed too. tests/bench/fleet_size.py on Envoy 1.40. Envoy tries the routes of a host in order."""


def find_crowded_hosts(objects: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """MSP206: hosts that more than 200 groups share on one gateway, by gateway and host."""
    groups: Counter[tuple[Key, str]] = Counter(
        (gateway, host)
        for body in objects
        if annotation_of(body, names.MODEL_TAG) is not None
        for gateway in gateways_of(body)
        for host in spec_of(body).get("hosts") or []
    )
    return tuple(_crowded(*place, count) for place, count in sorted(groups.items()) if count > CROWDED)


def estimate_cpu(groups: int) -> float:
    """Milliseconds of gateway CPU for a request to the last of `groups` on one host, by straight lines."""
    lines = list(pairwise(GATEWAY_CPU))
    (fewer, low), (more, high) = next((line for line in lines if groups <= line[1][0]), lines[-1])
    return low + (high - low) * (groups - fewer) / (more - fewer)


def _crowded(gateway: Key, host: str, count: int) -> Finding:
    namespace, name = gateway
    few, little = GATEWAY_CPU[0]
    return Finding(
        "MSP206",
        f"{count} groups share host {host} on gateway {namespace}/{name}; a request to the last of them "
        f"costs about {estimate_cpu(count):.1f} ms of gateway CPU ({little} ms with {few} groups)",
        ObjectRef("Gateway", namespace, name),
        fix="spread the groups over hosts: a template of hosts with {namespace} or {group}, in the settings "
        "or in routing.hosts",
    )
