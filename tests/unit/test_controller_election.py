"""What a new leader reads before it works, and what it does when it cannot."""

import threading
from dataclasses import dataclass, field

from meshsplit.controller.election import Election
from meshsplit.controller.istioversion import PROBE_SECONDS
from meshsplit.controller.options import Options
from meshsplit.diagnostics import Finding
from meshsplit.kube.port import ApiError, NotFound, Resource, TooManyRequests, Unavailable
from meshsplit.kube.reflector import Reflector
from meshsplit.kube.store import Store
from meshsplit.model import Settings
from meshsplit.telemetry.metrics import Metrics
from support.fake_api import FakeLeases, FakeReader, FakeTime
from support.kube_objects import WIDGETS, Widget, decode, index, make_widget, page_of

CUT = Unavailable(0, "ConnectionFailed", "reset")
GONE = NotFound(404, "NotFound", "the server could not find the requested resource")
BUSY = TooManyRequests(429, "TooManyRequests", "", 7.0)


class Pauses(threading.Event):
    """Nobody stops, and waiting takes no time; `ends` says after how many pauses somebody does."""

    def __init__(self, ends: int = 100) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._ends = ends

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        if len(self.seconds) == self._ends:
            self.set()
        return self.is_set()


@dataclass
class Bench:
    """Two that are followed, and what an API answers when they are listed."""

    script: list[object]
    leader_election: bool = True
    errors: list[tuple[Resource | None, ApiError]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = FakeReader(FakeTime(), self.script)  # type: ignore[arg-type]
        self.stores: list[Store[Widget | Finding, str]] = [Store(index), Store(index)]

    def catch_up(self, stopping: threading.Event) -> bool:
        options = Options(settings=Settings(), leader_election=self.leader_election)
        election = Election(
            FakeLeases().of("me"),
            options,
            Metrics(),
            lambda _why: None,
            lambda resource, error: self.errors.append((resource, error)),
        )
        nobody = FakeReader(FakeTime(), [])
        followers = [Reflector(nobody, WIDGETS, decode, store, lambda _: None) for store in self.stores]
        done = election.catch_up(followers, self.api, stopping)
        assert nobody.asked == []
        return done

    @property
    def held(self) -> list[int]:
        return [len(store) for store in self.stores]


def some(*names: str) -> object:
    return page_of(*(make_widget(name, "t", 1) for name in names), version=9)


def test_everything_is_read_once() -> None:
    bench, pauses = Bench([some("a"), some("b", "c")]), Pauses()
    assert bench.catch_up(pauses)
    assert (bench.held, bench.errors, pauses.seconds) == ([1, 2], [], [])


def test_what_cannot_be_read_is_told_and_read_again_after_a_pause_until_it_works() -> None:
    bench, pauses = Bench([some("a"), CUT, BUSY, some("b")]), Pauses()
    assert bench.catch_up(pauses)
    assert bench.held == [1, 1]
    assert bench.errors == [(WIDGETS, CUT), (WIDGETS, BUSY)]
    assert pauses.seconds == [PROBE_SECONDS, 7.0]


def test_a_kind_that_is_served_no_more_is_told_and_not_waited_for() -> None:
    bench, pauses = Bench([GONE, some("b")]), Pauses()
    assert bench.catch_up(pauses)
    assert (bench.held, bench.errors, pauses.seconds) == ([0, 1], [(WIDGETS, GONE)], [])


def test_whoever_is_stopped_before_has_not_caught_up() -> None:
    bench = Bench([CUT, CUT, some("a")])
    assert not bench.catch_up(Pauses(ends=2))
    assert len(bench.api.script) == 1


def test_without_an_election_there_was_nobody_before() -> None:
    bench = Bench([some("a")], leader_election=False)
    assert bench.catch_up(Pauses())
    assert bench.api.asked == []
