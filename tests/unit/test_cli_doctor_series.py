"""What `check` says of a source, from a server that has this or that series."""

from collections.abc import Iterator, Sequence

import pytest

from meshsplit.analysis.metrics import FROM_PROMETHEUS, Custom, MetricRequest, Signal
from meshsplit.cli.doctor.series import probe
from meshsplit.cli.doctor.verdict import Level, Verdict
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.model import DeploymentMode, Endpoint, GroupKey, Member
from support.fake_prometheus import FakePrometheus, Sample, fake_prometheus, vector

MODES = {"mnist": DeploymentMode.STANDARD, "chat": DeploymentMode.MODEL_MESH}


def ask(name: str, what: Signal | Custom = Signal.ERRORS, metric: str = "error-rate") -> MetricRequest:
    names = (f"{name}-v1", f"{name}-v2")
    members = tuple(Member(it, MODES[name], it, Endpoint(f"{it}.x", 80), None) for it in names)
    return MetricRequest(GroupKey("models", name), metric, what, members)


def istio(*names: str) -> list[Sample]:
    labels = {"meshsplit": "istio", "pod": "gw", "request_protocol": "http", "response_code": "200"}
    return [({**labels, "destination_service": f"{name}.x"}, "5") for name in names]


@pytest.fixture
def server() -> Iterator[FakePrometheus]:
    with fake_prometheus() as server:
        yield server


def say(server: FakePrometheus, *asked: MetricRequest) -> Sequence[Verdict]:
    source = PrometheusSource(server.url)
    try:
        return probe(source, asked, FROM_PROMETHEUS)
    finally:
        source.close()


def test_members_that_are_told_apart(server: FakePrometheus) -> None:
    server.answer = lambda _query: vector(*istio("mnist-v1", "mnist-v2"))
    first, second = say(server, ask("mnist"))
    assert first.level is Level.OK
    assert second == Verdict(Level.OK, "models/mnist error-rate: tells mnist-v1 and mnist-v2 apart")


def test_a_member_without_series_is_named(server: FakePrometheus) -> None:
    server.answer = lambda _query: vector(*istio("mnist-v1"))
    _, line = say(server, ask("mnist"))
    assert line.level is Level.WARNING
    assert "no series yet for mnist-v2;" in line.text


def test_series_that_are_switched_off_come_with_the_switch(server: FakePrometheus) -> None:
    _, line = say(server, ask("chat"))
    assert line.level is Level.FAILURE
    assert "per_model_metrics=true" in line.fix


def test_another_backend_that_counts_is_named(server: FakePrometheus) -> None:
    def answer(query: str) -> tuple[int, bytes]:
        if "envoy_cluster" not in query:
            return vector()
        labels = {"__name__": "envoy_cluster_upstream_rq", "response_code_class": "2xx", "pod": "gw"}
        cluster = "outbound|80||mnist-v1.x"
        return vector(({"meshsplit": "envoy", **labels, "cluster_name": cluster}, "5"))

    server.answer = answer
    _, failure, hint = say(server, ask("mnist"))
    assert failure.level is Level.FAILURE
    assert hint == Verdict(
        Level.WARNING, "models/mnist error-rate: envoy counts these requests and is not what is read"
    )


def test_custom_counters(server: FakePrometheus) -> None:
    own = Custom("good_total", "bad_total")
    server.answer = lambda _query: vector(({"meshsplit": "0 good", "member": "mnist-v1"}, "5"))
    _, line = say(server, ask("mnist", own, "refusals"))
    assert "no series yet for mnist-v2;" in line.text
    server.answer = lambda _query: vector(({"meshsplit": "0 good"}, "5"))
    _, line = say(server, ask("mnist", own, "refusals"))
    assert (line.level, line.code) == (Level.FAILURE, "MSP502")


def test_a_source_that_does_not_answer_is_one_line(server: FakePrometheus) -> None:
    server.answer = lambda _query: (503, b"")
    (line,) = say(server, ask("mnist"), ask("chat"))
    assert line.level is Level.UNKNOWN
    assert "answers 503" in line.text
