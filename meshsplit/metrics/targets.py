"""What is scraped: addresses that somebody gave, or the pods behind a Service; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.analysis.metrics import Backend


@dataclass(frozen=True, slots=True)
class Target:
    """One process to scrape: its name, which tells its counters from others', and the URL of its text.

    `labels` are what its series lack and a Prometheus would add, such as the pod's `namespace`.
    """

    name: str
    url: str
    backend: Backend
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> tuple[str, str]:
        """Whose requests it counts: a gateway those of every namespace, a model server those of its own."""
        at_gateway = self.backend in (Backend.ISTIO, Backend.ENVOY)
        return self.backend.value, "" if at_gateway else self.labels.get("namespace", "")


@dataclass(frozen=True, slots=True)
class Port:
    """Where a kind of pod shows its counters."""

    number: int
    path: str
    scheme: str


GATEWAY_PORT = Port(15090, "/stats/prometheus", "http")
"""Istio's proxies: Envoy's own counters, reachable from outside the pod."""
MODELMESH_PORT = Port(2112, "/metrics", "https")
"""ModelMesh, with MM_METRICS as docs/metrics.md sets it; the certificate is self-signed."""


def to_targets(
    slices: Iterable[Mapping[str, Any]], backend: Backend, port: Port, service: str | None = None
) -> tuple[Target, ...]:
    """The pods behind EndpointSlices (discovery.k8s.io/v1, as plain objects), sorted by name.

    Pods that no longer serve are left out, ones that are not ready yet too. With `service` only its slices
    count.
    """
    found: dict[str, Target] = {}
    for each in slices:
        metadata = each.get("metadata", {})
        if service is not None and metadata.get("labels", {}).get("kubernetes.io/service-name") != service:
            continue
        namespace = metadata.get("namespace", "")
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True) and endpoint.get("addresses"):
                target = _to_target(endpoint, namespace, backend, port)
                found[target.name] = target
    return tuple(found[name] for name in sorted(found))


def _to_target(endpoint: Mapping[str, Any], namespace: str, backend: Backend, port: Port) -> Target:
    address = endpoint["addresses"][0]
    host = f"[{address}]" if ":" in address else address
    name = (endpoint.get("targetRef") or {}).get("name") or address
    return Target(name, f"{port.scheme}://{host}:{port.number}{port.path}", backend, {"namespace": namespace})
