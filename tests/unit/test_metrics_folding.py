"""Snapshots in, increments out: starts, resets, new members, changes of weight."""

import json
import math
from dataclasses import replace

import pytest

from meshsplit.analysis.bookmarks import to_bookmark, to_plain
from meshsplit.analysis.folding import Places, fold
from meshsplit.analysis.metrics import (
    Ambiguous,
    Answer,
    Backend,
    Bookmark,
    Custom,
    MemberCounts,
    MetricRequest,
    NoData,
    Reading,
    Signal,
    Trouble,
    WeightChange,
    to_counts,
    to_shares,
)
from meshsplit.analysis.queries.pack import Place
from meshsplit.analysis.snapshot import Snapshot, choose_endpoints
from meshsplit.model import GroupKey

A, B = Place(Backend.MODELMESH, "models", "a"), Place(Backend.MODELMESH, "models", "b")
PLACES: Places = {"a": (A,), "b": (B,)}
OWN = frozenset({Backend.MODELMESH.value})
Values = dict[tuple[Place, str, str], float]


def snap(
    at: float, values: Values, seen: tuple[str, ...] = (), pods_at: dict[str, float] | None = None
) -> Snapshot:
    """Counters by place, pod and code; pods in `seen` were read and count nothing."""
    snapshot = Snapshot()
    for pod in seen:
        snapshot.see(A, pod, at)
    for (place, pod, code), value in values.items():
        snapshot.add(place, pod, code, value, (pods_at or {}).get(pod, at))
    return snapshot


class Reader:
    def __init__(self, what: Signal | Custom = Signal.ERRORS, places: Places = PLACES) -> None:
        self.asked = MetricRequest(GroupKey("models", "m"), "errors", what, ())
        self.places: Places = places

    def read(self, snapshot: Snapshot, now: float) -> Answer:
        answer = fold(self.asked, self.places, snapshot, now, OWN)
        if isinstance(answer, Reading):
            bookmark = to_bookmark(json.loads(json.dumps(to_plain(answer.bookmark), allow_nan=False)))
            assert bookmark == answer.bookmark
            self.asked = replace(self.asked, bookmark=bookmark)
        return answer

    def counts(self, snapshot: Snapshot, now: float) -> dict[str, tuple[float, float]] | None:
        answer = self.read(snapshot, now)
        assert isinstance(answer, Reading), answer
        if answer.counts is None:
            return None
        return {member: (each.requests, each.bad) for member, each in answer.counts.items()}


def test_increments_by_member_outcome_and_pod() -> None:
    reader = Reader()
    assert reader.counts(snap(10, {(A, "p", "good OK"): 5, (B, "q", "good OK"): 7}), 10) is None
    answer = reader.read(
        snap(
            20, {(A, "p", "good OK"): 6, (A, "p", "bad X"): 2, (B, "q", "good OK"): 7, (B, "q", "bad X"): 1}
        ),
        20,
    )
    assert isinstance(answer, Reading)
    assert answer.counts == {
        "a": MemberCounts(3, 2, pods={"p": (3, 2)}),
        "b": MemberCounts(1, 1, pods={"q": (1, 1)}),
    }
    assert to_shares(answer.counts) == {"a": 75, "b": 25}
    counted = to_counts(answer.counts, "b", "a")
    assert (counted.canary_requests, counted.canary_bad, counted.stable_requests, counted.stable_bad) == (
        1,
        1,
        3,
        2,
    )


def test_a_member_without_any_request_counts_nothing() -> None:
    reader = Reader()
    reader.counts(snap(10, {(A, "p", "good OK"): 5}), 10)
    assert reader.counts(snap(20, {(A, "p", "good OK"): 9}), 20) == {"a": (4, 0), "b": (0, 0)}


def test_resets_new_series_and_new_pods() -> None:
    reader = Reader()
    reader.counts(snap(10, {(A, "p", "good OK"): 50}, seen=("idle",)), 10)
    # A reset; a series that a scraped pod lacked; one of a pod that was read and had none; one of a new pod.
    values: Values = {
        (A, "p", "good OK"): 3,
        (A, "p", "bad X"): 2,
        (B, "idle", "good OK"): 4,
        (B, "new", "good OK"): 900,
    }
    assert reader.counts(snap(20, values), 20) == {"a": (5, 2), "b": (4, 0)}
    values[B, "new", "good OK"] = 901
    assert reader.counts(snap(30, values), 30) == {"a": (0, 0), "b": (1, 0)}


def test_a_member_that_joins_brings_no_history_along() -> None:
    reader = Reader(places={"a": (A,)})
    values: Values = {(A, "p", "good OK"): 5, (B, "p", "good OK"): 100_000}
    reader.counts(snap(10, values), 10)
    reader.places = PLACES
    assert reader.counts(snap(20, values), 20) == {"a": (0, 0), "b": (0, 0)}
    values[B, "p", "good OK"] += 3
    assert reader.counts(snap(30, values), 30) == {"a": (0, 0), "b": (3, 0)}
    reader.places = {"a": (A,)}
    reader.counts(snap(40, values), 40)
    assert reader.asked.bookmark.places == (str(A),)


def test_the_same_sample_is_not_read_twice() -> None:
    reader = Reader()
    values: Values = {(A, "p", "good OK"): 5}
    reader.counts(snap(10, values), 10)
    answer = reader.read(snap(10, {(A, "p", "good OK"): 8}), 15)
    assert isinstance(answer, Reading)
    assert (answer.counts, answer.note) == (None, "no newer sample")
    assert reader.counts(snap(20, {(A, "p", "good OK"): 8}), 20) == {"a": (3, 0), "b": (0, 0)}


@pytest.mark.parametrize(
    ("change", "mixed"),
    [
        (WeightChange(5, 9), False),  # over before the last read
        (WeightChange(5, 10.5), True),  # began before it, ended after
        (WeightChange(12, 13), True),  # in between
        (WeightChange(19, 25), True),  # began in between
        (WeightChange(21, 25), False),  # began after the newest sample
    ],
)
def test_requests_of_two_weights_are_not_counted(change: WeightChange, mixed: bool) -> None:
    reader = Reader()
    reader.counts(snap(10, {(A, "p", "good OK"): 5}), 10)
    reader.asked = replace(reader.asked, change=change)
    found = reader.counts(snap(20, {(A, "p", "good OK"): 8}), 20)
    assert (found is None) == mixed
    reader.asked = replace(reader.asked, change=None)
    assert reader.counts(snap(30, {(A, "p", "good OK"): 9}), 30) == {"a": (1, 0), "b": (0, 0)}


def test_pods_scraped_earlier_count_as_far_back_as_they_were() -> None:
    """The last scrape of p was 4 s before that of q, which is the read's time."""
    reader = Reader()
    reader.counts(snap(10, {(A, "p", "good OK"): 5, (B, "q", "good OK"): 5}, pods_at={"p": 6}), 10)
    reader.asked = replace(reader.asked, change=WeightChange(7, 8))
    values: Values = {(A, "p", "good OK"): 9, (B, "q", "good OK"): 9}
    assert reader.counts(snap(20, values, pods_at={"p": 16}), 20) is None


def test_an_older_value_of_another_prometheus_is_no_reset() -> None:
    """q was scraped at 10 by the first and p at 9.8 by the second, which saw q at 12."""
    reader = Reader()
    reader.counts(snap(10, {(A, "p", "good OK"): 1000, (B, "q", "good OK"): 50}), 10)
    older: Values = {(A, "p", "good OK"): 990, (B, "q", "good OK"): 60}
    assert reader.counts(snap(12, older, pods_at={"p": 9.8}), 12) == {"a": (0, 0), "b": (10, 0)}
    newer: Values = {(A, "p", "good OK"): 1010, (B, "q", "good OK"): 70}
    assert reader.counts(snap(14, newer), 14) == {"a": (10, 0), "b": (10, 0)}


def test_a_sum_over_pods_that_falls_says_nothing() -> None:
    a, b = Place("custom", "", "a"), Place("custom", "", "b")
    reader = Reader(Custom("x", "y"), {"a": (a,), "b": (b,)})
    reader.counts(snap(10, {(a, "", "good all"): 100, (b, "", "good all"): 10}), 10)
    answer = reader.read(snap(20, {(a, "", "good all"): 70, (b, "", "good all"): 15}), 20)
    assert isinstance(answer, Reading)
    assert (answer.counts, answer.note) == (None, "a sum over pods fell")
    found = reader.counts(snap(30, {(a, "", "good all"): 72, (b, "", "good all"): 16}), 30)
    assert found == {"a": (2, 0), "b": (1, 0)}


def test_buckets_of_latency() -> None:
    reader = Reader(Signal.LATENCY)
    reader.read(snap(10, {(A, "p", "le 0.1"): 5, (A, "p", "le inf"): 6}), 10)
    answer = reader.read(
        snap(20, {(A, "p", "le 0.1"): 7, (A, "p", "le inf"): 10, (A, "q", "le inf"): 4}, seen=("p",)), 20
    )
    assert isinstance(answer, Reading)
    assert answer.counts is not None
    assert answer.counts["a"] == MemberCounts(4, buckets={0.1: 2, math.inf: 4})


@pytest.mark.parametrize(
    ("values", "now", "trouble"),
    [
        ({}, 10.0, Trouble.NO_SERIES),
        ({(A, "p", "good OK"): math.nan}, 10.0, Trouble.NOT_A_NUMBER),
        ({(A, "p", "good OK"): math.inf}, 10.0, Trouble.NOT_A_NUMBER),
        ({(A, "p", "good OK"): 1.0}, 161.0, Trouble.STALE),
    ],
)
def test_no_data_has_its_reason_and_moves_no_bookmark(values: Values, now: float, trouble: Trouble) -> None:
    reader = Reader()
    answer = reader.read(snap(10, values), now)
    assert isinstance(answer, NoData)
    assert answer.trouble is trouble
    assert reader.asked.bookmark == Bookmark()


def test_two_members_at_one_place_are_not_told_apart() -> None:
    answer = Reader(places={"a": (A,), "b": (A, B)}).read(snap(10, {(A, "p", "good OK"): 1}), 10)
    assert isinstance(answer, Ambiguous)


def test_an_unreadable_bookmark_is_a_new_beginning() -> None:
    for plain in ({}, {"version": 9}, {"version": 1, "at": "x", "places": [], "pods": [], "marks": {}}):
        assert to_bookmark(plain) == Bookmark()


def test_one_scrape_of_a_pod_is_chosen() -> None:
    endpoints = [("p", "p:1", "b"), ("p", "p:2", "a"), ("q", "q:1", "a"), ("", "x:1", "a"), ("", "x:2", "a")]
    assert choose_endpoints(endpoints) == {
        ("p", "p:1", "b"): "p p:1 b",
        ("q", "q:1", "a"): "q q:1 a",
        ("", "x:1", "a"): "x:1 a",
        ("", "x:2", "a"): "x:2 a",
    }
