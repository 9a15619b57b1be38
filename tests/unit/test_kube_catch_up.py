"""A list of now beside a watch that is late: in no order of the two does the store go back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsplit.kube.port import ApiError, EventType, Gone, Page, Resource, Unavailable
from meshsplit.kube.reflector import Reflector
from meshsplit.kube.store import Store
from support.fake_api import FakeReader, FakeTime
from support.kube_objects import WIDGETS, event_of, key_of, make_widget, page_of

EXPIRED = Gone(410, "Expired", "too old resource version")
CUT = Unavailable(0, "ConnectionFailed", "reset")


class Seen(NamedTuple):
    """A widget at one version."""

    version: int
    tag: str


@dataclass
class Answers(FakeReader):
    """Between two pages something may happen elsewhere."""

    meanwhile: Callable[[], object] = lambda: None

    def list_page(self, resource: Resource, **query: Any) -> Page:
        page = super().list_page(resource, **query)
        self.meanwhile()
        return page


@dataclass
class Bench:
    """A store at a list of version `listed`, and what tells it more; its values may have no version."""

    widgets: Sequence[dict[str, Any]] = ()
    listed: int = 9
    versioned: bool = True
    touched: list[list[str]] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time = FakeTime()
        self.store: Store[Seen, str] = Store(
            lambda _, seen: [seen.tag], version=lambda seen: seen.version if self.versioned else 0
        )
        self.own = FakeReader(self.time, [page_of(*self.widgets, version=self.listed)])
        self.reflector = Reflector(
            self.own,
            WIDGETS,
            self._decode,
            self.store,
            lambda groups: self.touched.append(sorted(groups)),
            namespace="ns",
            labels="l=1",
        )
        self.list_again()
        self.touched.clear()
        self.decoded.clear()
        self.own.asked.clear()

    def _decode(self, body: dict[str, Any]) -> Seen:
        self.decoded.append(int(body["metadata"]["resourceVersion"]))
        return Seen(self.decoded[-1], body["spec"]["tag"])

    def list_again(self, *pages: Page) -> None:
        """The reflector's own list, as after a 410 of its watch."""
        self.own.script += pages
        self.reflector._list()

    def catch_up(self, *answers: Page | ApiError, meanwhile: Callable[[], object] = lambda: None) -> Answers:
        api = Answers(self.time, list(answers), meanwhile=meanwhile)
        self.reflector.catch_up(api)
        assert api.script == []
        return api

    def hear(self, kind: EventType, name: str, version: int, tag: str = "t") -> None:
        self.reflector.take(event_of(kind, make_widget(name, tag, version)))

    def version(self, name: str) -> int | None:
        seen = self.store.get(key_of(name))
        return None if seen is None else seen.version


def test_every_page_is_read_by_the_callers_api_and_tells_whom_it_touched() -> None:
    bench = Bench([make_widget("a", "t", 1), make_widget("b", "u", 2)])
    first = page_of(make_widget("a", "v", 11), make_widget("b", "u", 2), version=20, token="more")
    api = bench.catch_up(first, page_of(make_widget("c", "w", 12), version=20))
    assert api.asked == ["list 500", "list 500 more"]
    assert (bench.own.asked, bench.reflector.lists) == ([], 1)
    assert bench.touched == [["t", "v"], ["w"]]
    assert [bench.version(name) for name in "abc"] == [11, 2, 12]


@pytest.mark.parametrize("versioned", [True, False])
def test_what_is_known_at_this_version_or_a_later_one_is_not_decoded(versioned: bool) -> None:
    bench = Bench([make_widget("a", "t", 1), make_widget("b", "t", 2)], versioned=versioned)
    bench.hear(EventType.MODIFIED, "b", 21)
    bench.decoded.clear()
    bench.touched.clear()
    bench.catch_up(page_of(make_widget("a", "t", 1), make_widget("b", "t", 2), version=20))
    assert (bench.decoded, bench.touched) == ([], [])
    assert (bench.version("a"), bench.version("b")) == (1, 21)


@pytest.mark.parametrize("versioned", [True, False])
def test_what_the_list_has_no_more_goes_and_what_was_made_since_stays(versioned: bool) -> None:
    bench = Bench([make_widget("a", "t", 1), make_widget("b", "u", 2)], versioned=versioned)
    bench.hear(EventType.ADDED, "c", 21)
    bench.touched.clear()
    bench.catch_up(page_of(make_widget("b", "u", 2), version=20))
    assert bench.touched == [["t"]]
    assert [bench.version(name) for name in "abc"] == [None, 2, 21]


def test_pages_that_expire_are_read_in_one_piece() -> None:
    bench = Bench([make_widget("a", "t", 1)])
    first = page_of(make_widget("a", "t", 1), make_widget("b", "t", 11), version=20, token="more")
    api = bench.catch_up(first, EXPIRED, page_of(make_widget("c", "t", 22), version=30))
    assert api.asked == ["list 500", "list 500 more", "list 0"]
    assert [bench.version(name) for name in "abc"] == [None, None, 22]


@pytest.mark.parametrize("error", [EXPIRED, CUT])
def test_an_error_is_the_callers_and_takes_nothing_out(error: ApiError) -> None:
    bench = Bench([make_widget("a", "t", 1)])
    with pytest.raises(type(error)):
        bench.catch_up(error)
    first = page_of(make_widget("b", "t", 11), version=20, token="more")
    with pytest.raises(Unavailable):
        bench.catch_up(first, CUT)
    assert (bench.version("a"), bench.version("b")) == (1, 11)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_watch_that_tells_older_things_later_changes_nothing(versioned: bool) -> None:
    bench = Bench(
        [make_widget("a", "t", 1), make_widget("b", "t", 2), make_widget("c", "t", 3)], versioned=versioned
    )
    bench.catch_up(page_of(make_widget("a", "t", 14), make_widget("b", "t", 16), version=20))
    bench.touched.clear()
    bench.hear(EventType.MODIFIED, "a", 12)  # and once more at 14
    bench.hear(EventType.DELETED, "b", 13)  # and made again at 16
    bench.hear(EventType.DELETED, "c", 11)  # for good, but for a while
    bench.hear(EventType.ADDED, "c", 15)
    bench.hear(EventType.ADDED, "d", 17)  # which went before anybody heard of it
    assert [bench.version(name) for name in "abcd"] == [14, 16, None, None]
    assert [touched for touched in bench.touched if touched] == []
    bench.hear(EventType.ADDED, "d", 21)
    bench.hear(EventType.DELETED, "a", 22)
    assert [bench.version(name) for name in "abcd"] == [None, 16, None, 21]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_list_of_the_watchs_own_that_is_older_takes_nothing_back(versioned: bool) -> None:
    bench = Bench([make_widget("a", "t", 1), make_widget("b", "t", 2)], versioned=versioned)
    bench.catch_up(page_of(make_widget("a", "t", 14), make_widget("c", "t", 15), version=20))
    bench.list_again(page_of(make_widget("a", "t", 1), make_widget("b", "t", 2), version=10))
    bench.hear(EventType.ADDED, "d", 17)
    assert [bench.version(name) for name in "abcd"] == [14, None, 15, None]
    bench.list_again(page_of(make_widget("a", "t", 14), make_widget("b", "t", 25), version=30))
    assert [bench.version(name) for name in "abc"] == [14, 25, None]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_list_of_the_watchs_own_that_is_newer_is_not_undone_by_a_slow_one(versioned: bool) -> None:
    bench = Bench([make_widget("a", "t", 1), make_widget("b", "t", 2)], versioned=versioned)
    newer = page_of(make_widget("b", "t", 25), make_widget("c", "t", 26), version=30)
    first = page_of(make_widget("a", "t", 1), version=20, token="more")
    second = page_of(make_widget("b", "t", 2), version=20)
    bench.catch_up(first, second, meanwhile=lambda: bench.list_again(newer))
    assert [bench.version(name) for name in "abc"] == [None, 25, 26]


NAMES = "abc"


@dataclass
class Past:
    """What happened to the objects, one thing at each version from 1 on."""

    changes: Sequence[tuple[str, bool]]

    def state(self, at: int) -> dict[str, int]:
        """The versions of what is there at a version."""
        found: dict[str, int] = {}
        for version, (name, goes) in enumerate(self.changes[:at], 1):
            found.pop(name, None)
            if not goes:
                found[name] = version
        return found

    def widgets(self, at: int) -> list[dict[str, Any]]:
        """What is there at a version."""
        return [make_widget(name, "t", version) for name, version in sorted(self.state(at).items())]

    def pages(self, at: int) -> list[Page]:
        """A list at a version, an object a page."""
        return [*(page_of(each, version=at, token="more") for each in self.widgets(at)), page_of(version=at)]

    def tell(self, bench: Bench, version: int) -> None:
        """What a watch says of a version; an object that was not there cannot go."""
        name, goes = self.changes[version - 1]
        before = name in self.state(version - 1)
        if goes and before:
            bench.hear(EventType.DELETED, name, version)
        elif not goes:
            bench.hear(EventType.MODIFIED if before else EventType.ADDED, name, version)

    def may_be(self, name: str, since: int) -> set[int | None]:
        """The versions that it had at some time since then, None when it was not there."""
        return {self.state(at).get(name) for at in range(since, len(self.changes) + 1)}


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), min_size=1, max_size=14),
    st.data(),
)
def test_after_it_nothing_is_older_than_its_list_whatever_the_watch_tells_when(
    changes: list[tuple[str, bool]], data: st.DataObject
) -> None:
    past, last = Past(changes), len(changes)
    began = data.draw(st.integers(1, last), "the watch began at")
    listed = data.draw(st.integers(began, last), "the list is of")
    versioned = data.draw(st.booleans(), "values have a version")
    bench, heard = Bench(past.widgets(began), began, versioned), began

    def watch() -> None:
        """Hear of some more, or of so much at once that only a list helps."""
        nonlocal heard
        goal = data.draw(st.integers(heard, last), "heard up to")
        if data.draw(st.booleans(), "by a list"):
            bench.list_again(page_of(*past.widgets(goal), version=goal))
        else:
            for version in range(heard + 1, goal + 1):
                past.tell(bench, version)
        heard = goal

    def check() -> None:
        for name in NAMES:
            assert bench.version(name) in past.may_be(name, max(listed, heard))

    bench.catch_up(*past.pages(listed), meanwhile=watch)
    check()
    watch()
    check()
    while heard < last:
        heard += 1
        past.tell(bench, heard)
        check()
