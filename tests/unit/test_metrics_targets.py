"""EndpointSlices in, targets out."""

from typing import Any

from meshsplit.analysis.metrics import Backend
from meshsplit.metrics.targets import GATEWAY_PORT, MODELMESH_PORT, to_targets


def make_slice(service: str, *endpoints: dict[str, Any], namespace: str = "models") -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"namespace": namespace, "labels": labels}, "endpoints": list(endpoints)}


def endpoint(pod: str, address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": pod}}


def test_pods_behind_a_service() -> None:
    slices = [
        make_slice("modelmesh-serving", endpoint("mm-1", "10.0.0.2", ready=True)),
        make_slice(
            "modelmesh-serving",
            endpoint("mm-0", "fd00::1", ready=True),
            endpoint("mm-2", "10.0.0.3", ready=False),
        ),
        make_slice("other", endpoint("x", "10.0.0.9", ready=True)),
    ]
    found = to_targets(slices, Backend.MODELMESH, MODELMESH_PORT, "modelmesh-serving")
    assert [(each.name, each.url, each.scope) for each in found] == [
        ("mm-0", "https://[fd00::1]:2112/metrics", ("modelmesh", "models")),
        ("mm-1", "https://10.0.0.2:2112/metrics", ("modelmesh", "models")),
    ]


def test_a_gateway_counts_for_every_namespace() -> None:
    slices = [make_slice("gw", {"addresses": ["10.0.0.4"]}, namespace="istio-system"), make_slice("gw")]
    (found,) = to_targets(slices, Backend.ISTIO, GATEWAY_PORT)
    assert (found.name, found.url) == ("10.0.0.4", "http://10.0.0.4:15090/stats/prometheus")
    assert found.scope == ("istio", "")


def test_slices_without_endpoints_are_empty() -> None:
    assert to_targets([{"metadata": {}, "endpoints": None}], Backend.ISTIO, GATEWAY_PORT) == ()
