"""Every way in which a Prometheus may fail a rollout, over HTTP: weights are held, the reason is said."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from meshsplit.analysis.metrics import STALE_SECONDS, Answers, Key, MetricRequest, Signal
from meshsplit.analysis.past import StablePast
from meshsplit.metrics.prometheus import LAG_SECONDS, PrometheusSource
from meshsplit.model import DeploymentMode, GroupKey, Member
from support.counted import POD, Counted
from support.fake_prometheus import FakePrometheus, fake_prometheus, refusal, vector
from support.manifests import NAMESPACE
from support.walks import Walk

BRIEF_SECONDS = 0.5
SCRAPED = {"pod": POD, "instance": "mm:2112", "job": "models", "namespace": NAMESPACE}


class OverHttp(Counted):
    """The same counters as a Prometheus tells them; `spoil` changes the answer."""

    def __init__(self, server: FakePrometheus) -> None:
        super().__init__(NAMESPACE)
        self.server = server
        self.source = PrometheusSource(server.url)
        self.hasty = PrometheusSource(server.url, timeout=BRIEF_SECONDS)
        self.spoil: Callable[[dict[str, Any]], object] = lambda _body: None

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        self.reads.append(list(requests))
        at = now - LAG_SECONDS
        result = [_series({"meshsplit": "modelmesh times"}, at)]
        for (member, code), value in sorted(self.totals.items()):
            labels = {"meshsplit": "modelmesh", "vModelId": member, "code": code.split()[1]}
            result.append(_series(labels, value))
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        self.spoil(body)
        if self.server.answer.__name__ != "refuse":
            self.server.answer = lambda _query: (200, json.dumps(body).encode())
        # Patience only runs out where that is meant: on a busy machine an answer takes its time.
        return (self.hasty if self.server.silent else self.source).read(requests, now)

    def read_past(self, requests: Sequence[MetricRequest], now: float) -> Mapping[Key, StablePast]:
        return self.source.read_past(requests, now)

    def close(self) -> None:
        self.source.close()
        self.hasty.close()


def _series(labels: dict[str, str], value: float) -> dict[str, Any]:
    return {"metric": {**SCRAPED, **labels}, "value": [0, str(value)]}


@pytest.fixture
def walk() -> Iterator[Walk]:
    with fake_prometheus() as server:
        source = OverHttp(server)
        walk = Walk(source=source)
        walk.go()
        walk.tick_to(10)
        walk.tick()
        yield walk
        source.close()


def empty(body: dict[str, Any]) -> None:
    body["data"]["result"].clear()


def not_a_number(body: dict[str, Any]) -> None:
    body["data"]["result"][-1]["value"][1] = "NaN"


def stale(body: dict[str, Any]) -> None:
    times = body["data"]["result"][0]["value"]
    times[1] = str(float(times[1]) - STALE_SECONDS)


def partial(body: dict[str, Any]) -> None:
    body["warnings"] = ["a store did not answer"]


def matrix(body: dict[str, Any]) -> None:
    body["data"] = {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}


SPOILT = {
    empty: "NoSeries",
    not_a_number: "NotANumber",
    stale: "Stale",
    partial: "PartialAnswer",
    matrix: "AnswerUnreadable",
}


def test_answers_that_are_no_evidence_hold_the_weight_and_say_why(walk: Walk) -> None:
    source = walk.source
    assert isinstance(source, OverHttp)
    for spoil, reason in SPOILT.items():
        source.spoil = spoil
        walk.tick()
        assert (walk.weight, walk.condition("MetricsAvailable")) == (10, ("False", reason))
    source.spoil = lambda _body: None
    walk.tick_until("Promoted")
    assert walk.condition("MetricsAvailable") == ("True", "Answering")


def test_a_server_that_refuses_or_hangs_holds_the_weight_and_an_outage_is_seen_afterwards(walk: Walk) -> None:
    source = walk.source
    assert isinstance(source, OverHttp)

    def refuse(_query: str) -> tuple[int, bytes]:
        return refusal(503, "unavailable", "starting")

    source.server.answer = refuse
    walk.tick()
    assert (walk.weight, walk.condition("MetricsAvailable")) == (10, ("False", "SourceFailing"))
    source.server.answer = lambda _query: (200, b"")
    source.server.silent = True
    walk.failing[walk.canary] = 1.0
    walk.tick()
    assert (walk.weight, walk.condition("MetricsAvailable")) == (10, ("False", "SourceSlow"))
    source.server.silent = False
    walk.tick()
    assert (walk.phase, walk.weight) == ("RolledBack", 0)


PAST_FAILURES: tuple[tuple[int, bytes], ...] = (
    refusal(422, "execution", "query processing would load too many samples into memory"),
    refusal(503, "timeout", "query timed out"),
    (200, b"no JSON"),
    vector(({}, "1")),
    (200, b'{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [3]}]}}'),
)


@pytest.mark.parametrize("failure", PAST_FAILURES)
def test_a_past_that_cannot_be_read_is_none_and_stops_no_rollout(failure: tuple[int, bytes]) -> None:
    with fake_prometheus() as server:
        server.tell = lambda _query: failure
        source = OverHttp(server)
        walk = Walk(source=source)
        walk.go()
        walk.tick_until("Promoted")
        assert len(server.stories) == 1
        source.close()


def test_a_past_that_fails_is_not_asked_for_batch_after_batch() -> None:
    with fake_prometheus() as server:
        server.tell = lambda _query: refusal(503, "timeout", "query timed out")
        source = PrometheusSource(server.url)
        members = (Member("a", DeploymentMode.MODEL_MESH, "a", None, None),)
        asked = [
            MetricRequest(GroupKey(NAMESPACE, f"g{number}"), "error-rate", Signal.ERRORS, members)
            for number in range(200)
        ]
        assert source.read_past(asked, 1_000_000.0) == {}
        assert len(server.stories) == 1
        server.tell = lambda _query: vector()
        assert len(source.read_past(asked, 1_000_000.0)) == 200
        assert len(server.stories) == 1 + 4
        source.close()
