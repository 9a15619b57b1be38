"""What a controller scrapes by itself, at counters that a test serves."""

import time
from typing import Any

from meshsplit.analysis.metrics import Backend, MetricRequest, Reading
from meshsplit.controller.resources import ENDPOINT_SLICES
from meshsplit.controller.rollouts import GATEWAY
from meshsplit.controller.sources import GATEWAY_SERVICE, Sources, find_pods
from meshsplit.kube.port import Item, ObjectKey, Page, Resource
from meshsplit.metrics.targets import Target
from support.prometheus import page
from support.readings import request
from support.serving import NEW, OLD, host_of, standard

COUNTER = (
    'istio_requests_total{reporter="source",response_code="200",grpc_response_status="",'
    'destination_service="%s",destination_service_name="%s",destination_service_namespace="models"} 7\n'
)
POD: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "addressType": "IPv4",
    "metadata": {
        "name": "gateway-1",
        "namespace": "istio-system",
        "labels": {"kubernetes.io/service-name": GATEWAY_SERVICE},
    },
    "endpoints": [{"addresses": ["10.0.0.7"], "conditions": {"ready": True}}],
    "ports": [],
}


class OneGateway:
    """A cluster with one pod of the gateway."""

    def list_page(self, resource: Resource, *, labels: str = "", **_: Any) -> Page:
        assert resource == ENDPOINT_SLICES
        key = ObjectKey("istio-system", "gateway-1")
        items = (Item(key, "1", POD),)
        return Page(items if labels.endswith(f"={GATEWAY_SERVICE}") else (), "1")

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        raise AssertionError(f"nobody asks for {resource.plural} {namespace}/{name}")

    def watch(self, resource: Resource, **_: Any) -> Any:
        raise AssertionError(f"nobody watches {resource.plural}")

    def close(self) -> None: ...


def ask(sources: Sources) -> Reading:
    asked: MetricRequest = request(standard(NEW), standard(OLD))
    answer = sources.find(GATEWAY).read([asked], time.time())[asked.key]
    assert isinstance(answer, Reading), answer
    return answer


def test_the_pods_of_a_cluster_are_read_as_what_members_are_asked_for_from() -> None:
    """Istio's proxies leave out counters by cluster unless they are told otherwise."""
    (found,) = find_pods(OneGateway(), "")
    assert found.url == "http://10.0.0.7:15090/stats/prometheus"
    with page("".join(COUNTER % (host_of(name), f"{name}-predictor") for name in (OLD, NEW))) as counters:
        target = Target("gateway-1", f"http://{counters.address}/stats/prometheus", found.backend)
        sources = Sources(lambda: [target])
        answer = ask(sources)
        sources.close()
    assert answer.at > 0
    assert found.backend is Backend.ISTIO
