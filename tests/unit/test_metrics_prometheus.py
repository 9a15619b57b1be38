"""Every way in which a Prometheus can fail to answer, from a server that fails so."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from meshsplit.analysis.metrics import (
    Ambiguous,
    Answer,
    Custom,
    MetricRequest,
    NoData,
    Partial,
    Reading,
    Signal,
    Trouble,
    Unavailable,
)
from meshsplit.metrics.prometheus import LAG_SECONDS, PrometheusSource
from meshsplit.model import DeploymentMode, Endpoint, GroupKey, Member
from support.fake_prometheus import FakePrometheus, Sample, fake_prometheus, refusal, vector

NOW = 1_000_000.0


def member(name: str, namespace: str = "models") -> Member:
    end = Endpoint(f"{name}-predictor.{namespace}.svc.cluster.local", 80)
    return Member(name, DeploymentMode.STANDARD, name, end, None)


def ask(name: str = "mnist", what: Signal | Custom = Signal.ERRORS) -> MetricRequest:
    members = (member(f"{name}-v1"), member(f"{name}-v2"))
    return MetricRequest(GroupKey("models", name), "errors", what, members)


def series(name: str, code: str, value: str, pod: str = "gw-0", job: str = "gateways") -> Sample:
    host = f"{name}-predictor.models.svc.cluster.local"
    labels = {"meshsplit": "istio", "pod": pod, "instance": f"{pod}:15090", "job": job}
    return {**labels, "destination_service": host, "request_protocol": "http", "response_code": code}, value


def scraped(at: float = NOW, pod: str = "gw-0", job: str = "gateways") -> Sample:
    return {"meshsplit": "istio times", "pod": pod, "instance": f"{pod}:15090", "job": job}, f"{at}"


@pytest.fixture
def server() -> Iterator[FakePrometheus]:
    with fake_prometheus() as server:
        yield server


@pytest.fixture
def source(server: FakePrometheus) -> Iterator[PrometheusSource]:
    source = PrometheusSource(server.url, timeout=5, limit_bytes=100_000)
    yield source
    source.close()


def read(source: PrometheusSource, asked: MetricRequest | None = None, now: float = NOW) -> Answer:
    asked = asked or ask()
    return source.read([asked], now)[asked.key]


def trouble_of(answer: Answer) -> Trouble | None:
    return None if isinstance(answer, Reading) else answer.trouble


def test_one_query_a_signal_whatever_the_number_of_splits(
    server: FakePrometheus, source: PrometheusSource
) -> None:
    asked = [ask(f"m{index}") for index in range(300)]
    asked += [replace(each, metric="latency", what=Signal.LATENCY) for each in asked]
    answers = source.read(asked, NOW)
    assert len(server.queries) == 2
    assert len(answers) == 600
    assert not re.search(r"\b(i?rate|increase)\b", "".join(server.queries))
    assert server.forms[0]["time"] == [f"{NOW - LAG_SECONDS:.3f}"]


def test_few_splits_ask_for_their_own_series_only(server: FakePrometheus, source: PrometheusSource) -> None:
    source.read([ask()], NOW)
    assert r"mnist-v1-predictor\\.models\\.svc\\.cluster\\.local|mnist-v2-" in server.queries[0]


ANSWERS = {
    "unavailable": (503, b"upstream is down"),
    "forbidden": (403, b"who are you"),
    "moved": (302, b""),
    "timed out": refusal(503, "timeout", "query timed out in expression evaluation"),
    "bad query": refusal(400, "bad_data", "parse error"),
    "too many samples": refusal(422, "execution", "query processing would load too many samples"),
    "an error with 200": refusal(200, "bad_data", "parse error"),
    "a page": (200, b"<html>sign in</html>"),
    "cut": (200, vector(series("mnist-v1", "200", "5"))[1][:-9]),
    "no data": (200, b'{"status":"success"}'),
    "a scalar": (200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'),
    "a list": (200, b"[]"),
    "a number for a label": (
        200,
        b'{"status":"success","data":{"result":[{"metric":{"pod":1},"value":[1,"2"]}]}}',
    ),
    "no end of brackets": (200, b"[" * 90_000),
    "too large": (200, b" " * 200_000),
    "warnings": vector(series("mnist-v1", "200", "5"), scraped(), warnings=["store 3 is gone"]),
    "nothing": vector(),
    "not a number": vector(series("mnist-v1", "200", "NaN"), scraped()),
    "infinite": vector(series("mnist-v1", "200", "+Inf"), scraped()),
    "old": vector(series("mnist-v1", "200", "5"), scraped(NOW - 200)),
}


@pytest.mark.parametrize(
    ("answer", "trouble", "kind"),
    [
        ("unavailable", Trouble.FAILING, Unavailable),
        ("forbidden", Trouble.FAILING, Unavailable),
        ("moved", Trouble.UNREACHABLE, Unavailable),
        ("timed out", Trouble.SLOW, Unavailable),
        ("bad query", Trouble.REFUSED, Unavailable),
        ("too many samples", Trouble.REFUSED, Unavailable),
        ("an error with 200", Trouble.REFUSED, Unavailable),
        ("a page", Trouble.UNREADABLE, Unavailable),
        ("cut", Trouble.UNREADABLE, Unavailable),
        ("no data", Trouble.UNREADABLE, Unavailable),
        ("a scalar", Trouble.UNREADABLE, Unavailable),
        ("a list", Trouble.UNREADABLE, Unavailable),
        ("a number for a label", Trouble.UNREADABLE, Unavailable),
        ("no end of brackets", Trouble.UNREADABLE, Unavailable),
        ("too large", Trouble.TOO_LARGE, Unavailable),
        ("warnings", Trouble.PARTIAL, Partial),
        ("nothing", Trouble.NO_SERIES, NoData),
        ("not a number", Trouble.NOT_A_NUMBER, NoData),
        ("infinite", Trouble.NOT_A_NUMBER, NoData),
        ("old", Trouble.STALE, NoData),
    ],
)
def test_each_failure_has_its_reason_and_ends(
    server: FakePrometheus, source: PrometheusSource, answer: str, trouble: Trouble, kind: type[Answer]
) -> None:
    server.answer = lambda _query: ANSWERS[answer]
    found = read(source)
    assert isinstance(found, kind), found
    assert trouble_of(found) is trouble
    assert not isinstance(found, Reading)
    assert found.message
    assert len(server.queries) == 1, "a retry is the next read's business"

    server.answer = lambda _query: vector(series("mnist-v1", "200", "5"), scraped())
    assert trouble_of(read(source)) is None


def test_what_prometheus_says_is_passed_on(server: FakePrometheus, source: PrometheusSource) -> None:
    server.answer = lambda _query: ANSWERS["too many samples"]
    found = read(source)
    assert isinstance(found, Unavailable)
    assert "would load too many samples" in found.message
    server.answer = lambda _query: ANSWERS["warnings"]
    found = read(source)
    assert isinstance(found, Partial)
    assert found.message == "store 3 is gone"


def test_silence_and_dripping_are_cut_off(server: FakePrometheus) -> None:
    source = PrometheusSource(server.url, timeout=0.3)
    server.silent = True
    assert trouble_of(read(source)) is Trouble.SLOW
    server.silent, server.dripping = False, True
    assert trouble_of(read(source)) is Trouble.SLOW
    source.close()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://nobody.invalid:9090", "http://[", "ftp://x"]
)
def test_nobody_at_the_address(address: str) -> None:
    source = PrometheusSource(address, timeout=2)
    found = read(source)
    assert isinstance(found, Unavailable)
    assert found.trouble is Trouble.UNREACHABLE
    source.close()


def test_remarks_on_style_are_no_warning(server: FakePrometheus, source: PrometheusSource) -> None:
    said = ["PromQL info: metric might not be a counter"]
    server.answer = lambda _query: vector(series("mnist-v1", "200", "5"), scraped(), warnings=said)
    assert trouble_of(read(source)) is None


def test_a_pod_that_two_jobs_scrape_is_counted_once(server: FakePrometheus, source: PrometheusSource) -> None:
    def show(value: int) -> None:
        samples = [
            each
            for job in ("gateways", "pods")
            for each in (series("mnist-v1", "200", f"{value}", job=job), scraped(NOW + value, job=job))
        ]
        server.answer = lambda _query: vector(*samples)

    show(10)
    first = read(source)
    assert isinstance(first, Reading)
    show(17)
    second = read(source, replace(ask(), bookmark=first.bookmark), NOW + 17)
    assert isinstance(second, Reading)
    assert second.counts is not None
    assert second.counts["mnist-v1"].requests == 7


def test_threads_read_at_once(server: FakePrometheus, source: PrometheusSource) -> None:
    both = threading.Barrier(2, timeout=20)

    def answer(_query: str) -> tuple[int, bytes]:
        both.wait()
        return vector(series("mnist-v1", "200", "5"), scraped())

    server.answer = answer
    found: list[Answer] = []
    threads = [threading.Thread(target=lambda: found.append(read(source))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [trouble_of(each) for each in found] == [None, None]


def test_custom_counters_of_many_splits_are_few_queries_and_a_bad_one_is_found_by_halving(
    server: FakePrometheus, source: PrometheusSource
) -> None:
    def answer(query: str) -> tuple[int, bytes]:
        if "broken" in query:
            return refusal(400, "bad_data", "parse error")
        tags = re.findall(r'"meshsplit", "(\d+ (?:good|bad))"', query)
        return vector(*(({"meshsplit": tag, "member": "a"}, "5") for tag in tags))

    server.answer = answer
    own = Custom("good_total", "bad_total")
    asked = [
        MetricRequest(GroupKey("models", f"s{index}"), "own", own, (member("a"),)) for index in range(64)
    ]
    assert all(isinstance(it, Reading) for it in source.read(asked, NOW).values())
    assert len(server.queries) == 1

    server.queries.clear()
    asked[20] = replace(asked[20], what=Custom("broken", "bad_total"))
    answers = source.read(asked, NOW)
    assert trouble_of(answers[asked[20].key]) is Trouble.REFUSED
    assert sum(isinstance(answer, Reading) for answer in answers.values()) == 63
    assert len(server.queries) == 13  # 64, then two halves of 64, 32, 16, 8, 4 and 2


def test_an_expression_that_would_reach_into_others_is_not_sent(
    server: FakePrometheus, source: PrometheusSource
) -> None:
    inject = Custom('x) or label_replace(y, "meshsplit", "1 good", "", ""', "bad_total")
    found = read(source, ask(what=inject))
    assert isinstance(found, Unavailable)
    assert found.trouble is Trouble.REFUSED
    assert not server.queries


def test_custom_series_without_a_member(server: FakePrometheus, source: PrometheusSource) -> None:
    server.answer = lambda _query: vector(({"meshsplit": "0 good"}, "5"))
    found = read(source, ask(what=Custom("good_total", "bad_total")))
    assert isinstance(found, Ambiguous)
    assert "without label member" in found.message
