"""What is read when, and what a source that hangs may keep from being read: nothing of another one."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from meshsplit.analysis.metrics import Answers, MetricRequest, MetricsSource, Signal
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.controller.meter import BEAT_SECONDS, Meter
from meshsplit.controller.wishes import Wish
from meshsplit.model import GroupKey
from meshsplit.policy import to_policy
from support.counted import Counted
from support.serving import NAMESPACE, NEW, OLD, modelmesh
from support.waiting import eventually

POLICY = to_policy(ModelSplitSpec.model_validate({"modelTag": "g", "strategy": {"canary": {}}}))
GOOD, HANGING = "http://a:9090", "http://hangs:9090"


class Hanging(Counted):
    """Answers only after `go`."""

    def __init__(self) -> None:
        super().__init__(NAMESPACE)
        self.go = threading.Event()

    def read(self, requests: Sequence[MetricRequest], now: float) -> Answers:
        answers = super().read(requests, now)
        assert self.go.wait(30)
        return answers


class Metered:
    """A meter at a clock of the test's own, with two sources."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.good, self.hanging = Counted(NAMESPACE), Hanging()
        self.measured: list[GroupKey] = []
        sources: dict[str, MetricsSource] = {GOOD: self.good, HANGING: self.hanging}
        self.meter = Meter(sources.__getitem__, self.measured.extend, lambda: self.now)

    def wish(self, name: str, source: str, seconds: float = 15.0) -> GroupKey:
        key = GroupKey(NAMESPACE, name)
        members = (modelmesh(NEW), modelmesh(OLD))
        metrics = (("error-rate", Signal.ERRORS),)
        self.meter.put(Wish(key, members, source, seconds, metrics, POLICY))
        return key

    def beat(self, seconds: float = BEAT_SECONDS) -> None:
        self.now += seconds
        for read in self.meter.beat():
            read.result()


@pytest.fixture
def metered() -> Iterator[Metered]:
    made = Metered()
    yield made
    made.hanging.go.set()
    made.meter.stop()


def test_a_source_that_hangs_keeps_no_other_from_being_read(metered: Metered) -> None:
    good, stuck = metered.wish("good", GOOD, 2.0), metered.wish("stuck", HANGING, 2.0)
    for _ in range(3):
        metered.now += BEAT_SECONDS
        metered.meter.beat()[0].result()
        eventually(lambda: metered.hanging.reads, "the other is being asked")
    assert metered.measured.count(good) == 3
    assert len(metered.hanging.reads) == 1, "it was asked again while it hung"
    assert metered.meter.find(stuck) is None
    metered.hanging.go.set()
    eventually(lambda: metered.meter.find(stuck), "the late answer")


def test_one_look_serves_every_rollout_of_a_source(metered: Metered) -> None:
    for number in range(50):
        metered.wish(f"g{number}", GOOD)
    metered.beat()
    assert [len(read) for read in metered.good.reads] == [50]


def test_each_is_read_in_its_own_time(metered: Metered) -> None:
    slow, fast = metered.wish("slow", GOOD, 60.0), metered.wish("fast", GOOD, 10.0)
    for _ in range(60):
        metered.beat(2.0)
    assert (metered.measured.count(slow), metered.measured.count(fast)) == (2, 12)


def test_what_was_dropped_while_it_was_being_read_is_not_kept(metered: Metered) -> None:
    key = metered.wish("stuck", HANGING)
    (read,) = metered.meter.beat()
    metered.meter.drop(key)
    metered.hanging.go.set()
    read.result()
    assert metered.meter.find(key) is None
