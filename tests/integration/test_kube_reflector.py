"""The reflector with the real client over real sockets; only its pauses are made short."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kubernetes.client import Configuration

from meshsplit.diagnostics import Finding
from meshsplit.kube.client import Client
from meshsplit.kube.port import ApiError
from meshsplit.kube.reflector import Reflector
from meshsplit.kube.store import Store
from support.kube_objects import (
    WIDGETS,
    Widget,
    bookmark,
    decode,
    index,
    line,
    list_of,
    make_widget,
    status_of,
)
from support.scripted_api import (
    ScriptedApi,
    answer,
    hung_up,
    scripted_api,
    silent,
    stream,
)
from support.waiting import DEADLINE_SECONDS, eventually


@dataclass
class Following:
    """A reflector at work in its thread."""

    api: ScriptedApi
    silence: float
    errors: list[ApiError] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store: Store[Widget | Finding, str] = Store(index)
        client = Client(Configuration(host=self.api.url), silence=self.silence, timeout=self.silence)
        self.reflector = Reflector(
            client,
            WIDGETS,
            decode,
            self.store,
            lambda _groups: None,
            on_error=self.errors.append,
            sleep=self._pause,
        )
        self.thread = threading.Thread(target=self.reflector.run, daemon=True)
        self.thread.start()

    def _pause(self, stop: threading.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        stop.wait(0.01)

    @property
    def names(self) -> list[str]:
        return [value.name for value in self.store.values() if isinstance(value, Widget)]

    @property
    def asked(self) -> list[str]:
        """Each request as `list` or `watch from`."""
        queries = [request.query for request in self.api.requests]
        return [f"watch {query['resourceVersion']}" if "watch" in query else "list" for query in queries]


@contextmanager
def following(api: ScriptedApi, silence: float = 10 * DEADLINE_SECONDS) -> Iterator[Following]:
    """Stopped afterwards, which must end the thread whatever it waits for."""
    following = Following(api, silence)
    try:
        yield following
    finally:
        following.reflector.stop()
        following.thread.join(DEADLINE_SECONDS)
        assert not following.thread.is_alive()


def added(name: str, version: int) -> bytes:
    return line("ADDED", make_widget(name, "t", version))


EMPTY = answer(200, list_of(version=9))
WAITING = stream(end="silent")


def test_pages_then_events_then_stop_in_the_middle_of_a_watch() -> None:
    first = answer(200, list_of(make_widget("a", "t", 1), version=9, token="more"))
    second = answer(200, list_of(make_widget("b", "t", 2), version=9))
    with (
        scripted_api(first, second, stream(added("c", 10), end="silent")) as api,
        following(api) as it,
    ):
        eventually(lambda: it.names == ["a", "b", "c"])
        assert it.reflector.synced.is_set()
    assert it.asked == ["list", "list", "watch 9"]
    assert 300 <= int(api.requests[2].query["timeoutSeconds"]) <= 600
    assert it.errors == []


def test_cut_closed_and_half_open_watches_are_resumed_where_they_ended() -> None:
    script = (
        EMPTY,
        stream(added("a", 10), end="cut"),
        stream(added("b", 11), bookmark(20)),
        stream(added("c", 21), end="silent"),
        hung_up,
        WAITING,
    )
    with scripted_api(*script) as api, following(api, silence=2.0) as it:
        eventually(lambda: len(it.asked) == 6)
    assert it.names == ["a", "b", "c"]
    assert it.asked == ["list", "watch 9", "watch 10", "watch 20", "watch 21", "watch 21"]
    assert [error.reason for error in it.errors] == ["ConnectionFailed", "Timeout", "ConnectionFailed"]


def test_faults_of_the_server_are_outlived() -> None:
    script = (
        answer(403, status_of(403, "Forbidden", "no")),
        answer(500, b"oops"),
        hung_up,
        answer(200, list_of(make_widget("a", "t", 1), version=9)),
        answer(403, status_of(403, "Forbidden", "no")),
        answer(429, status_of(429, "TooManyRequests"), {"Retry-After": "17"}),
        answer(410, status_of(410, "Expired", "too old")),
        answer(200, list_of(make_widget("b", "t", 1), version=30)),
        stream(line("ERROR", status_of(410, "Expired", "too old"))),
        answer(200, list_of(make_widget("c", "t", 1), version=40)),
        WAITING,
    )
    with scripted_api(*script) as api, following(api) as it:
        eventually(lambda: it.names == ["c"] and len(it.asked) == 11)
    assert it.asked[4:] == ["watch 9", "watch 9", "watch 9", "list", "watch 30", "list", "watch 40"]
    assert [error.status for error in it.errors] == [403, 500, 0, 403, 429, 410, 410]
    assert it.pauses[4] == 17.0


def test_a_list_that_is_never_answered_is_asked_for_again() -> None:
    with scripted_api(silent, EMPTY, WAITING) as api, following(api, silence=2.0) as it:
        assert it.reflector.synced.wait(DEADLINE_SECONDS)
    assert it.errors[0].reason == "Timeout"


def test_stop_ends_a_list_that_is_never_answered() -> None:
    with scripted_api(silent) as api, following(api) as it:
        eventually(lambda: api.silences == 1)
    assert not it.reflector.synced.is_set()
    assert it.errors == []
