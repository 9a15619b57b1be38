"""The series of real Istio, ModelMesh and Knative, by a real Prometheus and directly: both say the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pytest

from meshsplit.analysis.metrics import Backend, Custom
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.metrics.scrape import ScrapeSource
from meshsplit.metrics.targets import Target
from support.prometheus import Page, Prometheus, page, prometheus
from support.readings import Follower, request
from support.serving import LOOP_HOST, NAMESPACE, NEW, OLD, host_of, modelmesh, standard
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("prometheus")


def istio(host: str, code: str, value: int, grpc: str = "", reporter: str = "source") -> str:
    labels = {
        "reporter": reporter,
        "source_workload": "istio-ingressgateway",
        "destination_service": host,
        "request_protocol": "grpc" if grpc else "http",
        "response_code": code,
        "grpc_response_status": grpc,
        "response_flags": "-",
    }
    return line("istio_requests_total", labels, value)


def mesh(model: str, code: str, value: int, namespace: str | None = None) -> str:
    labels = {"method": "inference.GRPCInferenceService/ModelInfer", "code": code, "vModelId": model}
    own = {"namespace": namespace} if namespace else {}
    return line("modelmesh_api_request_milliseconds_count", {**labels, **own}, value)


def knative(isvc: str, code: str, value: int) -> str:
    labels = {
        "namespace_name": NAMESPACE,
        "configuration_name": f"{isvc}-predictor",
        "revision_name": f"{isvc}-predictor-00001",
        "response_code": code,
        "response_code_class": f"{code[0]}xx",
    }
    return line("revision_app_request_count", labels, value)


def line(name: str, labels: Mapping[str, str], value: int) -> str:
    inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value}\n"


@dataclass(frozen=True)
class Shape:
    """What a page shows before and after, and what happened in between: requests and failures by member."""

    backend: Backend
    before: str
    after: str
    requests: dict[str, int]
    bad: dict[str, int]


# The page counts for every namespace or its own, with other members and other reporters among the series.
SHAPES = (
    Shape(
        Backend.ISTIO,
        istio(host_of(OLD), "200", 100) + istio(host_of(NEW), "200", 10) + istio(LOOP_HOST, "200", 110),
        istio(host_of(OLD), "200", 160)
        + istio(host_of(OLD), "404", 3)
        + istio(host_of(OLD), "0", 50)
        + istio(host_of(NEW), "200", 14)
        + istio(host_of(NEW), "503", 2)
        + istio(host_of(NEW), "200", 5, grpc="14")
        + istio(host_of(NEW), "200", 7, grpc="0")
        + istio(host_of(NEW), "200", 1, grpc="3")
        + istio(host_of(NEW), "503", 999, reporter="destination")
        + istio(host_of("other"), "503", 999)
        + istio(LOOP_HOST, "503", 999),
        {OLD: 63, NEW: 19},
        {OLD: 0, NEW: 7},
    ),
    Shape(
        Backend.MODELMESH,
        mesh(OLD, "OK", 100) + mesh(NEW, "OK", 10) + mesh("", "OK", 110),
        mesh(OLD, "OK", 130)
        + mesh(OLD, "NOT_FOUND", 2)
        + mesh(NEW, "OK", 11)
        + mesh(NEW, "INTERNAL", 3)
        + mesh(NEW, "SOMETHING_NEW", 1)
        + mesh("", "INTERNAL", 999),
        {OLD: 32, NEW: 5},
        {OLD: 0, NEW: 4},
    ),
    Shape(
        Backend.KSERVE,
        knative(OLD, "200", 100) + knative(NEW, "200", 10),
        knative(OLD, "200", 120)
        + knative(NEW, "200", 15)
        + knative(NEW, "500", 4)
        + knative("x", "500", 999),
        {OLD: 20, NEW: 9},
        {OLD: 0, NEW: 4},
    ),
)


@pytest.fixture(scope="module")
def counters() -> Iterator[Page]:
    with page() as running:
        yield running


@pytest.fixture(scope="module")
def server(counters: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    jobs = {"pods": [(counters.address, "/metrics", {"pod": "pod-0", "namespace": NAMESPACE})]}
    with prometheus(tmp_path_factory.mktemp("prometheus"), jobs) as server:
        yield server


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.backend.value)
def test_both_sources_count_the_same(server: Prometheus, counters: Page, shape: Shape) -> None:
    target = Target("pod-0", f"http://{counters.address}/metrics", shape.backend, {"namespace": NAMESPACE})
    sources = (PrometheusSource(server.url), ScrapeSource(lambda: [target]))
    members = (
        (modelmesh(NEW), modelmesh(OLD))
        if shape.backend is Backend.MODELMESH
        else (standard(NEW), standard(OLD))
    )
    asked = replace(request(*members), backend=shape.backend)
    followers = [Follower(source, asked) for source in sources]
    counters.text = shape.before
    for follower in followers:
        eventually(follower.begun, "the first read")
    counters.text = shape.after
    for follower in followers:
        try:
            eventually(partial(follower.has, shape.requests, shape.bad), "the counts")
        except AssertionError as error:
            error.add_note(f"{follower.requests} {follower.bad} {follower.answers[-1]}")
            raise
    for source in sources:
        source.close()


def test_a_custom_counter_by_pod_survives_a_pod_that_goes(server: Prometheus, counters: Page) -> None:
    def show(*pods: tuple[str, int, int]) -> None:
        counters.text = "".join(
            line("answers_total", {"member": member, "replica": name}, value)
            for name, old, new in pods
            for member, value in ((OLD, old), (NEW, new))
        )

    by_pod = "sum by (member, pod) (label_replace(answers_total, 'pod', '$1', 'replica', '(.*)'))"
    none = f"{by_pod} * 0"
    source = PrometheusSource(server.url)
    asked = request(standard(NEW), standard(OLD), what=Custom(by_pod, none), metric="answers")
    follower = Follower(source, asked)
    show(("a", 100, 10), ("b", 1000, 100))
    eventually(follower.begun, "the first read")
    show(("a", 105, 11))
    eventually(lambda: follower.has({OLD: 5, NEW: 1}, {OLD: 0, NEW: 0}), "the pod that is left")
    source.close()
