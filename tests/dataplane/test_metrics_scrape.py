"""Counters read from a real Envoy and real model servers directly, against what the test sent itself."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from meshsplit.analysis.metrics import (
    FROM_ENVOY,
    Backend,
    Custom,
    MetricsSource,
    Partial,
    Reading,
    Signal,
    Trouble,
    Unavailable,
    to_shares,
)
from meshsplit.local.models.spec import Behaviour
from meshsplit.metrics.scrape import ScrapeSource
from meshsplit.metrics.targets import Target
from support.metrics import parse, read
from support.prometheus import Page, page
from support.readings import Follower, request
from support.serving import NAMESPACE, NEW, OLD, Stage, modelmesh, rpc, stage, standard
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("scrape")

# Only a test of slow answers may take a busy machine's for one.
DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture
def source(running: Stage) -> Iterator[ScrapeSource]:
    running.sent.clear()
    running.server.behave([])
    with closing(make_source(running)) as source:
        yield source


def make_source(running: Stage) -> ScrapeSource:
    return ScrapeSource(lambda: find_targets(running), backends=FROM_ENVOY, deadline=DEADLINE_SECONDS)


def find_targets(running: Stage) -> Sequence[Target]:
    return [
        Target("gateway-0", f"http://{running.admin}/stats/prometheus", Backend.ENVOY),
        Target("mm-0", f"http://{running.metrics}/metrics", Backend.MODELMESH, {"namespace": NAMESPACE}),
    ]


def expect(follower: Follower, running: Stage) -> None:
    """One read sees everything at once: nothing lies between a request and its counter."""
    sent = {member: running.total(member) for member in (OLD, NEW)}
    failed = {member: running.failed(member) for member in (OLD, NEW)}
    eventually(lambda: follower.has(sent, failed), f"{sent} and {failed}")
    follower.read()
    assert (follower.requests, follower.bad) == (sent, failed), follower.answers[-1]


def test_the_first_request_of_all_counts(running: Stage, source: ScrapeSource) -> None:
    """A gateway that was read while it had no such series had none of these requests."""
    running.rest(OLD, 1)
    follower = Follower(source, request(standard(NEW), standard(OLD)))
    assert isinstance(follower.read(), Reading)
    running.sent.clear()
    running.server.behave([Behaviour(NAMESPACE, NEW, failing=1.0)])
    running.rest(NEW, 1)
    expect(follower, running)
    assert follower.bad == {OLD: 0, NEW: 1}


def test_rest_grpc_and_loopback_by_cluster(running: Stage, source: ScrapeSource) -> None:
    running.rest(OLD, 1)
    running.call(OLD, 1)
    rest = Follower(source, request(standard(NEW), standard(OLD)))
    remote = Follower(source, request(rpc(NEW), rpc(OLD)))
    assert isinstance(rest.read(), Reading)
    assert isinstance(remote.read(), Reading)
    running.server.behave(
        [
            Behaviour(NAMESPACE, NEW, failing=0.4, seed=1),
            Behaviour(NAMESPACE, f"{NEW}-rpc", failing=0.4, seed=1),
        ]
    )
    running.sent.clear()
    running.rest(NEW, 20)
    running.rest(NEW, 20, "/loop")
    running.rest(OLD, 40)
    expect(rest, running)
    assert rest.bad[NEW] > 0

    running.sent.clear()
    running.call(NEW, 30)
    running.call(OLD, 30)
    expect(remote, running)
    assert remote.bad[NEW] == running.sent[NEW, "INTERNAL"] > 0
    answer = remote.answers[-2]
    assert isinstance(answer, Reading)


def test_modelmesh_by_its_model_servers_and_a_restart(running: Stage, source: ScrapeSource) -> None:
    running.rest(OLD, 9, "/mesh")
    running.rest(NEW, 9, "/mesh")
    follower = Follower(source, request(modelmesh(NEW), modelmesh(OLD)))
    assert isinstance(follower.read(), Reading)
    running.sent.clear()
    running.server.behave([Behaviour(NAMESPACE, NEW, failing=0.5)])
    running.rest(OLD, 30, "/mesh")
    running.rest(NEW, 10, "/mesh")
    expect(follower, running)
    running.restart_models()
    running.rest(OLD, 4, "/mesh")
    running.rest(NEW, 2, "/mesh")
    expect(follower, running)


def has_merged(running: Stage) -> bool:
    """Whether Envoy's histograms have all the requests that its counters have: it merges them every 5 s."""
    counted = timed = 0.0
    for (name, labels), value in parse(read(f"http://{running.admin}/stats/prometheus")).items():
        if name == "envoy_cluster_upstream_rq_total" and "response_code_class" in dict(labels):
            counted += value
        elif name == "envoy_cluster_upstream_rq_time_count":
            timed += value
    return timed == counted > 0


def test_latency_by_cluster(tmp_path: Path) -> None:
    # A stage of its own: another test's requests may have been slow, or have had no answer to be timed by.
    with stage(tmp_path) as running, closing(make_source(running)) as source:
        running.rest(OLD, 1)
        running.rest(NEW, 1)
        eventually(lambda: has_merged(running), "all requests are merged")
        asked = request(standard(NEW), standard(OLD), what=Signal.LATENCY, metric="latency")
        follower = Follower(source, asked)
        assert isinstance(follower.read(), Reading)
        running.server.behave([Behaviour(NAMESPACE, NEW, delay_seconds=0.06)])
        running.rest(NEW, 10)
        running.rest(OLD, 10)
        eventually(lambda: has_merged(running), "all requests are merged")
        assert follower.slower(NEW, 0.05) == 10
        assert follower.requests == {OLD: 10, NEW: 10}


def test_measured_weights_follow_what_was_sent(running: Stage, source: ScrapeSource) -> None:
    running.rest(OLD, 1)
    follower = Follower(source, request(standard(NEW), standard(OLD)))
    follower.read()
    running.rest(OLD, 45)
    running.rest(NEW, 5)
    answer = follower.read()
    assert isinstance(answer, Reading)
    assert answer.counts is not None
    assert to_shares(answer.counts) == {OLD: 90.0, NEW: 10.0}


def test_a_read_over_a_change_of_weight_is_left_out(running: Stage, source: ScrapeSource) -> None:
    running.rest(OLD, 1)
    follower = Follower(source, request(standard(NEW), standard(OLD)))
    follower.read()
    running.rest(OLD, 5)
    follower.change(time.time(), time.time())
    answer = follower.read()
    assert isinstance(answer, Reading)
    assert (answer.counts, answer.note) == (None, "the weights changed since the last read")
    running.rest(OLD, 7)
    follower.read()
    assert follower.requests[OLD] == 7


SERIES = 'modelmesh_api_request_milliseconds_count{vModelId="%s",code="%s"} %s\n'


@pytest.fixture
def pages() -> Iterator[tuple[Page, Page]]:
    with page() as one, page() as two:
        one.text = two.text = "".join(SERIES % (name, "OK", 100) for name in (OLD, NEW))
        yield one, two


def at_pages(*pages: Page) -> Sequence[Target]:
    return [
        Target(f"mm-{index}", f"http://{each.address}/metrics", Backend.MODELMESH, {"namespace": NAMESPACE})
        for index, each in enumerate(pages)
    ]


@pytest.fixture
def follow() -> Iterator[Callable[[MetricsSource], Follower]]:
    opened: list[MetricsSource] = []

    def make(source: MetricsSource) -> Follower:
        opened.append(source)
        return Follower(source, request(modelmesh(NEW), modelmesh(OLD)))

    yield make
    for source in opened:
        source.close()


Follow = Callable[[MetricsSource], Follower]


def trouble_of(follower: Follower) -> Trouble | None:
    failure = follower.failure()
    return failure.trouble if failure else None


def test_one_pod_that_gives_nothing_is_partial_and_its_counts_are_not_lost(
    pages: tuple[Page, Page], follow: Follow
) -> None:
    one, two = pages
    follower = follow(ScrapeSource(lambda: at_pages(one, two), deadline=DEADLINE_SECONDS))
    follower.read()
    two.down = True
    one.text = SERIES % (OLD, "OK", 110) + SERIES % (NEW, "OK", 101)
    two.text = SERIES % (OLD, "OK", 120) + SERIES % (NEW, "OK", 100) + SERIES % (NEW, "INTERNAL", 3)
    answer = follower.read()
    assert isinstance(answer, Partial), answer
    assert "1 of 2" in answer.message
    two.down = False
    assert follower.has({OLD: 30, NEW: 4}, {OLD: 0, NEW: 3})


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", Trouble.NO_SERIES),
        ("other_total 5\n", Trouble.NO_SERIES),
        (SERIES % (OLD, "OK", "NaN"), Trouble.NOT_A_NUMBER),
        (SERIES % (OLD, "OK", "+Inf"), Trouble.NOT_A_NUMBER),
        (SERIES % (OLD, "OK", "many"), Trouble.UNREADABLE),
        ((SERIES % (OLD, "OK", 12))[:-4], Trouble.UNREADABLE),
        ("<html>\n", Trouble.UNREADABLE),
    ],
)
def test_a_text_that_says_nothing_has_its_reason(
    pages: tuple[Page, Page], follow: Follow, text: str, trouble: Trouble
) -> None:
    one, _ = pages
    sound = one.text
    follower = follow(ScrapeSource(lambda: at_pages(one), deadline=DEADLINE_SECONDS))
    follower.read()
    one.text = text
    assert trouble_of(follower) is trouble
    one.text = sound
    assert follower.has({OLD: 0, NEW: 0}, {OLD: 0, NEW: 0})


def test_down_gone_slow_and_too_large_have_their_reasons(
    pages: tuple[Page, Page], follow: Follow, tmp_path: Path
) -> None:
    one, _ = pages
    follower = follow(ScrapeSource(lambda: at_pages(one), limit_bytes=1000, deadline=DEADLINE_SECONDS))
    one.down = True
    assert trouble_of(follower) is Trouble.FAILING
    one.down = False
    one.text += "# " + "x" * 2000 + "\n"
    assert trouble_of(follower) is Trouble.TOO_LARGE
    nobody = Target("mm-0", "http://127.0.0.1:1/metrics", Backend.MODELMESH, {"namespace": NAMESPACE})
    assert (
        trouble_of(follow(ScrapeSource(lambda: [nobody], deadline=DEADLINE_SECONDS))) is Trouble.UNREACHABLE
    )
    assert trouble_of(follow(ScrapeSource(list))) is Trouble.UNREACHABLE
    with page() as dripping:
        dripping.drip = True
        slow = follow(ScrapeSource(lambda: at_pages(dripping), deadline=0.3))
        assert trouble_of(slow) is Trouble.SLOW


def test_many_silent_pods_hold_up_neither_this_read_nor_the_next(follow: Follow) -> None:
    with page("".join(SERIES % (name, "OK", 100) for name in (OLD, NEW))) as served:
        served.drip = True
        # More than there are workers.
        follower = follow(ScrapeSource(lambda: at_pages(*[served] * 20), deadline=0.3))
        assert trouble_of(follower) is Trouble.SLOW
        served.drip = False
        eventually(follower.begun, "a read of them all")


def test_custom_counters_and_unknown_places_are_said(pages: tuple[Page, Page], follow: Follow) -> None:
    source = ScrapeSource(lambda: at_pages(*pages), deadline=DEADLINE_SECONDS)
    follower = follow(source)
    follower.asked = request(modelmesh(NEW), what=Custom("a", "b"), metric="own")
    answer = follower.read()
    assert isinstance(answer, Unavailable)
    assert answer.trouble is Trouble.UNSUPPORTED
    follower.asked = request(modelmesh(NEW), modelmesh(OLD), what=Signal.LATENCY, metric="latency")
    assert trouble_of(follower) is Trouble.NO_SERIES
