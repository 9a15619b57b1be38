"""What a real Prometheus says of a real Envoy and real model servers, against what the test sent itself."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from meshsplit.analysis.metrics import (
    FROM_ENVOY,
    Ambiguous,
    Backend,
    Custom,
    Key,
    MetricRequest,
    Reading,
    Signal,
    Trouble,
    to_counts,
    to_shares,
)
from meshsplit.local.models.spec import Behaviour
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.model import GroupKey
from support.metrics import parse, read
from support.prometheus import Prometheus, page, prometheus, start
from support.readings import Follower, request
from support.serving import NAMESPACE, NEW, OLD, Stage, modelmesh, rpc, stage, standard
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("prometheus")

GATEWAY = {"pod": "gateway-0", "instance": "gateway"}
MODELS = {"pod": "modelmesh-0", "instance": "models", "namespace": NAMESPACE}
FAILING = (Behaviour(NAMESPACE, NEW, failing=0.3, seed=7), Behaviour(NAMESPACE, f"{NEW}-rpc", failing=0.3))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="module")
def server(running: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), {}) as server:
        follow(server, running)
        yield server


def follow(server: Prometheus, running: Stage) -> None:
    gateway = (running.admin, "/stats/prometheus", GATEWAY)
    server.scrape({"gateway": [gateway], "models": [(running.metrics, "/metrics", MODELS)]})


@pytest.fixture
def source(server: Prometheus) -> Iterator[PrometheusSource]:
    source = PrometheusSource(server.url, backends=FROM_ENVOY, timeout=60)
    yield source
    source.close()


@pytest.fixture(autouse=True)
def _quiet(running: Stage) -> None:
    running.sent.clear()
    running.server.behave([])


def begin(follower: Follower, running: Stage) -> None:
    """Start counting once everything sent so far is in the bookmark."""
    settled = time.time()
    eventually(lambda: follower.begun() and _newest(follower) > settled, "a sample of now")
    running.sent.clear()
    follower.forget()


def _newest(follower: Follower) -> float:
    answer = follower.answers[-1]
    return answer.at if isinstance(answer, Reading) else 0.0


def expect(follower: Follower, running: Stage) -> None:
    """Wait until what was read is exactly what was sent."""
    sent = {member: running.total(member) for member in (OLD, NEW)}
    failed = {member: running.failed(member) for member in (OLD, NEW)}
    try:
        eventually(lambda: follower.has(sent, failed), "what was sent")
    except AssertionError as error:
        error.add_note(f"sent {sent}, failed {failed}, read {follower.requests}, {follower.bad}")
        error.add_note(f"last: {follower.answers[-1]}")
        raise
    # Nothing is counted twice by reading on.
    newest = _newest(follower)
    eventually(lambda: isinstance(follower.read(), Reading) and _newest(follower) > newest, "one more sample")
    assert (follower.requests, follower.bad) == (sent, failed)


def read_all(source: PrometheusSource, asked: Sequence[MetricRequest]) -> dict[Key, Reading]:
    """What is read of all of them at once, when no scrape has just been too late for a busy machine."""
    found: dict[Key, Reading] = {}

    def is_read() -> bool:
        answers = source.read(asked, time.time())
        found.update({key: each for key, each in answers.items() if isinstance(each, Reading)})
        return all(isinstance(each, Reading) for each in answers.values())

    eventually(is_read, "a reading of all")
    return found


def test_counts_by_cluster_are_what_was_sent(running: Stage, source: PrometheusSource) -> None:
    running.rest(OLD, 3)
    running.rest(NEW, 3)
    follower = Follower(source, request(standard(NEW), standard(OLD)))
    begin(follower, running)

    # The first failure of all creates its series: it must count.
    running.server.behave([Behaviour(NAMESPACE, NEW, failing=1.0)])
    running.rest(NEW, 1)
    expect(follower, running)
    running.server.behave(FAILING)
    running.rest(NEW, 80)
    running.rest(OLD, 120)
    expect(follower, running)
    assert 0 < follower.bad[NEW] < 80
    assert follower.bad[OLD] == 0


def test_grpc_failures_count_although_their_http_status_is_200(
    running: Stage, source: PrometheusSource
) -> None:
    running.call(OLD, 2)
    running.call(NEW, 2)
    follower = Follower(source, request(rpc(NEW), rpc(OLD)))
    begin(follower, running)
    running.server.behave(FAILING)
    running.call(NEW, 60)
    running.call(OLD, 40)
    running.call(OLD, 5, model="nobody")
    expect(follower, running)
    assert running.sent[NEW, "INTERNAL"] == follower.bad[NEW] > 0
    assert running.sent[OLD, "NOT_FOUND"] == 5
    assert follower.bad[OLD] == 0


def test_the_first_hop_of_loopback_is_not_counted(running: Stage, source: PrometheusSource) -> None:
    running.rest(OLD, 1, "/loop")
    running.rest(NEW, 1, "/loop")
    follower = Follower(source, request(standard(NEW), standard(OLD)))
    begin(follower, running)
    running.rest(NEW, 20, "/loop")
    running.rest(OLD, 30, "/loop")
    expect(follower, running)


def test_members_of_one_modelmesh_are_told_apart_by_the_model_servers(
    running: Stage, source: PrometheusSource
) -> None:
    running.rest(OLD, 2, "/mesh")
    running.rest(NEW, 2, "/mesh")
    follower = Follower(source, request(modelmesh(NEW), modelmesh(OLD)))
    begin(follower, running)
    running.server.behave(FAILING)
    running.rest(NEW, 40, "/mesh")
    running.rest(OLD, 60, "/mesh")
    expect(follower, running)
    assert follower.bad[NEW] > 0
    counted = [
        counts.pods
        for answer in follower.answers
        if isinstance(answer, Reading) and answer.counts
        for counts in [answer.counts[NEW]]
        if counts.pods
    ]
    assert sum(served for pods in counted for served, _ in pods.values()) >= 40


def test_a_proxy_cannot_tell_members_of_one_modelmesh_apart(running: Stage, source: PrometheusSource) -> None:
    asked = replace(request(modelmesh(NEW), modelmesh(OLD)), backend=Backend.ENVOY)
    answer = source.read([asked], time.time())[asked.key]
    assert isinstance(answer, Ambiguous), answer
    assert OLD in answer.message
    assert NEW in answer.message


def test_latency_of_a_slow_member_is_in_its_buckets(running: Stage, source: PrometheusSource) -> None:
    running.rest(OLD, 2, "/mesh")
    running.rest(NEW, 2, "/mesh")
    asked = request(modelmesh(NEW), modelmesh(OLD), what=Signal.LATENCY, metric="latency")
    follower = Follower(source, asked)
    begin(follower, running)
    running.server.behave([Behaviour(NAMESPACE, NEW, delay_seconds=0.06)])
    running.rest(NEW, 10, "/mesh")
    running.rest(OLD, 10, "/mesh")
    eventually(lambda: follower.has({OLD: 10, NEW: 10}, {OLD: 0, NEW: 0}), "all requests")
    assert follower.buckets[NEW][0.05] == 0
    assert follower.buckets[NEW][float("inf")] == 10
    assert follower.buckets[OLD][float("inf")] == 10
    # A busy machine is slow at times, but not at every request of an idle server.
    assert follower.buckets[OLD][0.05] > 0


def test_one_query_serves_every_rollout_and_measures_the_weights(
    running: Stage, source: PrometheusSource
) -> None:
    running.rest(OLD, 1)
    running.rest(NEW, 1)
    asked = [
        request(standard(NEW), standard(OLD), split=GroupKey("models", f"split-{index}"))
        for index in range(20)
    ]
    follower = Follower(source, asked[0])
    begin(follower, running)
    first = read_all(source, asked)
    running.rest(NEW, 10)
    running.rest(OLD, 30)
    expect(follower, running)
    second = read_all(source, [replace(each, bookmark=first[each.key].bookmark) for each in asked])
    for answer in second.values():
        assert answer.counts is not None
        assert to_shares(answer.counts) == {NEW: 25.0, OLD: 75.0}
        counted = to_counts(answer.counts, NEW, OLD)
        assert (counted.canary_requests, counted.stable_requests) == (10, 30)


def test_custom_counters_are_read_by_split_and_a_broken_one_hides_no_other(
    running: Stage, source: PrometheusSource
) -> None:
    running.rest(OLD, 5, "/mesh")
    running.rest(NEW, 5, "/mesh")

    def counter(codes: str) -> str:
        series = f'modelmesh_api_request_milliseconds_count{{code{codes},namespace="{{{{ namespace }}}}"}}'
        return f'sum by (member) (label_replace({series}, "member", "$1", "vModelId", "(.+)"))'

    def ask_for(name: str, good: str, bad: str) -> MetricRequest:
        members = (modelmesh(NEW), modelmesh(OLD))
        return request(*members, what=Custom(good, bad), metric="answers", split=GroupKey("models", name))

    good = counter('="OK"') + " # answers"
    sound = ask_for("mnist", good, counter('!="OK"'))
    follower = Follower(source, sound)
    # A sum does not say when its parts were scraped: wait until it is what the page shows.
    eventually(lambda: follower.begun() and marked(follower) == shown(running), "all of the page")
    running.sent.clear()
    follower.forget()
    running.server.behave(FAILING)
    running.rest(NEW, 30, "/mesh")
    running.rest(OLD, 20, "/mesh")
    expect(follower, running)
    assert follower.bad[NEW] > 0

    # The same counters without their label, two series a member, an unknown function, an open bracket.
    unnamed = ask_for("unnamed", "sum(modelmesh_api_request_milliseconds_count)", "vector(0)")
    series = 'label_replace(modelmesh_api_request_milliseconds_count, "member", "$1", "vModelId", "(.+)")'
    doubled = ask_for("doubled", series, counter('!="OK"'))
    wrong = ask_for("wrong", "no_function(1)", "vector(0)")
    opened = ask_for("open", "sum by (member) (answers", "vector(0)")
    told = {
        "mnist": None,
        "wrong": Trouble.REFUSED,
        "open": Trouble.REFUSED,
        "unnamed": Trouble.AMBIGUOUS,
        "doubled": Trouble.AMBIGUOUS,
    }

    def find_troubles() -> dict[str, Trouble | None]:
        answers = source.read([wrong, opened, follower.asked, unnamed, doubled], time.time())
        return {
            key[0].name: None if isinstance(answer, Reading) else answer.trouble
            for key, answer in answers.items()
        }

    # A scrape that is late on a busy machine leaves nothing to read for a moment.
    eventually(lambda: find_troubles() == told, lambda: f"{find_troubles()} are {told}")


def marked(follower: Follower) -> float:
    """The sum of the counters as they were read last."""
    return sum(mark.value for mark in follower.asked.bookmark.cursor.marks)


def shown(running: Stage) -> float:
    """The sum of the counters on the model server's own page."""
    series = parse(read(f"http://{running.metrics}/metrics"))
    name = "modelmesh_api_request_milliseconds_count"
    return sum(value for (found, _), value in series.items() if found == name)


# Last of those that share the model server: the series of the one that ended may linger.
def test_a_restarted_model_server_counts_on(
    running: Stage, server: Prometheus, source: PrometheusSource
) -> None:
    running.rest(OLD, 30, "/mesh")
    running.rest(NEW, 30, "/mesh")
    follower = Follower(source, request(modelmesh(NEW), modelmesh(OLD)))
    begin(follower, running)
    running.rest(NEW, 3, "/mesh")
    running.rest(OLD, 3, "/mesh")
    expect(follower, running)
    running.restart_models()
    running.rest(NEW, 5, "/mesh")
    running.rest(OLD, 7, "/mesh")
    follow(server, running)
    expect(follower, running)


COUNTER = 'modelmesh_api_request_milliseconds_count{vModelId="%s",code="OK"} %s\n'


def test_each_outage_has_its_reason_and_nothing_is_lost_over_it(tmp_path: Path) -> None:
    """Down, empty, not a number, stale, stopped, and back."""
    with page() as counters:
        folder = tmp_path / "prometheus"
        labels = {"pod": "mm-0", "instance": "mm", "namespace": "models"}
        jobs = {"models": [(counters.address, "/metrics", labels)]}
        server = start(folder, jobs)
        try:
            source = PrometheusSource(server.url)
            follower = Follower(source, request(modelmesh(NEW), modelmesh(OLD)))

            def shows(trouble: Trouble | None) -> bool:
                failure = follower.failure()
                return (failure.trouble if failure else None) is trouble

            def serve(old: object, new: object) -> None:
                counters.text = COUNTER % (OLD, old) + COUNTER % (NEW, new)

            assert shows(Trouble.NO_SERIES)
            serve(100, 10)
            eventually(lambda: shows(None), "series")
            counters.down = True
            eventually(lambda: shows(Trouble.NO_SERIES), "a failing scrape")
            serve(120, 11)
            counters.down = False
            eventually(lambda: follower.has({OLD: 20, NEW: 1}, {OLD: 0, NEW: 0}), "what the outage covered")

            serve("NaN", 12)
            eventually(lambda: shows(Trouble.NOT_A_NUMBER), "NaN")
            serve("+Inf", 12)
            eventually(lambda: shows(Trouble.NOT_A_NUMBER), "+Inf")
            serve(130, 12)
            eventually(lambda: follower.has({OLD: 30, NEW: 2}, {OLD: 0, NEW: 0}), "a number again")

            # Prometheus answers with samples up to 5 min old.
            before = follower.asked
            late = follower.read(time.time() + 200)
            assert getattr(late, "trouble", None) is Trouble.STALE
            assert follower.asked == before

            server.stop()
            serve(150, 15)
            assert shows(Trouble.UNREACHABLE)
            server = start(folder, jobs, port=int(server.url.rsplit(":", 1)[1]))
            eventually(lambda: follower.has({OLD: 50, NEW: 5}, {OLD: 0, NEW: 0}), "what was missed")

            # A restarted server begins at 0.
            serve(4, 2)
            eventually(lambda: follower.has({OLD: 54, NEW: 7}, {OLD: 0, NEW: 0}), "the reset")
        finally:
            server.stop()
            source.close()
