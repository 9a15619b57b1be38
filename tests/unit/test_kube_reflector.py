"""The reflector against a scripted port and a clock that only its own sleeping moves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from meshsplit.diagnostics import Finding
from meshsplit.kube.port import ApiError, EventType, Forbidden, Gone, Page, TooManyRequests, Unavailable
from meshsplit.kube.reflector import WATCH_SECONDS, Reflector
from meshsplit.kube.store import Store
from support.fake_api import FakeReader, FakeTime
from support.kube_objects import (
    WIDGETS,
    Widget,
    decode,
    event_of,
    index,
    key_of,
    make_widget,
    page_of,
)

MIDDLE = 0.5
"""A draw that leaves a jittered delay as it is."""

FORBIDDEN = Forbidden(403, "Forbidden", "no")
EXPIRED = Gone(410, "Expired", "too old resource version")
CUT = Unavailable(0, "ConnectionFailed", "reset")
SILENT = Unavailable(0, "Timeout", "nothing came")

Step = Page | ApiError | list[object]


@dataclass
class Bench:
    """A reflector that has run its script to the end."""

    script: Sequence[Step]
    draw: float = MIDDLE
    seconds: float = 0.0
    time: FakeTime = field(default_factory=FakeTime)
    touched: list[list[str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = FakeReader(self.time, list(self.script), seconds=self.seconds)
        self.store: Store[Widget | Finding, str] = Store(index)
        self.reflector = Reflector(
            self.api,
            WIDGETS,
            decode,
            self.store,
            lambda groups: self.touched.append(sorted(groups)),
            on_error=lambda error: self.errors.append(error.reason),
            clock=self.time.clock,
            random=lambda: self.draw,
            sleep=self.time.sleep,
        )
        self.api.finish = self.reflector.stop
        self.reflector.run()

    @property
    def names(self) -> list[str]:
        return [value.name for value in self.store.values() if isinstance(value, Widget)]


def added(name: str, version: int, tag: object = "t") -> object:
    return event_of(EventType.ADDED, make_widget(name, tag, version))


def deleted(name: str, version: int) -> object:
    return event_of(EventType.DELETED, make_widget(name, "t", version))


def mark(version: int) -> object:
    return event_of(EventType.BOOKMARK, {"metadata": {"resourceVersion": str(version)}})


def test_all_pages_are_one_replacement_and_then_it_is_synced() -> None:
    first = page_of(make_widget("a", "t", 1), version=9, token="more")
    second = page_of(make_widget("b", "u", 2), version=9)
    bench = Bench([first, second])
    assert bench.api.asked == ["list 500", "list 500 more", "watch 9"]
    assert bench.touched == [["t", "u"]]
    assert bench.names == ["a", "b"]
    assert bench.reflector.synced.is_set()


def test_events_change_the_store_and_tell_which_groups() -> None:
    moved = event_of(EventType.MODIFIED, make_widget("a", "u", 11))
    bench = Bench([page_of(version=9), [added("a", 10), moved, deleted("a", 12), 2.0]])
    assert bench.touched == [[], ["t"], ["t", "u"], ["u"]]
    assert bench.names == []
    assert bench.api.asked[-1] == "watch 12"


def test_an_object_that_cannot_be_read_is_kept_as_a_finding() -> None:
    bench = Bench([page_of(make_widget("a", "t", 1), version=9), [added("a", 10, tag=5), 2.0]])
    value = bench.store.get(key_of("a"))
    assert isinstance(value, Finding)
    assert bench.touched == [["t"], ["t", "unreadable:a"]]


def test_a_bookmark_moves_the_place_to_resume_from_and_nothing_else() -> None:
    bench = Bench([page_of(version=9), [mark(55), 2.0]])
    assert bench.api.asked == ["list 500", "watch 9", "watch 55"]
    assert bench.touched == [[]]


def test_a_watch_that_ends_after_its_time_is_resumed_at_once_without_a_list() -> None:
    bench = Bench([page_of(version=9), [300.0], [added("a", 10), 400.0]])
    assert bench.api.asked == ["list 500", "watch 9", "watch 9", "watch 10"]
    assert bench.time.sleeps == []
    assert bench.errors == []


def test_a_silent_watch_is_resumed_at_once_without_a_list() -> None:
    bench = Bench([page_of(version=9), [added("a", 10), 75.0, SILENT]])
    assert bench.api.asked == ["list 500", "watch 9", "watch 10"]
    assert bench.time.sleeps == []
    assert bench.errors == ["Timeout"]
    assert [stream.closed for stream in bench.api.streams] == [True]


@pytest.mark.parametrize("where", ["refused", "event"])
def test_gone_means_a_new_list_which_replaces_everything(where: str) -> None:
    watch: Step = EXPIRED if where == "refused" else [2.0, EXPIRED]
    old = page_of(make_widget("a", "t", 1), make_widget("b", "u", 2), version=9)
    new = page_of(make_widget("b", "u", 2), make_widget("c", "v", 20), version=30)
    bench = Bench([old, watch, new])
    assert bench.api.asked == ["list 500", "watch 9", "list 500", "watch 30"]
    assert bench.touched == [["t", "u"], ["t", "v"]]
    assert bench.names == ["b", "c"]


def test_a_list_that_expires_between_its_pages_is_read_in_one_piece() -> None:
    first = page_of(make_widget("a", "t", 1), version=9, token="more")
    whole = page_of(make_widget("b", "t", 2), version=12)
    bench = Bench([first, EXPIRED, whole])
    assert bench.api.asked == ["list 500", "list 500 more", "list 0", "watch 12"]
    assert bench.names == ["b"]


def test_a_list_that_fails_half_way_changes_nothing() -> None:
    old = page_of(make_widget("a", "t", 1), version=9)
    first = page_of(make_widget("b", "t", 2), version=12, token="more")
    bench = Bench([old, [2.0, EXPIRED], first, CUT])
    assert bench.names == ["a"]
    assert bench.api.asked[-1] == "list 500"


def test_refusals_back_off_to_half_a_minute() -> None:
    bench = Bench([FORBIDDEN] * 8)
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])
    assert not bench.reflector.synced.is_set()
    assert bench.errors == ["Forbidden"] * 8


@pytest.mark.parametrize(("draw", "first"), [(0.0, 0.64), (1.0, 0.96)])
def test_the_backoff_is_spread(draw: float, first: float) -> None:
    bench = Bench([FORBIDDEN], draw)
    assert bench.time.sleeps == pytest.approx([first])


def test_a_server_that_says_when_is_believed() -> None:
    bench = Bench([TooManyRequests(429, "TooManyRequests", "", 7.0), TooManyRequests(429, "", "", 1.0)])
    assert bench.time.sleeps == pytest.approx([7.0, 1.6])


def test_a_list_that_works_does_not_reset_the_backoff() -> None:
    """A server whose watches all fail would otherwise be listed without end."""
    bench = Bench([page_of(version=9), EXPIRED] * 4)
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 3.2, 6.4])


@pytest.mark.parametrize("end", [[], [CUT], [mark(9)], [0.5, CUT]])
def test_a_watch_that_ends_too_soon_did_not_work(end: list[object]) -> None:
    bench = Bench([page_of(version=9), end, end, end])
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 3.2])
    assert bench.api.asked == ["list 500", *["watch 9"] * 4]


def test_an_event_resets_the_backoff_but_a_short_watch_still_waits() -> None:
    """So that a server which ends each watch after one event is not asked without a pause."""
    bench = Bench([page_of(version=9), FORBIDDEN, FORBIDDEN, [added("a", 10)], [added("a", 11), CUT]])
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 0.8, 0.8])


def test_a_watch_that_lived_resets_the_backoff() -> None:
    bench = Bench([page_of(version=9), FORBIDDEN, FORBIDDEN, [1.5], FORBIDDEN])
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 0.8])


def test_a_slow_refusal_is_not_a_watch_that_lived() -> None:
    """Only the time after the watch was opened counts."""
    bench = Bench([page_of(version=9), *[FORBIDDEN] * 3], seconds=20.0)
    assert bench.time.sleeps == pytest.approx([0.8, 1.6, 3.2])


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 300), (0.9999, 600)])
def test_watches_are_asked_to_end_at_different_times(draw: float, seconds: int) -> None:
    bench = Bench([page_of(version=9), [2.0]], draw)
    assert bench.api.timeouts == [seconds, seconds]
    assert WATCH_SECONDS == (300, 600)


def test_after_stop_nothing_is_touched_or_reported() -> None:
    time = FakeTime()
    store: Store[Widget | Finding, str] = Store(index)
    touched: list[frozenset[str]] = []
    errors: list[ApiError] = []
    watch: list[object] = []
    api = FakeReader(time, [page_of(version=9), watch])
    reflector = Reflector(
        api,
        WIDGETS,
        decode,
        store,
        touched.append,
        on_error=errors.append,
        clock=time.clock,
        sleep=time.sleep,
    )
    watch += [reflector.stop, added("a", 10), CUT]
    reflector.run()
    assert touched == [frozenset()]
    assert (errors, time.sleeps, len(store), api.closed) == ([], [], 0, True)
