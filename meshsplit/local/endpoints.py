"""What is behind a Service: EndpointSlices from selectors and Pods, and what a mesh reads in them; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.listener import LOOPBACK
from meshsplit.local.mesh.services import Endpoint, Service, ServicePort

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meshsplit.local.cluster import Body
    from meshsplit.local.pods import Pod

SERVICE_NAME = "kubernetes.io/service-name"
"""Label that ties an EndpointSlice to its Service."""

_DOMAIN = "svc.cluster.local"
_APP_PROTOCOL_HTTP2 = "kubernetes.io/h2c"
# Istio tells a port's protocol by the first part of its name, and knows no other names for HTTP/2 than these
# (protocol selection): to a gateway a port called `h2c` speaks HTTP/1.1.
_HTTP2 = ("grpc", "http2")


def make_slices(services: Iterable[Body], pods: Sequence[Pod]) -> list[Body]:
    """An EndpointSlice for every Service with a selector and every Pod that it selects.

    Not one for all Pods of a Service, as in a cluster: here each Pod has ports of its own.
    """
    return [_make_slice(service, pod) for service in services for pod in pods if _selects(service, pod)]


def _selects(service: Body, pod: Pod) -> bool:
    selector = service["spec"].get("selector") or {}
    same_namespace = service["metadata"]["namespace"] == pod.namespace
    return bool(selector) and same_namespace and selector.items() <= pod.labels.items()


def _make_slice(service: Body, pod: Pod) -> Body:
    name = service["metadata"]["name"]
    ports = []
    for port in service["spec"].get("ports") or ():
        local = pod.find_port(port.get("targetPort", port["port"]))
        if local is not None:
            ports.append({"name": port.get("name") or "", "port": local, "protocol": "TCP"})
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{pod.name}",
            "namespace": pod.namespace,
            "labels": {SERVICE_NAME: name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [LOOPBACK],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name},
            }
        ],
        "ports": ports,
    }


def read_services(
    services: Iterable[Body], slices: Iterable[Body], pods: Iterable[Body]
) -> tuple[Service, ...]:
    """The Services as the mesh sees them, in the order given: their ports, each with its ready endpoints."""
    labels = {_name_of(pod): pod["metadata"].get("labels") or {} for pod in pods}
    by_service: dict[tuple[str, str], list[Body]] = {}
    for each in slices:
        owner = (each["metadata"].get("labels") or {}).get(SERVICE_NAME)
        if owner and each.get("addressType") == "IPv4":
            by_service.setdefault((each["metadata"]["namespace"], owner), []).append(each)
    return tuple(
        Service(
            ".".join((name, namespace, _DOMAIN)),
            tuple(
                _to_port(port, by_service.get((namespace, name), ()), labels)
                for port in body["spec"].get("ports") or ()
            ),
        )
        for body in services
        for namespace, name in [_name_of(body)]
    )


def _to_port(
    port: Mapping[str, Any], slices: Iterable[Body], labels: Mapping[tuple[str, str], Mapping[str, str]]
) -> ServicePort:
    name = port.get("name") or ""
    found = [
        Endpoint(address, there["port"], labels.get(_target_of(endpoint), {}))
        for each in slices
        for there in each.get("ports") or ()
        if (there.get("name") or "") == name
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint.get("addresses") or ()
    ]
    return ServicePort(port["port"], speaks_http2(port), tuple(found), name)


def speaks_http2(port: Mapping[str, Any]) -> bool:
    """Whether a Service's port is HTTP/2 to Istio: its `appProtocol` counts, and without one its name."""
    protocol = port.get("appProtocol")
    if protocol == _APP_PROTOCOL_HTTP2:
        return True
    return str(protocol or port.get("name") or "").partition("-")[0].lower() in _HTTP2


def _target_of(endpoint: Mapping[str, Any]) -> tuple[str, str]:
    target = endpoint.get("targetRef") or {}
    return target.get("namespace", ""), target.get("name", "")


def _name_of(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
