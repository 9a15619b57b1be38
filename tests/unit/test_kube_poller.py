"""One object that is asked for by name."""

import threading
from collections.abc import Iterator

import pytest

from meshsplit.kube.poller import Poller
from meshsplit.kube.port import ApiError, NotFound, ObjectKey, Page, Resource, Unavailable, WatchEvent
from meshsplit.kube.store import Store

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
KEY = ObjectKey("", "models")


class Answers:
    """An API that gives one scripted answer after the other."""

    def __init__(self, *answers: bytes | ApiError) -> None:
        self.left = list(answers)
        self.closed = False

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        assert (resource, namespace, name) == (NAMESPACES, "", "models")
        answer = self.left.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def list_page(self, *_: object, **__: object) -> Page:
        raise AssertionError("a poller may not list")

    def watch(self, *_: object, **__: object) -> Iterator[WatchEvent]:
        raise AssertionError("a poller may not watch")

    def close(self) -> None:
        self.closed = True


class Run:
    """A poller that looks once for each answer, and what came of each look."""

    def __init__(self, *answers: bytes | ApiError) -> None:
        self.store: Store[str, str] = Store(lambda _, value: [value])
        self.seen: list[tuple[str | None, bool]] = []
        self.errors: list[ApiError] = []
        self.touched: list[frozenset[str]] = []
        self.api = Answers(*answers)
        self.poller: Poller[str, str] = Poller(
            self.api,  # type: ignore[arg-type]
            NAMESPACES,
            "models",
            str,
            self.store,
            self.touched.append,
            on_error=self.errors.append,
            sleep=self.sleep,
        )
        self.poller.run()

    def sleep(self, stop: threading.Event, seconds: float) -> None:
        self.seen.append((self.store.get(KEY), self.poller.synced.is_set()))
        if not self.api.left:
            self.poller.stop()


def test_it_follows_the_object_through_changes_and_its_end() -> None:
    run = Run(b'"on"', b'"off"', NotFound(404, "NotFound", "gone"), b'"on"')
    assert run.seen == [("on", True), ("off", True), (None, True), ("on", True)]
    assert run.touched == [{"on"}, {"on", "off"}, {"off"}, {"on"}]
    assert run.api.closed


def test_a_failure_keeps_what_is_there_and_is_reported() -> None:
    error = Unavailable(0, "ConnectionFailed", "no")
    run = Run(error, b'"on"', error)
    assert run.seen == [(None, False), ("on", True), ("on", True)]
    assert run.errors == [error, error]


def test_an_object_that_is_not_there_is_an_answer() -> None:
    assert Run(NotFound(404, "NotFound", "no")).seen == [(None, True)]


def test_it_is_asked_at_once_by_an_api_of_the_callers_who_is_told_what_fails() -> None:
    run = Run(b'"old"')
    run.poller.catch_up(Answers(b'"new"'))  # type: ignore[arg-type]
    assert run.store.get(KEY) == "new"
    assert run.touched[-1] == {"old", "new"}
    with pytest.raises(Unavailable):
        run.poller.catch_up(Answers(Unavailable(503, "ServiceUnavailable", "")))  # type: ignore[arg-type]
    assert (run.store.get(KEY), run.errors) == ("new", [])
